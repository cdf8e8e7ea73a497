"""A run's recipe.toml says what became of every `auto`, and repeats the run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.cli.test_answers import draw

from lamplighter.cli import run as lamp
from lamplighter.data.sources import open_source
from lamplighter.data.split import collect
from lamplighter.machine import cores
from lamplighter.models.build import build
from lamplighter.recipe import Recipe
from lamplighter.training.pictures import Reader
from lamplighter.training.resolve import resolve_data

QUICK = (
    "--model", "tutorial_cnn", "--epochs", "1", "--size", "12", "--checks", "off",
    "--schedule", "constant", "--no-tensorboard",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and a run on it in runs/one."""
    place = tmp_path_factory.mktemp("recorded")
    draw(place / "data", 24)
    told = ["train", str(place / "data"), *QUICK, "--out", str(place / "runs"), "--name", "one"]
    assert lamp(told) == 0
    return place


def resolved(run: Path) -> dict[str, Any]:
    return tomllib.loads((run / "recipe.toml").read_text())["resolved"]


def same(one: Path, two: Path) -> bool:
    """Whether two runs have the same model, split and answers, to the last byte."""
    files = ("model.safetensors", "split.csv", "predictions.csv")
    return all((one / name).read_bytes() == (two / name).read_bytes() for name in files)


def test_what_was_chosen_for_the_data_is_recorded(place: Path) -> None:
    """The shares that were cut, whose mean was taken, how many threads read, what was kept."""
    chosen = resolved(place / "runs" / "one")
    named = ("val_share", "test_share", "normalise", "workers", "cache")
    assert {name: chosen.get(name) for name in named} == {
        "val_share": 0.2, "test_share": 0.0, "normalise": "data", "workers": cores(), "cache": "on",
    }  # fmt: skip


def test_the_recipe_of_a_run_repeats_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same bytes, and no word about a setting that would do nothing."""
    runs = place / "runs"
    told = ["train", "--recipe", str(runs / "one" / "recipe.toml"), "--name", "again"]
    capsys.readouterr()
    assert lamp(told) == 0
    assert "does nothing here" not in capsys.readouterr().err
    assert same(runs / "one", runs / "again")
    assert not resolved(runs / "again").keys() & {"val_share", "workers"}  # they were asked for


def test_a_run_goes_on_with_other_workers(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many read may change within a run, and changes no figure; the share may not."""
    runs = str(place / "runs")
    for name, more in (("few", ("--workers", "1")), ("many", ("--workers", "3"))):
        told = ["train", str(place / "data"), *QUICK, "--out", runs, "--name", name]
        assert lamp(told) == 0
        capsys.readouterr()
        again = ["train", "--resume", name, "--out", runs, "--epochs", "2", *more]
        assert lamp(again) == 0
        before, now = cores(), more[1]
        said = capsys.readouterr().err
        assert (f"changed on resume: workers {before} → {now}" in said) == (str(before) != now)
    few, many = (place / "runs" / name for name in ("few", "many"))
    assert (few / "predictions.csv").read_bytes() == (many / "predictions.csv").read_bytes()
    ours, theirs = (load_file(run / "model.safetensors") for run in (few, many))
    assert ours.keys() == theirs.keys()  # the file's header tells the recipe, workers included
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    again = ["train", "--resume", "few", "--out", runs, "--epochs", "3", "--val-share", "0.3"]
    assert lamp(again) == 2
    assert "this cannot change within a run: val_share is 0.2, not 0.3" in capsys.readouterr().err


def test_where_nothing_was_cut_no_share_is_claimed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Data with splits of their own: the run is repeated without a word about shares."""
    for number, split in enumerate(("train", "val")):
        draw(tmp_path / "data" / split, 12, seed=number)
    runs = tmp_path / "runs"
    told = ["train", str(tmp_path / "data"), *QUICK, "--out", str(runs), "--name", "one"]
    assert lamp(told) == 0
    assert not resolved(runs / "one").keys() & {"val_share", "test_share"}
    again = ["train", "--recipe", str(runs / "one" / "recipe.toml"), "--name", "two"]
    capsys.readouterr()
    assert lamp(again) == 0
    assert "does nothing here" not in capsys.readouterr().err
    assert same(runs / "one", runs / "two")


def test_pictures_in_memory_are_not_kept_on_disk() -> None:
    """The built-in digits lie in memory; they are enough for a test split, and cut 70, 15, 15."""
    collection = collect(open_source("digits"))
    network = build("tutorial_cnn", 10, channels=1, weights="none")
    reader = Reader(collection.source, collection.digests, "auto", 3)
    found = resolve_data(Recipe(), collection, network, reader)
    assert (found.cache, found.workers, found.normalise) == ("off", 3, "data")
    assert (found.val_share, found.test_share) == (0.15, 0.15)
    asked = Recipe(val_share=0.3, cache="on", workers=0, normalise="none")
    kept = resolve_data(asked, collection, network, reader)
    assert (kept.val_share, kept.cache, kept.workers, kept.normalise) == (0.3, "on", 0, "none")
