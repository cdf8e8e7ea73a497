"""`lamp train DATA --recipe speed`, from the first step to the model file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.export.test_eject_runs import assert_same

import lamplighter
from lamplighter.cli import run as lamp
from lamplighter.errors import UsageError
from lamplighter.listener import Listener
from lamplighter.run import Run
from lamplighter.training import choose

QUICK: dict[str, Any] = {
    "recipe": "speed", "grow_from": 0.5, "epochs": 4, "batch": 16, "device": "cpu", "tensorboard": False,
    "precision": "fp32",
}  # fmt: skip


class StopsAfter(Listener):
    """Presses Ctrl-C after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def epoch_done(self, row: dict[str, Any]) -> None:
        if row["epoch"] == self.epoch:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes that lie and stripes that stand, in noise."""
    folder = tmp_path_factory.mktemp("stripes")
    generator = np.random.default_rng(0)
    stripes = np.tile([60, 60, 190, 190], 4)
    for name in ("lying", "standing"):
        (folder / name).mkdir()
        for number in range(60):
            turned = np.roll(stripes, number % 4)
            plane = np.broadcast_to(turned, (16, 16)).T if name == "lying" else turned
            pixels = generator.normal(plane, 50, (16, 16)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).convert("RGB").save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run from end to end."""
    out = str(tmp_path_factory.mktemp("runs"))
    return lamplighter.train(data, out=out, name="whole", listener=Listener(), **QUICK)


def test_it_learns_and_says_what_it_was(whole: Run) -> None:
    """The run's recipe.toml holds the recipe's settings, and what auto became."""
    assert whole.best["val_accuracy"] >= 0.9
    document = tomllib.loads((whole.path / "recipe.toml").read_text())
    assert (document["model"], document["optimizer"]) == ("speed_net", "Muon")
    assert document["resolved"]["augment"] == "alternating"
    assert document["resolved"]["views"] == lamplighter.load(whole.artifact).artifact.architecture.options["views"]  # fmt: skip
    assert 0 < document["resolved"]["lr"] < 0.24


def test_many_small_pictures_begin_so_by_themselves(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a recipe the same network and optimizer are taken, and plain labels."""
    monkeypatch.setattr(choose, "MANY", 50)
    run = lamplighter.train(data, out=tmp_path, epochs=2, device="cpu", listener=Listener())
    document = tomllib.loads((run.path / "recipe.toml").read_text())
    assert (document["model"], document["optimizer"], run.path.name) == (
        "auto", "auto", "stripes0-speed_net",
    )  # fmt: skip
    kept = document["resolved"]
    assert (kept["model"], kept["optimizer"], kept["schedule"]) == ("speed_net", "Muon", "linear")
    assert run.best["val_accuracy"] >= 0.9


def test_predict_gives_what_validation_gave(whole: Run, data: Path) -> None:
    """The averaging is in the network: files are answered as in the run's own evaluation."""
    rows = (whole.path / "predictions.csv").read_text().splitlines()
    head = rows[0].split(",")
    model = lamplighter.load(whole.artifact)
    assert model.module.views == "mirror"
    for row in rows[1:]:
        told = dict(zip(head, row.split(","), strict=True))
        answer = model.predict(data / told["path"] if not Path(told["path"]).exists() else told["path"])  # fmt: skip
        assert answer.label == told["answer"]
        assert answer.probability == pytest.approx(float(told["probability"]), abs=2e-4)


def test_it_is_resumed_to_the_last_bit(whole: Run, data: Path) -> None:
    """Stopped after an epoch of half size, it goes on to the same weights."""
    out = str(whole.path.parent)
    with pytest.raises(KeyboardInterrupt):
        lamplighter.train(data, out=out, name="stopped", listener=StopsAfter(2), **QUICK)
    gone_on = lamplighter.train(resume="stopped", out=out, listener=Listener())
    assert gone_on.artifact.read_bytes() == whole.artifact.read_bytes()


def test_its_file_repeats_it(whole: Run) -> None:
    """`--recipe runs/NAME/recipe.toml` gives the same weights again, without the name."""
    again = lamplighter.train(recipe=whole.path / "recipe.toml", name="again", listener=Listener())
    assert again.artifact.read_bytes() == whole.artifact.read_bytes()


def test_it_is_written_out_as_plain_pytorch(whole: Run) -> None:
    """The plain loop back: growing pictures, whitening, Muon and averaging without Lamplighter."""
    assert len(assert_same(whole)) == QUICK["epochs"]
    assert "lamplighter" not in (whole.path / "train.py").read_text().split('"""', 2)[2].lower()


@pytest.mark.parametrize(("form", "file"), [("program", "m.pt2"), ("onnx", "m.onnx")])
def test_it_is_exported(
    form: str, file: str, whole: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exported program holds the averaging too, and agrees with the model on the run's pictures."""
    if form == "onnx":
        for needed in ("onnx", "onnxruntime", "onnxscript"):
            pytest.importorskip(needed)
    assert lamp(["export", str(whole.path), "--to", form, "--out", str(tmp_path / file)]) == 0
    assert "24 of 24 answers equal" in capsys.readouterr().out


def test_settings_that_do_not_fit_are_refused(data: Path, tmp_path: Path) -> None:
    """Growing pictures need a network of any size, views a network that averages, focus classes."""
    multi = tmp_path / "multi.csv"
    files = sorted(data.glob("*/*.png"))[::10]
    rows = [f"{file},{n % 2},{n % 3 % 2}" for n, file in enumerate(files)]
    multi.write_text("\n".join(["path,dark,wide", *rows]))
    for settings, told in (
        ({"model": "tutorial_cnn", "grow_from": 0.5}, "cannot grow"),
        ({"model": "small_resnet", "views": "all"}, "only speed_net averages"),
        (
            {"data": str(multi), "label_column": "dark,wide", "focus": 0.5},
            r"loss of a class(?s:.*)--focus 1",
        ),
    ):
        with pytest.raises(UsageError, match=told):
            lamplighter.train(
                **{"data": data, "out": str(tmp_path), "listener": Listener(), **settings}
            )


def test_a_mistyped_recipe_ends_before_anything_begins(capsys: pytest.CaptureFixture[str]) -> None:
    """The command answers with the name that was meant, and exit code 2."""
    assert lamp(["train", "digits", "--recipe", "sped"]) == 2
    assert "speed" in capsys.readouterr().err
