"""A disk that fills up or fails costs no checkpoint that was whole (R5)."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.test_kills import ended_equal

CALLS = [("os:fsync", n) for n in range(1, 40)] + [("os:rename", n) for n in range(1, 8)]


def full_then_whole(
    lamp: Any, cwd: Path, whole: Path, at: str, call: int, error: str, *, every: bool
) -> None:
    plan = [{"at": at, "call": call, "do": [error], "every": every}]
    ended = lamp.train(cwd, "--epochs", "3", "--name", "a", plan=plan)
    assert "Traceback" not in ended.said
    words = {"ENOSPC": "No space left on device", "EIO": "Input/output error"}[error]
    if ended.code == 0:  # it hit what is only a view
        return
    assert ended.code == 5, ended.said
    told = " ".join(ended.said.split())
    assert words in told
    assert "MB are free" in told or "MB cannot be written" in told
    again = lamp.train(cwd, "--epochs", "3", "--name", "a")
    assert again.code == 0, again.said
    assert "damaged" not in again.said
    ended_equal(cwd / "runs" / "a", whole)


@pytest.mark.parametrize(
    ("at", "call", "error", "every"),
    [
        ("os:fsync", 12, "ENOSPC", True), ("os:fsync", 21, "EIO", False),
        ("os:rename", 2, "ENOSPC", True), ("os:fsync", 30, "ENOSPC", False),
        ("os:fsync", 38, "EIO", False),  # the best weights, and not the state that names them
    ],
)  # fmt: skip
def test_no_space(
    at: str, call: int, error: str, every: bool, lamp: Any, whole: Path, tmp_path: Path
) -> None:
    """A write that fails ends the run with code 5 and the space left; it then goes on from before."""
    full_then_whole(lamp, tmp_path, whole, at, call, error, every=every)


@pytest.mark.faults
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_no_space_anywhere(number: int, error: str, lamp: Any, whole: Path, tmp_path: Path) -> None:
    """The same at each sync and rename of a training."""
    at, call = CALLS[number]
    full_then_whole(lamp, tmp_path, whole, at, call, error, every=number % 2 == 0)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Any]:
    """megabytes → a folder that is a disk of its own; skipped where that is not allowed."""
    mounted: list[Path] = []

    def mount(megabytes: float) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "tmpfs"]
        done = subprocess.run([*command, str(place)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("no disk of its own can be mounted here")
        mounted.append(place)
        return place

    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(lamp: Any, place: Path, whole: Path, *more: str) -> int:
    """Trains on a small disk until it is full, makes room, and goes on; returns the first code."""
    log = "../log"
    command = ("--epochs", "3", "--name", "a", *more)
    ended = lamp.train(place, *command, log=log)
    assert "Traceback" not in ended.said
    if ended.code == 0:
        return 0
    assert ended.code in (2, 5), ended.said
    told = " ".join(ended.said.split())
    assert re.search(r"[0-9.,]+ MB are free|cannot be made", told), told
    subprocess.run(["mount", "-o", "remount,size=80m", str(place)], check=True)
    again = lamp.train(place, *command, log=log)
    assert again.code == 0, again.said
    ended_equal(place / "runs" / "a", whole)
    assert json.loads((place / "runs/a/status.json").read_text())["state"] == "finished"
    return ended.code


@pytest.mark.parametrize("megabytes", [1.2, 2.6])
def test_a_small_disk(megabytes: float, lamp: Any, whole: Path, disk: Any) -> None:
    """On a disk that fills up the run stops with code 5; given room, it ends in the same files."""
    assert fill(lamp, disk(megabytes), whole) == 5


@pytest.mark.faults
@pytest.mark.parametrize("tensorboard", ["--tensorboard", "--no-tensorboard"])
@pytest.mark.parametrize("step", range(30))
def test_small_disks(step: int, tensorboard: str, lamp: Any, whole: Path, disk: Any) -> None:
    """The same on disks of 0.1 to 6 MB, with and without TensorBoard."""
    megabytes = 0.1 + step * 0.2
    place = disk(megabytes)
    log, command = "../log", ("--epochs", "3", "--name", "a", tensorboard)
    if tensorboard == "--no-tensorboard":
        fill(lamp, place, whole)
        return
    ended = lamp.train(place, *command, log=log)
    assert "Traceback" not in ended.said
    assert ended.code in (0, 2, 5), ended.said


@pytest.mark.parametrize("at", ["scalars", "event", "close"])
def test_tensorboard_stops_nothing(at: str, lamp: Any, whole: Path, tmp_path: Path) -> None:
    """When TensorBoard's events cannot be written the training goes on, and that is said once."""
    plan = [
        {"at": f"lamplighter.training.events:EventFile.{at}", "call": 1, "do": ["ENOSPC"], "every": True}
    ]  # fmt: skip
    ended = lamp.train(tmp_path, "--epochs", "3", "--name", "a", "--tensorboard", plan=plan)
    assert ended.code == 0, ended.said
    assert ended.said.count("TensorBoard:") == 1
    rows = (tmp_path / "runs" / "a" / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == 3
    assert (tmp_path / "runs" / "a" / "model.safetensors").is_file()
    assert (whole / "model.safetensors").is_file()
