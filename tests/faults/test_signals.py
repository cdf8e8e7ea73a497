"""Asked to stop, a training stops soon, keeps what it has, and leaves nothing running (R4)."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

STEP = "lamplighter.training.loop:train_step"
PHASES = {
    "checks": ("lamplighter.stages:_check_pictures", 1),
    "decoding": ("lamplighter.images.cache:hold", 1),
    "training": (STEP, 7),
    "validation": ("lamplighter.training.loop:validate", 1),
    "saving": ("lamplighter.training.checkpoint:save", 2),
    "answers": ("lamplighter.finish:outcome_of", 1),
    "report": ("lamplighter.finish:write_report", 1),
}
CODES = {"SIGTERM": 143, "SIGUSR1": 143, "SIGINT": 130}
KEPT = {"training", "validation", "saving"}
AFTER = {"answers", "report"}


def stopped_in(
    phase: str, signals: list[str], lamp: Any, cwd: Path, no_orphans: Any, *more: str
) -> None:
    at, call = PHASES[phase]
    plan = [{"at": at, "call": call, "do": signals}]
    checks = ("--checks", "fast") if phase == "checks" else ()
    began = time.monotonic()
    ended = lamp.train(cwd, "--epochs", "2", "--name", "a", *checks, *more, plan=plan)
    assert time.monotonic() - began < 60  # far above what it takes: that it ends at all
    assert ended.code == CODES[signals[0]], ended.said
    assert "Traceback" not in ended.said
    assert no_orphans(cwd)
    run = cwd / "runs" / "a"
    if phase in KEPT | AFTER:
        status = json.loads((run / "status.json").read_text())
        assert status["state"] == "interrupted"
        if len(signals) == 1:
            assert "lamp train --resume runs/a" in " ".join(ended.said.split())
        again = lamp.train(cwd, "--epochs", "2", "--name", "a", *more)
        assert again.code == 0, again.said
        assert "going on with runs/a" in again.said
        assert len((run / "metrics.jsonl").read_text().splitlines()) == 2
        if phase == "training" and len(signals) == 1:
            assert f"step {call}" in " ".join(again.said.split())
    else:
        assert not run.exists()


FEW = [
    ("checks", "SIGTERM"), ("decoding", "SIGINT"), ("training", "SIGUSR1"),
    ("validation", "SIGTERM"), ("saving", "SIGINT"), ("report", "SIGTERM"),
]  # fmt: skip


@pytest.mark.parametrize(("phase", "name"), FEW)
def test_a_signal(phase: str, name: str, lamp: Any, tmp_path: Path, no_orphans: Any) -> None:
    """Whatever the phase, a signal ends the command with its code, and nothing trained is lost."""
    stopped_in(phase, [name], lamp, tmp_path, no_orphans)


@pytest.mark.faults
@pytest.mark.parametrize("name", list(CODES))
@pytest.mark.parametrize("phase", list(PHASES))
def test_every_signal(phase: str, name: str, lamp: Any, tmp_path: Path, no_orphans: Any) -> None:
    """The same for all signals in all phases."""
    stopped_in(phase, [name], lamp, tmp_path, no_orphans)


def test_ctrl_c_twice(lamp: Any, tmp_path: Path, no_orphans: Any) -> None:
    """A second Ctrl-C ends the training where it stands; the last checkpoint is there."""
    stopped_in("training", ["SIGINT", "SIGINT"], lamp, tmp_path, no_orphans)


@pytest.mark.faults
@pytest.mark.parametrize("phase", list(PHASES))
def test_ctrl_c_twice_in_every_phase(
    phase: str, lamp: Any, tmp_path: Path, no_orphans: Any
) -> None:
    """The same in all phases."""
    stopped_in(phase, ["SIGINT", "SIGINT"], lamp, tmp_path, no_orphans)


OWN = """
import torch
from torch import nn
class Slow(torch.utils.data.Dataset):
    def __len__(self): return 400
    def __getitem__(self, index):
        return torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(index)), index % 3
data = Slow()
class Net(nn.Sequential):
    def __init__(self): super().__init__(nn.Flatten(), nn.Linear(64, 3))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_reaches_the_workers_too(
    name: str, lamp: Any, tmp_path: Path, no_orphans: Any
) -> None:
    """A terminal sends Ctrl-C to the whole group: workers that read data do not die of it in a mess."""
    (tmp_path / "mine.py").write_text(OWN)
    command = ("train", "mine:data", "--model", "mine:Net", "--epochs", "500", "--workers", "2",
               "--checks", "off", "--no-tensorboard", "--name", "a", "--batch", "8")  # fmt: skip
    pid = lamp.start(tmp_path, *command)
    metrics = tmp_path / "runs" / "a" / "metrics.jsonl"
    for _ in range(600):
        if metrics.exists() and metrics.stat().st_size:
            break
        time.sleep(0.05)
    os.killpg(pid, getattr(signal, name))
    ended = lamp.wait(tmp_path, pid)
    assert ended.code == CODES[name], ended.said
    assert "Traceback" not in ended.said
    assert "lamp train --resume" in ended.said
    assert no_orphans(tmp_path)


HANGS = OWN.replace(
    "def __getitem__(self, index):",
    """calls = 0
    def __getitem__(self, index):
        import time
        Slow.calls += torch.utils.data.get_worker_info() is not None
        time.sleep(900 * (Slow.calls == 240))""",
)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_worker_that_hangs(name: str, lamp: Any, tmp_path: Path, no_orphans: Any) -> None:
    """A training that waits for a worker which hangs still stops when asked, and keeps its steps."""
    (tmp_path / "mine.py").write_text(HANGS)
    command = ("train", "mine:data", "--model", "mine:Net", "--epochs", "5", "--workers", "2",
               "--checks", "off", "--no-tensorboard", "--name", "a", "--batch", "8")  # fmt: skip
    pid = lamp.start(tmp_path, *command)
    for _ in range(600):
        if (tmp_path / "runs" / "a" / "metrics.jsonl").exists():
            break
        time.sleep(0.05)
    time.sleep(1.5)
    began = time.monotonic()
    os.kill(pid, getattr(signal, name))
    ended = lamp.wait(tmp_path, pid)
    assert time.monotonic() - began < 40
    assert ended.code == CODES[name], ended.said
    assert "Traceback" not in ended.said
    assert "lamp train --resume" in ended.said
    assert no_orphans(tmp_path)
    told = json.loads((tmp_path / "runs" / "a" / "status.json").read_text())
    assert told["state"] == "interrupted"
    from lamplighter.training import checkpoint

    step, state = checkpoint.load_latest(tmp_path / "runs" / "a" / "checkpoints") or (0, {})
    assert step > 50  # not the end of the first epoch: the steps since then are kept
    assert state["progress"]["batch"] == step - 50
