"""Several processes on one folder, clocks that are wrong, and the same training again (R10, R17)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_kills import STEP, ended_equal, figures

from lamplighter.training import checkpoint


def together(lamp: Any, cwd: Path, count: int, *more: str) -> list[Any]:
    pids = [
        lamp.start(cwd, "train", *_small(), "--epochs", "3", *more, log=f"log{i}")
        for i in range(count)
    ]
    return [lamp.wait(cwd, pid, log=f"log{i}") for i, pid in enumerate(pids)]


def _small() -> tuple[str, ...]:
    from tests.faults.conftest import SMALL

    return SMALL


def one_wins(lamp: Any, cwd: Path, whole: Path, count: int) -> None:
    ended = together(lamp, cwd, count, "--name", "a")
    assert sorted(one.code for one in ended) == [0] + [2] * (count - 1)
    for one in ended:
        assert "Traceback" not in one.said
        if one.code:
            assert (
                "a run of this name already" in one.said or "another process is working" in one.said
            )
    ended_equal(cwd / "runs" / "a", whole)


def test_one_name(lamp: Any, whole: Path, tmp_path: Path) -> None:
    """Of two commands with one --name one trains, the other ends with code 2 and says why."""
    one_wins(lamp, tmp_path, whole, 2)


@pytest.mark.faults
@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 8])
def test_one_name_often(count: int, lamp: Any, whole: Path, tmp_path: Path) -> None:
    """The same with up to eight."""
    one_wins(lamp, tmp_path, whole, count)


def test_no_name(lamp: Any, whole: Path, tmp_path: Path) -> None:
    """Commands without a --name each get a folder of their own, and equal runs leave equal models."""
    ended = together(lamp, tmp_path, 3)
    assert [one.code for one in ended] == [0, 0, 0]
    runs = [p for p in (tmp_path / "runs").iterdir() if p.is_dir()]
    assert len(runs) == 3
    hashes = {hashlib.sha256((r / "model.safetensors").read_bytes()).hexdigest() for r in runs}
    assert hashes == {hashlib.sha256((whole / "model.safetensors").read_bytes()).hexdigest()}


@pytest.mark.parametrize("count", [2])
def test_two_resume_one(count: int, lamp: Any, whole: Path, tmp_path: Path) -> None:
    """Of two commands that go on with one run, one does; the other leaves it alone."""
    plan = [{"at": STEP, "call": 25, "do": ["SIGKILL"], "once": "runs/*/checkpoints/step-*"}]
    assert lamp.train(tmp_path, "--epochs", "3", "--name", "a", plan=plan).code == -9
    pids = [
        lamp.start(tmp_path, "train", "--resume", "runs/a", log=f"log{i}") for i in range(count)
    ]
    ended = [lamp.wait(tmp_path, pid, log=f"log{i}") for i, pid in enumerate(pids)]
    assert sorted(one.code for one in ended) == [0, 2], [one.said for one in ended]
    told = " ".join(next(one.said for one in ended if one.code).split())
    assert "another process is working on this run" in told or "the run is finished" in told
    ended_equal(tmp_path / "runs" / "a", whole)


@pytest.mark.parametrize("when", [0, 86_400, 4_102_444_800])
def test_clocks(when: int, tmp_path: Path) -> None:
    """Whatever the files' times say, the newest checkpoint is the one of the highest step."""
    for step in (9, 10):
        path = checkpoint.save(tmp_path, step, {"s": step})
        stamp = when if step == 10 else 2_000_000_000
        for file in (path, *path.iterdir()):
            os.utime(file, (stamp, stamp))
    assert checkpoint.load_latest(tmp_path) == (10, {"s": 10})


@pytest.mark.faults
@pytest.mark.parametrize("again", range(20))
def test_equal_again(again: int, lamp: Any, whole: Path, tmp_path: Path) -> None:
    """The same command in a fresh process leaves the same bytes."""
    assert lamp.train(tmp_path, "--epochs", "3", "--name", "a").code == 0
    ended_equal(tmp_path / "runs" / "a", whole)


def test_equal_again_from_its_recipe(lamp: Any, whole: Path, tmp_path: Path) -> None:
    """A run's recipe.toml repeats it: the same figures and weights."""
    from tests.faults.test_kills import weights

    ended = lamp.run(tmp_path, "train", "--recipe", str(whole / "recipe.toml"), "--name", "b")
    assert ended.code == 0, ended.said
    assert figures(tmp_path / "runs" / "b") == figures(whole)
    assert weights(tmp_path / "runs" / "b") == weights(whole)


OWN = """
import random, numpy, torch
from torch import nn
class Noisy(torch.utils.data.Dataset):
    def __len__(self): return 60
    def __getitem__(self, index):
        noise = torch.rand(1, 8, 8) + random.random() + numpy.random.rand()
        return noise.float() + index % 3, index % 3
data = Noisy()
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 3))
"""


def test_any_number_of_workers(lamp: Any, tmp_path: Path) -> None:
    """An own Dataset that draws from three generators gives the same figures with 0 to 4 workers."""
    (tmp_path / "mine.py").write_text(OWN)
    found = []
    for workers in (0, 1, 4):
        ended = lamp.run(
            tmp_path, "train", "mine:data", "--model", "mine:Net", "--epochs", "2", "--workers",
            str(workers), "--checks", "off", "--no-tensorboard", "--name", f"w{workers}",
            "--batch", "16",
        )  # fmt: skip
        assert ended.code == 0, ended.said
        found.append(figures(tmp_path / "runs" / f"w{workers}"))
    assert found[0] == found[1] == found[2]
