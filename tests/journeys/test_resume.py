"""What a person may do with a run that did not come to its end, or that shall go further."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.conftest import Lamp
from tests.faults.test_kills import figures, weights

STEP = "lamplighter.training.loop:train_step"


@pytest.fixture(scope="module")
def lamp() -> Iterator[Lamp]:
    """Starts commands."""
    served = Lamp()
    yield served
    served.close()


@pytest.fixture(scope="module")
def constant(lamp: Lamp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four epochs at a constant learning rate, nothing happened to them."""
    cwd = tmp_path_factory.mktemp("constant")
    ended = lamp.train(cwd, "--epochs", "4", "--name", "a", "--schedule", "constant")
    assert ended.code == 0, ended.said
    return cwd / "runs" / "a"


def status(run: Path) -> dict[str, Any]:
    return json.loads((run / "status.json").read_text())


def killed_at(step: int, saved: int | None = None) -> list[dict[str, Any]]:
    """Killed at a step, once a checkpoint is whole: that of `saved`, or any.

    It is written while the training goes on, so that a few steps later it may or may not be there.
    """
    name = "*" if saved is None else f"{saved:09d}"
    once = f"runs/*/checkpoints/step-{name}"
    return [{"at": STEP, "call": step, "do": ["SIGKILL"], "once": once}]


def test_the_same_command_goes_on(lamp: Lamp, tmp_path: Path) -> None:
    """The same command finds its own interrupted run and says so; once finished, it begins a new one."""
    assert lamp.train(tmp_path, "--epochs", "2", plan=killed_at(25, saved=20)).code == -9
    other = lamp.train(tmp_path, "--epochs", "1")
    assert other.code == 0
    assert "did not come to its end" not in other.said
    again = lamp.train(tmp_path, "--epochs", "2")
    assert again.code == 0
    assert "runs/digits-tutorial_cnn is a run of this same command" in again.said
    assert "going on with runs/digits-tutorial_cnn after epoch 1, step 20" in again.said
    new = lamp.train(tmp_path, "--epochs", "2")
    assert new.code == 0
    assert "did not come to its end" not in new.said
    names = sorted(p.name for p in (tmp_path / "runs").iterdir() if p.is_dir())
    assert names == [f"digits-tutorial_cnn{suffix}" for suffix in ("", "-2", "-3")]
    first, third = (tmp_path / "runs" / name for name in (names[0], names[2]))
    assert figures(first) == figures(third)
    assert (first / "model.safetensors").read_bytes() == (third / "model.safetensors").read_bytes()


def test_a_finished_run_goes_further(lamp: Lamp, constant: Path, tmp_path: Path) -> None:
    """Two epochs extended to four are, at a constant rate, the four epochs at once, to the last bit."""
    short = lamp.train(tmp_path, "--epochs", "2", "--name", "a", "--schedule", "constant")
    assert short.code == 0
    same = lamp.run(tmp_path, "train", "--resume", "a")
    assert same.code == 2
    assert "the run is finished: it has trained 2 epochs of 2" in same.said
    assert "lamp train --resume runs/a --epochs 4" in same.said
    longer = lamp.run(tmp_path, "train", "--resume", "a", "--epochs", "4")
    assert longer.code == 0, longer.said
    assert "changed on resume: epochs 2 → 4" in longer.said
    run = tmp_path / "runs" / "a"
    assert figures(run) == figures(constant)
    assert weights(run) == weights(constant)
    assert "epochs = 4" in (run / "recipe.toml").read_text()
    assert status(run)["epochs"] == 4


@pytest.mark.parametrize("schedule", ["cosine", "one-cycle"])
def test_a_curve_is_stretched(schedule: str, lamp: Lamp, tmp_path: Path) -> None:
    """A schedule is a function of the share done: extended, it goes on where the new length puts it."""
    more = ("--name", "a", "--schedule", schedule, "--lr", "0.01", "--warmup", "0")
    assert lamp.train(tmp_path, "--epochs", "1", *more).code == 0
    longer = lamp.run(tmp_path, "train", "--resume", "a", "--epochs", "3")
    assert longer.code == 0, longer.said
    assert f"the schedule ({schedule}) is a curve over the whole training" in longer.said
    assert lamp.train(tmp_path, "--epochs", "3", *more[2:], "--name", "b").code == 0
    extended, at_once = (figures(tmp_path / "runs" / name) for name in "ab")
    assert [row["lr"] for row in extended][1:] == [row["lr"] for row in at_once][1:]
    assert extended[0]["lr"] < at_once[0]["lr"]


def test_settings_may_change(lamp: Lamp, tmp_path: Path) -> None:
    """Changed settings are said, take effect, and stand in the recipe; the optimizer's own too."""
    plan = killed_at(45, saved=40)
    assert lamp.train(tmp_path, "--epochs", "3", "--name", "a", plan=plan).code == -9
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "runs" / "b")
    plain = lamp.run(tmp_path, "train", "--resume", "b")
    changed = lamp.run(
        tmp_path, "train", "--resume", "a", "--weight-decay", "0.5", "--smoothing", "0.1",
        "--workers", "2",
    )  # fmt: skip
    assert plain.code == changed.code == 0, changed.said
    assert "changed on resume: weight_decay 0.05 → 0.5" in changed.said
    assert "changed on resume: smoothing 0.0 → 0.1" in changed.said
    a, b = tmp_path / "runs" / "a", tmp_path / "runs" / "b"
    assert figures(a)[0] == figures(b)[0]
    assert figures(a)[2] != figures(b)[2]
    text = (a / "recipe.toml").read_text()
    assert "weight_decay = 0.5" in text
    assert "smoothing = 0.1" in text
    assert 'data = "digits"' in text


def test_weight_decay_alone_takes_effect(lamp: Lamp, tmp_path: Path) -> None:
    """A weight decay changed on resume is not overruled by the optimizer's saved state."""
    plan = killed_at(25, saved=20)
    assert lamp.train(tmp_path, "--epochs", "2", "--name", "a", plan=plan).code == -9
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "runs" / "b")
    assert lamp.run(tmp_path, "train", "--resume", "a", "--weight-decay", "5").code == 0
    assert lamp.run(tmp_path, "train", "--resume", "b").code == 0
    assert weights(tmp_path / "runs" / "a") != weights(tmp_path / "runs" / "b")


def test_another_batch_within_an_epoch(lamp: Lamp, tmp_path: Path) -> None:
    """With batches of another size the epoch under way begins again, and that is said."""
    plan = [{"at": STEP, "call": 25, "do": ["SIGTERM"]}]
    assert lamp.train(tmp_path, "--epochs", "2", "--name", "a", plan=plan).code == 143
    ended = lamp.run(tmp_path, "train", "--resume", "a", "--batch", "32")
    assert ended.code == 0, ended.said
    assert "epoch 2 begins again with the weights as they are" in " ".join(ended.said.split())
    rows = figures(tmp_path / "runs" / "a")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[1]["step"] == 25 + 40


@pytest.mark.parametrize(
    "change",
    [
        ("--model", "squeezenet1_0"), ("--size", "16"), ("--seed", "1"), ("--optimizer", "SGD"),
        ("--val-share", "0.3"), ("--channels", "rgb"),
    ],
)  # fmt: skip
def test_what_cannot_change(change: tuple[str, str], lamp: Lamp, tmp_path: Path) -> None:
    """What would make another split, network or optimizer is refused by name before any work."""
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    (run / "recipe.toml").write_text('data = "digits"\nmodel = "tutorial_cnn"\nsize = 8\n')
    (run / "status.json").write_text('{"state": "interrupted", "epoch": 1}')
    ended = lamp.run(tmp_path, "train", "--resume", "a", *change)
    assert ended.code == 2
    assert "cannot change within a run" in ended.said
    assert change[1] in ended.said
    assert "Traceback" not in ended.said


def test_nothing_to_resume(lamp: Lamp, tmp_path: Path) -> None:
    """Without an interrupted run, and with a name that is none, one clear message each."""
    ended = lamp.run(tmp_path, "train", "--resume")
    assert ended.code == 2
    assert "there is no interrupted run to resume" in ended.said
    ended = lamp.run(tmp_path, "train", "--resume", "nowhere")
    assert ended.code == 2
    assert "there is no run there" in ended.said


def pictures(root: Path) -> Path:
    from PIL import Image

    for label, shade in (("dark", 20), ("light", 220)):
        for number in range(30):
            path = root / label / f"{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            colour = (shade + number % 7, shade + number // 7, shade)
            Image.new("RGB", (16, 16), colour).save(path)
    return root


FOLDER = ("train", "photos", "--model", "tutorial_cnn", "--size", "16", "--checks", "off", "--no-tensorboard", "--epochs", "3", "--name", "a", "--batch", "8")  # fmt: skip


@pytest.mark.parametrize("change", ["gone", "changed", "moved", "added", "renamed"])
def test_data_changed_since(change: str, lamp: Lamp, tmp_path: Path) -> None:
    """A run whose pictures or labels have changed is not gone on with; pictures that came are left out."""
    root = pictures(tmp_path / "photos")
    assert lamp.run(tmp_path, *FOLDER, plan=killed_at(9)).code == -9
    split = (tmp_path / "runs" / "a" / "split.csv").read_text()
    key = next(line.split(",")[0] for line in split.splitlines()[1:] if ",train," in line)
    one = root / key
    if change == "gone":
        one.unlink()
    elif change == "changed":
        shutil.copy(root / "light" / "29.png" if "dark" in key else root / "dark" / "29.png", one)
        with one.open("ab") as file:
            file.write(b"more")
    elif change == "moved":
        one.rename(root / ("light" if "dark" in key else "dark") / "zz.png")
    elif change == "renamed":
        one.rename(one.with_name("zz.png"))
    else:
        new = root / "dark" / "00a.png"
        new.write_bytes(one.read_bytes() + b"0")
    ended = lamp.run(tmp_path, "train", "--resume", "a")
    assert "Traceback" not in ended.said
    if change in ("gone", "changed"):
        assert ended.code == 3
        assert f"{key}: {change}" in ended.said
    elif change == "moved":
        assert ended.code == 3
        assert "the data have changed since this run began" in " ".join(ended.said.split())
    else:
        assert ended.code == 0, ended.said
        assert (tmp_path / "runs" / "a" / "split.csv").read_text() == split
        assert [row["epoch"] for row in figures(tmp_path / "runs" / "a")] == [1, 2, 3]
    if change == "added":
        assert "1 file is not in the run's split, having come later" in " ".join(ended.said.split())


def test_tensorboard_goes_on(lamp: Lamp, tmp_path: Path) -> None:
    """TensorBoard shows each step of a run resumed twice exactly once."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    more = ("--epochs", "3", "--name", "a", "--tensorboard")
    assert lamp.train(tmp_path, *more, plan=killed_at(15)).code == -9
    assert lamp.train(tmp_path, *more, plan=killed_at(35, saved=20)).code == -9
    assert lamp.train(tmp_path, *more).code == 0
    events = EventAccumulator(str(tmp_path / "runs" / "a"))
    events.Reload()
    assert [event.step for event in events.Scalars("step/train_loss")] == list(range(1, 61))
    assert [event.step for event in events.Scalars("loss/val")] == [20, 40, 60]
    assert [row["epoch"] for row in figures(tmp_path / "runs" / "a")] == [1, 2, 3]
