"""The ejected file gives the run's own figures, without Lamplighter, to the last digit."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lamplighter import ejection, stages
from lamplighter.cli import run as command
from lamplighter.errors import ArtifactError, UsageError
from lamplighter.recipe import make_recipe
from lamplighter.run import Run

WITHOUT = "import sys; sys.modules['lamplighter'] = None; sys.argv = sys.argv[1:]; import runpy; "


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of pictures that differ in shape, kind and orientation."""
    root = tmp_path_factory.mktemp("data") / "photos"
    generator = np.random.default_rng(3)
    for number, name in enumerate(
        ("ant", "ant-lion", "bee")
    ):  # sorted otherwise with a slash after
        (root / name).mkdir(parents=True)
        for index in range(15):
            shape = (int(generator.integers(20, 130)), int(generator.integers(20, 130)), 3)
            pixels = generator.integers(0, 150, shape, np.uint8) + np.uint8(50 * number)
            picture, path = Image.fromarray(pixels), root / name / f"{index}.png"
            exif = picture.getexif()
            exif[0x0112] = 1 + index % 8
            if index % 3 == 0:
                picture.save(path.with_suffix(".jpg"), exif=exif)
            elif index % 3 == 1:
                picture.convert("L").save(path)
            else:
                picture.putalpha(Image.fromarray(pixels[..., 0]))
                picture.save(path)
    return root


def trained(tmp_path: Path, data: str | Path, **settings: Any) -> Run:
    """A short run on one thread."""
    usual: dict[str, Any] = {
        "epochs": 2, "device": "cpu", "checks": "off", "tensorboard": False, "precision": "fp32",
    }  # fmt: skip
    chosen = {**usual, **settings, "data": str(data), "out": str(tmp_path / "runs")}
    return stages.train(make_recipe(chosen))


def repeated(file: Path, *arguments: str) -> list[dict[str, Any]]:
    """What the file prints in a process that cannot import Lamplighter."""
    code = WITHOUT + "runpy.run_path(sys.argv[0], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), *arguments],
        capture_output=True, text=True, check=False, cwd=file.parent,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_same(run: Run, out: Path | None = None) -> list[dict[str, Any]]:
    """Every figure of every epoch, and of the test, is the run's to the last digit."""
    done = ejection.eject(str(run.path), out=out)
    assert done.reasons == ()
    *rows, last = repeated(done.file)
    own = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [{key: row[key] for key in rows[0]} for row in own]
    assert {"train_loss", "val_loss", "lr"} <= set(rows[0])
    report = json.loads((run.path / "report.json").read_text())
    assert last[report["split"]]["loss"] == report["loss"]
    assert last["best"] == run.best["epoch"]
    return rows


def test_class_folders_from_scratch_are_equal_to_the_last_digit(
    tmp_path: Path, photos: Path
) -> None:
    """Shifted and flipped pictures, a network with BatchNorm and a lone last picture; the checks
    before and while training change nothing, and the file may lie anywhere."""
    run = trained(
        tmp_path, photos, model="small_resnet", size=16, batch=7, augment="light", checks="fast",
        test_share=0.2,
    )  # fmt: skip
    assert_same(run, tmp_path / "elsewhere" / "mine.py")
    assert (tmp_path / "elsewhere" / "mine-split.csv").is_file()


KINDS: dict[str, dict[str, Any]] = {
    "resized crops": {"model": "squeezenet1_0", "size": 72, "augment": "light", "epochs": 2, "lr": 1e-4},
    "resized crops of padded pictures": {"model": "tutorial_cnn", "size": 72, "fit": "pad", "augment": "crop"},
    "strong": {"model": "tutorial_cnn", "size": 32, "augment": "strong", "activation": "relu"},
    "grey, padded": {"model": "tutorial_cnn", "channels": "grey", "fit": "pad", "augment": "flip"},
    "squashed": {"model": "tutorial_cnn", "fit": "squash", "size": 24, "augment": "none"},
    "sgd, step, clipped, smoothed": {
        "model": "resnet18", "size": 32, "optimizer": "SGD", "lr": 0.01, "schedule": "step",
        "clip": 0.5, "smoothing": 0.1, "epochs": 4,
    },
    "accumulated, balanced, warm-up": {
        "model": "small_resnet", "size": 16, "batch": 4, "accumulate": 3, "augment": "none",
        "class_weights": "balanced", "schedule": "cosine", "warmup": 0.5, "epochs": 3,
    },
    "plateau and patience": {
        "model": "tutorial_cnn", "size": 16, "optimizer": "RMSprop", "lr": 0.01, "patience": 5,
        "schedule": "plateau", "epochs": 14, "warmup": 0.5,
    },
    "linear, adam, dropout": {"model": "alexnet", "size": 64, "optimizer": "Adam", "lr": 1e-4, "schedule": "linear"},
    "bfloat16, initialised": {"model": "small_resnet", "size": 16, "precision": "bf16", "init": "xavier"},
    "constant": {"model": "tutorial_cnn", "size": 16, "schedule": "constant", "optimizer": "NAdam", "weight_decay": 0.0, "warmup": 0.0},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_recipe_is_equal_to_the_last_digit(
    tmp_path: Path, photos: Path, kind: str
) -> None:
    """Augmentations, fits, optimizers, schedules and precisions, each in a short run."""
    assert_same(trained(tmp_path, photos, **KINDS[kind]))


@pytest.mark.slow
def test_a_recipe_too_long_to_be_written_out_says_so_and_runs(tmp_path: Path, photos: Path) -> None:
    """torchvision's transforms stand in for the augmentation; the head says that figures differ."""
    run = trained(tmp_path, photos, model="squeezenet1_1", size=80, augment="strong", fit="pad")
    done = ejection.eject(str(run.path))
    assert [reason for reason in done.reasons if "longer than 200 lines" in reason]
    *rows, last = repeated(done.file)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert 0 <= last["val"]["accuracy"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("freeze", ["first", "backbone", "none"])
@pytest.mark.parametrize("nested", [False, True])
def test_fine_tuning_from_a_file_is_equal(
    tmp_path: Path, photos: Path, freeze: str, nested: bool
) -> None:
    """Weights of another head, saved plainly or from DataParallel within a dictionary."""
    from torchvision import models

    torch.manual_seed(8)
    state = models.mobilenet_v2(num_classes=7).state_dict()
    if nested:
        state = {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}  # type: ignore[dict-item]
    torch.save(state, tmp_path / "weights.pth")
    run = trained(
        tmp_path, photos, model="mobilenet_v2", weights=str(tmp_path / "weights.pth"), size=32,
        freeze=freeze, batch=9,
    )  # fmt: skip
    assert_same(run)


@pytest.mark.slow
def test_digits_are_equal(tmp_path: Path) -> None:
    """The built-in example, as `lamp train digits` does it, in fewer epochs."""
    assert_same(trained(tmp_path, "digits", epochs=5, checks="fast"))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_tables_are_equal(tmp_path: Path, photos: Path, task: str) -> None:
    """A table of paths with class names, several labels, or numbers."""
    files = sorted(photos.glob("*/*.*"))
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"] if task != "multilabel" else ["path", "wings", "sting"])
        for number, path in enumerate(files):
            label = path.parent.name if task == "classification" else number / 7
            values = (
                [int(number % 2 == 0), int(number % 3 == 0)] if task == "multilabel" else [label]
            )
            writer.writerow([path, *values])
    columns = {"label_column": "wings,sting"} if task == "multilabel" else {}
    run = trained(
        tmp_path, tmp_path / "table.csv", task=task, model="tutorial_cnn", size=16, augment="flip",
        epochs=3, **columns,
    )  # fmt: skip
    assert_same(run)


@pytest.mark.slow
def test_joined_folders_are_equal(tmp_path: Path, photos: Path) -> None:
    """Two folders as one set: the table beside the file holds whole paths."""
    other = tmp_path / "more"
    for path in photos.glob("*/*.png"):
        (other / path.parent.name).mkdir(parents=True, exist_ok=True)
        Image.open(path).rotate(90, expand=True).save(other / path.parent.name / path.name)
    run = trained(tmp_path, f"{photos} + {other}", model="tutorial_cnn", size=16, augment="none")
    assert_same(run)


def test_reasons_stand_in_the_head(tmp_path: Path, photos: Path) -> None:
    """A run that was resumed with more epochs is not one curve: the file says so and still runs."""
    run = trained(tmp_path, photos, model="tutorial_cnn", size=16, epochs=1, augment="none")
    recipe = run.path / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("epochs = 1", "epochs = 2"))
    done = ejection.eject(str(run.path))
    assert any("was resumed with other settings" in reason for reason in done.reasons)
    head = done.file.read_text().split('"""')[1]
    assert "not the same to the last digit" in head
    assert "resumed with other settings" in " ".join(head.split())


def test_the_command_says_what_it_wrote_and_replaces_nothing(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lamp eject RUN` names file and next step; a second time it refuses, unless told to replace."""
    run = trained(tmp_path, photos, model="tutorial_cnn", size=16, epochs=1, augment="none")
    assert command(["eject", str(run.path)]) == 0
    assert f"next: python {run.path / 'train.py'}" in capsys.readouterr().out
    assert command(["eject", str(run.path)]) == 2
    assert "there is a file of this name already" in capsys.readouterr().err
    assert command(["eject", str(run.path), "--force", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["equal"] is True
    assert told["lines"] < 200
    (run.path / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match="has not come to its end") as caught:
        ejection.eject(str(run.path), force=True)
    assert caught.value.exit_code == 4


def test_a_run_of_own_tensors_is_refused_in_words(tmp_path: Path) -> None:
    """What `lamp.fit` was given lives in the user's script alone."""
    import lamplighter as lamp
    from lamplighter.listener import SILENT

    data = torch.utils.data.TensorDataset(torch.randn(16, 4), torch.arange(16) % 2)
    run = lamp.fit(
        torch.nn.Linear(4, 2), data, epochs=1, out=str(tmp_path), name="own", listener=SILENT,
        checks="off", tensorboard=False,
    )  # fmt: skip
    with pytest.raises(UsageError, match="on your own tensors") as caught:
        ejection.eject(str(run.path))
    assert caught.value.exit_code == 2
