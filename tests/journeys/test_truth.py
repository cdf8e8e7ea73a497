"""After training: the same pictures for every seed, comparing, judging anew, and what was seen before."""

from __future__ import annotations

import base64
import json
import re
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamplighter.cli import run as lamp
from lamplighter.data.split_file import read_split
from lamplighter.exhibits import class_examples
from lamplighter.listener import Listener
from lamplighter.run_folder import RunFolder


class Heard(Listener):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


def draw(folder: Path, count: int, *, seed: int) -> Path:
    """Pictures of two classes that a small network tells apart, mostly."""
    generator = np.random.default_rng(seed)
    for name, level in (("dark", 100), ("light", 130)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = generator.normal(level, 250, (16, 16, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of one training, and the folder of data beside the folder of runs."""
    place = tmp_path_factory.mktemp("truth")
    data = draw(place / "data", 90, seed=0)
    for seed in ("1", "2"):
        told = [
            "train", str(data), "--model", "tutorial_cnn", "--epochs", "2", "--augment", "none",
            "--precision", "fp32", "--checks", "off", "--seed", seed,
        ]  # fmt: skip
        assert lamp([*told, "--out", str(place / "runs"), "--name", f"seed{seed}"]) == 0
    return place / "runs"


def test_another_seed_cuts_the_same_split(runs: Path) -> None:
    """The split has a seed of its own, so two seeds can be compared; another one cuts anew."""
    one, two = (read_split(runs / f"seed{n}" / "split.csv") for n in (1, 2))
    assert one == two
    told = ["train", str(runs.parent / "data"), "--model", "tutorial_cnn", "--epochs", "0"]
    told += ["--checks", "off", "--out", str(runs.parent / "other"), "--split-seed", "5"]
    assert lamp([*told, "--name", "cut"]) == 0
    other = read_split(runs.parent / "other" / "cut" / "split.csv")
    assert {row.key for row in other} == {row.key for row in one}
    assert other != one


def test_two_seeds_and_what_the_seed_alone_does(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison says that the runs differ by their seed only, and how far seeds lie apart."""
    assert lamp(["compare", str(runs / "seed1"), str(runs / "seed2")]) == 0
    said = capsys.readouterr().out
    assert "The runs differ by their seed only" in said
    assert re.search(r"Both are one of 2 runs .* accuracy \S+ % to \S+ %, standard deviation", said)
    assert lamp(["compare", str(runs / "seed1"), str(runs / "seed2"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    spread = document["seeds"]["a"]
    assert spread["runs"] == ["seed1", "seed2"]
    assert spread["accuracies"] == [document["a"], document["b"]]
    assert spread["deviation"] == pytest.approx(np.std(spread["accuracies"], ddof=1))


def test_two_models_on_new_pictures(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With DATA both answer these pictures now; one of them may be a model file alone."""
    new = draw(runs.parent / "new", 20, seed=7)
    alone = runs.parent / "alone.safetensors"
    alone.write_bytes((runs / "seed1" / "model.safetensors").read_bytes())
    assert lamp(["compare", str(alone), str(runs / "seed2"), str(new), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n"], document["settings"]) == (40, None)
    for side, run in (("a", alone), ("b", runs / "seed2")):
        assert lamp(["evaluate", str(run), str(new), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["accuracy"] == document[side]


def test_pictures_of_the_training_are_told(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who evaluates on what was trained on is told so, and how much of it."""
    rows = read_split(runs / "seed1" / "split.csv")
    trained = sum(row.split == "train" for row in rows)
    assert lamp(["evaluate", str(runs / "seed1"), str(runs.parent / "data")]) == 0
    said = capsys.readouterr().err
    assert f"{trained} of these {len(rows)} pictures were trained on (the same content)" in said
    assert lamp(["evaluate", str(runs / "seed1"), str(draw(runs.parent / "fresh", 5, seed=9))]) == 0
    assert "were trained on" not in capsys.readouterr().err


def test_a_page_of_a_later_evaluation_knows_the_run(runs: Path) -> None:
    """The page has the run's temperature, threshold and curves, and counts one look more."""
    before = len((runs / "looks.jsonl").read_text().splitlines())
    page = runs.parent / "later.html"
    assert lamp(["evaluate", str(runs / "seed1"), "--html", str(page)]) == 0
    written = json.loads((runs / "seed1" / "report.json").read_text())
    later = json.loads(page.with_suffix(".json").read_text())
    assert later["temperature_fit"] == written["temperature_fit"]
    assert later["threshold"] == written["threshold"]
    assert len(later["metrics"]) == 2
    assert later["accuracy"] == written["accuracy"]
    assert len((runs / "looks.jsonl").read_text().splitlines()) == before + 1
    assert later["looks"] == before + 1


def test_examples_of_each_class_for_the_served_page(runs: Path, tmp_path: Path) -> None:
    """Four training pictures a class as small JPEGs; without the data none, and this is said."""
    found = class_examples(RunFolder(runs / "seed1"), "classification")
    assert {name: len(some) for name, some in found.items()} == {"dark": 4, "light": 4}
    kind, text = found["dark"][0].split(",", 1)
    assert kind == "data:image/jpeg;base64"
    assert Image.open(BytesIO(base64.b64decode(text))).size == (16, 16)

    moved = tmp_path / "run"
    shutil.copytree(runs / "seed1", moved)
    recipe = moved / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(str(runs.parent / "data"), "/nowhere/at/all"))
    heard = Heard()
    assert class_examples(RunFolder(moved), "classification", listener=heard) == {}
    assert "the page shows no examples" in heard.warned[0]
    assert "/nowhere/at/all" in heard.warned[0]
