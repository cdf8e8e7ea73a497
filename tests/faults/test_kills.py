"""Killed at any moment and gone on with, a training ends in the same bits as one left alone (R1, R2, R3)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

TIMES = ("seconds", "train_seconds", "images_per_second", "data_wait")
STEP, SAVE = "lamplighter.training.loop:train_step", "lamplighter.training.checkpoint:save"
# module:function, call: before and after each, the process is killed
POINTS = [
    ("lamplighter.data.split_file:write_split", 1),
    ("lamplighter.stages:write_beginning", 1),
    ("os:fsync", 2), ("os:fsync", 9), ("os:fsync", 16), ("os:fsync", 23), ("os:fsync", 30),
    ("os:rename", 1), ("os:rename", 2), ("os:rename", 3), ("os:rename", 4), ("os:rename", 5),
    ("os:replace", 4), ("os:replace", 6), ("os:replace", 7), ("os:replace", 9),
    ("shutil:rmtree", 4), ("shutil:rmtree", 7), ("shutil:rmtree", 8),
    (STEP, 1), (STEP, 19), (STEP, 21), (STEP, 45), (STEP, 60),
    ("lamplighter.training.loop:validate", 1), ("lamplighter.training.loop:validate", 2),
    ("lamplighter.run_folder:RunFolder.append_metrics", 2),
    ("lamplighter.finish:save_artifact", 1), ("lamplighter.finish:write_predictions", 1),
    ("lamplighter.finish:write_report", 1),
]  # fmt: skip
FEW = [1, 7, 19, 24]  # of POINTS, in every run of the tests; `make faults` takes all


def figures(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def ended_equal(run: Path, whole: Path) -> None:
    assert figures(run) == figures(whole)
    for name in ("model.safetensors", "split.csv", "predictions.csv"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert json.loads((run / "status.json").read_text())["state"] == "finished"
    left = [p.name for p in run.rglob("*") if ".part" in p.name]
    assert left == []


def killed_then_whole(lamp: Any, cwd: Path, whole: Path, plan: Any, *more: str) -> bool:
    """Kills, goes on with the very same command, and compares; returns whether it was killed."""
    first = lamp.train(cwd, "--epochs", "3", "--name", "a", *more, plan=plan)
    assert first.code in (-9, 0), first.said
    if first.code == -9:
        again = lamp.train(cwd, "--epochs", "3", "--name", "a", *more)
        assert again.code == 0, again.said
        assert "Traceback" not in again.said
    ended_equal(cwd / "runs" / "a", whole)
    return first.code == -9


@pytest.mark.parametrize("number", FEW)
def test_killed_at_a_point(number: int, lamp: Any, whole: Path, tmp_path: Path) -> None:
    """Killed around saves, steps, validation and report, the same command goes on to the same files."""
    at, call = POINTS[number]
    plan = [{"at": at, "call": call, "do": ["SIGKILL"], "after": number % 2 == 0}]
    assert killed_then_whole(lamp, tmp_path, whole, plan)


@pytest.mark.faults
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(len(POINTS)))
def test_killed_at_every_point(
    number: int, after: bool, lamp: Any, whole: Path, tmp_path: Path
) -> None:
    """The same at all points, before and after the call."""
    at, call = POINTS[number]
    killed_then_whole(
        lamp, tmp_path, whole, [{"at": at, "call": call, "do": ["SIGKILL"], "after": after}]
    )


def _random_kills(seed: int, lamp: Any, cwd: Path, whole: Path) -> int:
    """Kills one run at up to three random moments, resumed each time; returns how often."""
    draw = random.Random(seed)
    command = ("train", *_small_of(lamp), "--epochs", "3", "--name", "a", "--save-every", "0.0005")
    kills = 0
    for _ in range(3):
        pid = lamp.start(cwd, *command)
        time.sleep(draw.uniform(0.1, 2.5))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        kills += lamp.wait(cwd, pid).code == -9
        if (cwd / "runs" / "a" / "status.json").exists():
            status = json.loads((cwd / "runs" / "a" / "status.json").read_text())
            if status["state"] == "finished":
                break
    else:
        ended = lamp.run(cwd, *command)
        assert ended.code == 0, ended.said
    run = cwd / "runs" / "a"
    assert figures(run) == figures(whole)
    assert weights(run) == weights(whole)
    return kills


def _small_of(lamp: Any) -> tuple[str, ...]:
    from tests.faults.conftest import SMALL

    return SMALL


def weights(run: Path) -> str:
    """A hash of the artifact's tensors alone: the recipe may differ in how often it saved."""
    from safetensors.torch import load

    tensors = load((run / "model.safetensors").read_bytes())
    hasher = hashlib.sha256()
    for name in sorted(tensors):
        hasher.update(name.encode() + tensors[name].numpy().tobytes())
    return hasher.hexdigest()


def test_killed_at_random(lamp: Any, whole: Path, tmp_path: Path) -> None:
    """Killed three times at random moments, with checkpoints within epochs, the weights are the same."""
    _random_kills(1, lamp, tmp_path, whole)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2, 42))
def test_killed_at_random_often(seed: int, lamp: Any, whole: Path, tmp_path: Path) -> None:
    """The same with other moments."""
    _random_kills(seed, lamp, tmp_path, whole)


SAVING = """
import sys, torch
from pathlib import Path
from lamplighter.training import checkpoint
folder, step = Path(sys.argv[1]), int(sys.argv[2])
print("saving", flush=True)
while True:
    step += 1
    checkpoint.save(folder, step, {"w": torch.full((40_000,), float(step)), "step": step})
    if step % 7 == 0:
        checkpoint.save(folder, step, {"w": torch.full((40_000,), float(step)), "step": step})
"""


def _kill_savers(folder: Path, kills: int, seed: int) -> None:
    """Kills a loop of saves again and again; after each kill the newest must be whole."""
    from lamplighter.training import checkpoint

    draw = random.Random(seed)
    highest = done = 0
    while done < kills:
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, str(folder), str(highest)],
            stdout=subprocess.PIPE,
            text=True,
        ) as saver:
            assert saver.stdout is not None
            assert saver.stdout.readline() == "saving\n"
            for _ in range(min(25, kills - done)):
                # stopped, looked at, and sent on: each stop shows what a kill would leave
                time.sleep(draw.uniform(0.001, 0.02))
                saver.send_signal(signal.SIGSTOP)
                os.waitpid(saver.pid, os.WUNTRACED)
                done += 1
                found = checkpoint.load_latest(folder, say=pytest.fail)
                if found is not None:
                    step, state = found
                    assert step == state["step"] >= highest
                    assert bool((state["w"] == step).all())
                    highest = step
                else:
                    assert highest == 0
                saver.send_signal(signal.SIGCONT)
            saver.kill()
        found = checkpoint.load_latest(folder, say=pytest.fail)
        if found is not None:
            checkpoint.forget_after(folder, found[0])
            checkpoint.remove_leftovers(folder)
            highest = found[0]
            assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    assert highest > 0


def test_saves_interrupted(tmp_path: Path) -> None:
    """Cut off at 100 random moments, a loop of saves always leaves a whole newest checkpoint."""
    _kill_savers(tmp_path / "checkpoints", 100, 1)


@pytest.mark.faults
def test_saves_interrupted_often(tmp_path: Path) -> None:
    """The same at 1,000 moments."""
    _kill_savers(tmp_path / "checkpoints", 1000, 2)


SAVE_TWICE = """
import sys, torch
from pathlib import Path
from lamplighter.training import checkpoint
folder = Path(sys.argv[1])
for step in (1, 2, 3, 3):
    checkpoint.save(folder, step, {"w": torch.full((1000,), float(step)), "step": step})
"""
CALLS = "mkdir,openat,write,fsync,rename,unlinkat,rmdir,close"


@pytest.mark.faults
@pytest.mark.timeout(1800)  # torch is imported once for each of about a hundred points
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not there")
def test_killed_at_every_system_call(tmp_path: Path) -> None:
    """Killed by strace at each system call that touches the folder, the newest is whole, old or new."""
    from lamplighter.training import checkpoint

    trace = tmp_path / "trace"
    folder = tmp_path / "first"
    command = [sys.executable, "-c", SAVE_TWICE]
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-o", str(trace), "-e", f"trace={CALLS}", *command, str(folder)],
        check=True,
    )  # fmt: skip
    names: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    for line in trace.read_text(errors="replace").splitlines():
        name = line.split("(")[0].split()[-1]
        counts[name] = counts.get(name, 0) + 1
        if str(folder) in line:
            names.setdefault(name, []).append(counts[name])
    points = [(name, number) for name, numbers in names.items() for number in numbers]
    assert len(points) > 60
    seen = set()
    for index, (name, number) in enumerate(points):
        place = tmp_path / f"k{index:04d}"
        inject = f"inject={name}:signal=KILL:when={number}"
        subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", inject,
             *command, str(place)],
            check=False, capture_output=True,
        )  # fmt: skip
        found = checkpoint.load_latest(place, say=pytest.fail)
        if found is not None:
            step, state = found
            assert step == state["step"]
            assert bool((state["w"] == step).all())
            seen.add(step)
    assert seen == {1, 2, 3}
