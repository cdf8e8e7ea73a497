"""Real photographs and a real network, killed at ten random moments: the same model file (R3).

By hand, with other data: LAMPLIGHTER_TEST_DATA=… pytest -m slow tests/faults/test_kills_photographs.py
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_kills import ended_equal

DATA = Path(os.environ.get("LAMPLIGHTER_TEST_DATA", "nowhere"))
PHOTOGRAPHS, WEIGHTS = DATA / "hymenoptera", DATA / "weights" / "mobilenet_v2-5056a157.pth"
KILLS, EACH = 10, 4  # in all, and of one run
TRAIN = (
    "train", str(PHOTOGRAPHS), "--model", "mobilenet_v2", "--weights", str(WEIGHTS), "--size", "64",
    "--epochs", "3", "--batch", "16", "--device", "cpu", "--precision", "fp32", "--augment", "flip",
    "--save-every", "0.02", "--checks", "off", "--no-tensorboard", "--out", "runs",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason="no photographs here")
def test_photographs_killed_at_random(lamp: Any, tmp_path: Path) -> None:
    """Whatever the moment, the same command goes on, and the model is equal byte for byte."""
    began = time.monotonic()
    ended = lamp.run(tmp_path, *TRAIN, "--name", "whole")
    assert ended.code == 0, ended.said
    lasted = time.monotonic() - began
    draw = random.Random(6)
    moments: list[float] = []
    for number in range(KILLS):
        if len(moments) >= KILLS:
            break
        name = f"killed{number}"
        for _ in range(EACH):
            pid = lamp.start(tmp_path, *TRAIN, "--name", name)
            moments.append(draw.uniform(0.05, 0.7) * lasted)
            time.sleep(moments[-1])
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if lamp.wait(tmp_path, pid).code == 0:
                moments.pop()
                break
        else:
            ended = lamp.run(tmp_path, *TRAIN, "--name", name)
            assert ended.code == 0, ended.said
        ended_equal(tmp_path / "runs" / name, tmp_path / "runs" / "whole")
    assert len(moments) >= KILLS
    print(f"killed after {', '.join(f'{moment:.1f}' for moment in moments)} s of {lasted:.1f} s")
