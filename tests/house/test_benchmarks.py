"""The speed benchmark runs where nothing but Lamplighter is installed."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def asked(**changes: Any) -> argparse.Namespace:
    """What a person asked for."""
    given = {
        "data": None, "photographs": None, "pictures": [80, 20], "rounds": 2, "only": None,
        "keep": None, "minutes": None, "size": None,
    }  # fmt: skip
    return argparse.Namespace(**given | changes)


def test_the_command_lists_its_jobs() -> None:
    """`make bench ARGS=--list` names every job with what it is, and imports no torch for that."""
    code = "import sys, runpy; sys.argv = ['bench', '--list']; runpy.run_module('benchmarks', run_name='__main__'); sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"course", "start", "resnet18", "loader", "nothing", "answers", "accuracy"} <= set(named)


def test_a_small_job_runs_on_made_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A row is measured, a tool that is not there is said to be missing, one that breaks to have failed."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import __main__ as bench
    from benchmarks.speed.jobs import JOBS, Job, Row, rate

    rows = (
        Row("decoding", "textbook", "decode"),
        Row("absent", "peers.no_such_tool", needs="no_such_tool"),
        Row("broken", "no_such_module"),
    )
    monkeypatch.setitem(JOBS, "small", Job("a trial", rows, rate))
    kept = tmp_path / "turns.jsonl"
    lines = bench.measured("small", asked(keep=kept))
    row = next(line for line in lines if line.startswith("| decoding"))
    assert float(row.split("|")[2].replace(",", "")) > 0
    assert "absent: not installed" in lines
    assert any(line.startswith("broken: failed; ModuleNotFoundError") for line in lines)
    assert "made pictures), 2 alternations" in lines[1]
    again = bench.measured("small", asked(keep=kept, only=["nobody"]))
    assert "2 alternations" in again[1]


def test_a_training_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs, first step and accuracy of Lamplighter's own training come through its loop's seams."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import __main__ as bench

    lines = bench.measured("start", asked(rounds=1, only=["Lamplighter, fp32"]))
    heads, row = (
        [cell.strip() for cell in line.split("|")[2:-1]]
        for line in lines
        if line.startswith(("|  |", "| Lamplighter, fp32"))
    )
    found = dict(zip(heads, row, strict=True))
    assert 0 < float(found["s to the first step"]) < float(found["s from start to end"])
    assert 0 <= float(found["accuracy"].split()[0]) <= 1
