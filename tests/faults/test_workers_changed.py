"""Killed with one number of workers and gone on with another, a training ends in the same weights (R3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_kills import STEP, figures, weights
from tests.faults.test_workers import OWN, TRAIN

SAVING = ("--save-every", "0.0001", "--epochs", "3")


def changed(
    lamp: Any, cwd: Path, first: str, then: str, step: int, whole: Path | None = None
) -> Path:
    """Kills at a step, goes on with another number of workers, and compares."""
    (cwd / "mine.py").write_text("import os\nos.environ.update(KIND='', MARK='')\n" + OWN)
    if whole is None:
        ended = lamp.run(cwd, *TRAIN, *SAVING, "--workers", "0", "--name", "whole")
        assert ended.code == 0, ended.said
        whole = cwd / "runs" / "whole"
    name = f"a{first}{then}{step}"
    plan = [{"at": STEP, "call": step, "do": ["SIGKILL"], "once": "runs/*/checkpoints/step-*"}]
    killed = lamp.run(cwd, *TRAIN, *SAVING, "--workers", first, "--name", name, plan=plan)
    assert killed.code == -9, killed.said
    ended = lamp.run(cwd, "train", "--resume", f"runs/{name}", "--workers", then)
    assert ended.code == 0, ended.said
    assert f"changed on resume: workers {first} → {then}" in ended.said
    assert figures(cwd / "runs" / name) == figures(whole)
    assert weights(cwd / "runs" / name) == weights(whole)
    return whole


def test_another_number_of_workers(lamp: Any, tmp_path: Path) -> None:
    """In the middle of an epoch, from two workers to none: the same figures and weights."""
    changed(lamp, tmp_path, "2", "0", 12)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_any_other_number_of_workers(lamp: Any, tmp_path: Path) -> None:
    """The same from each number to each other, at eight steps."""
    whole = None
    for first in "014":
        for then in "0134":
            if first != then:
                for step in range(2, 24, 3):
                    whole = changed(lamp, tmp_path, first, then, step, whole)
