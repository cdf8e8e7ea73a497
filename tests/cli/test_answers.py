"""`lamp predict`, `lamp evaluate` and `lamp runs`: what goes where, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamplighter.cli import run as lamp


def draw(folder: Path, count: int, seed: int = 0) -> Path:
    """Pictures of two classes."""
    generator = np.random.default_rng(seed)
    for name, level in (("dark", 60), ("light", 190)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = generator.normal(level, 50, (12, 12, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and a run on it in runs/one."""
    place = tmp_path_factory.mktemp("answers")
    draw(place / "data", 24)
    told = [
        "train",
        str(place / "data"),
        "--model",
        "tutorial_cnn",
        "--epochs",
        "1",
        "--size",
        "12",
    ]
    told += ["--checks", "off", "--no-tensorboard", "--out", str(place / "runs"), "--name", "one"]
    assert lamp(told) == 0
    return place


def test_the_table_and_the_document_do_not_share_stdout(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--csv - writes the table alone, --json the document alone; both together are refused."""
    asked = ["predict", str(place / "runs" / "one"), str(place / "data" / "dark")]
    capsys.readouterr()
    assert lamp([*asked, "--csv", "-"]) == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert table[0] == ["path", "answer", "probability", "unsure", "error"]
    assert len(table) == 25
    assert lamp([*asked, "--csv", "-", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"] == "the table and the JSON document cannot both go to stdout"
    assert error["fix"] == "--csv FILE with --json, or one of the two"


def test_a_split_that_new_data_lack(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named with those that are there, by a run and by a model file alike."""
    for model in ("one", "one/model.safetensors"):
        asked = ["evaluate", str(place / "runs" / model), str(place / "data"), "--split", "val"]
        assert lamp([*asked, "--json"]) == 3
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["message"] == "there is no val split; there are all"
        assert error["fix"] == "--split all"


def test_a_word_that_names_no_split(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip is a matter of usage, told with the near words before the model is opened."""
    for word, near in (("vall", " Did you mean val or all or valid?"), ("foo", "")):
        assert lamp(["evaluate", str(place / "runs" / "one"), "--split", word, "--json"]) == 2
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["kind"] == "unknown name"
        assert error["message"] == f"there is no split called {word!r}.{near}"
        assert error["where"] == "--split"
        assert error["fix"].startswith("--split train, --split val or --split test")


def test_a_split_that_the_run_lacks(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A word for a split is understood; one that this run's data lack is a matter of the data."""
    asked = ["evaluate", str(place / "runs" / "one"), "--json", "--split"]
    assert lamp([*asked, "Validation"]) == 0
    assert json.loads(capsys.readouterr().out)["split"] == "val"
    for word in ("test", "all"):
        assert lamp([*asked, word]) == 3
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["message"] == f"there is no {word} split; there are train, val"
        assert error["fix"] == "--split val"


@pytest.mark.parametrize("splits", [["test"], ["val"], ["val", "test"]])
def test_data_without_train_are_judged(
    splits: list[str], place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with test/ alone is enough to judge a model; to train on it is refused with the way."""
    for number, split in enumerate(splits):
        draw(tmp_path / "new" / split, 5, seed=number + 7)
    capsys.readouterr()
    assert lamp(["evaluate", str(place / "runs" / "one"), str(tmp_path / "new"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["split"], document["n"]) == (splits[-1], 10)
    assert lamp(["train", str(tmp_path / "new"), "--out", str(tmp_path / "runs"), "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"].endswith("but no train/")
    assert error["fix"].endswith(f"to judge a model on it: lamp evaluate RUN {tmp_path / 'new'}")


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link that leads nowhere is left out where that was asked for: training, judging, resuming."""
    data = draw(tmp_path / "data", 24)
    (data / "dark" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    told = ["train", str(data), "--model", "tutorial_cnn", "--epochs", "1", "--size", "12"]
    told += [
        "--checks",
        "off",
        "--no-tensorboard",
        "--out",
        str(tmp_path / "runs"),
        "--name",
        "one",
    ]
    assert lamp(told) == 3
    assert "leave them out with --skip-unreadable" in capsys.readouterr().err
    assert lamp([*told, "--skip-unreadable"]) == 0
    assert "1 file that cannot be read is left out: dark/gone.png" in capsys.readouterr().err
    run = str(tmp_path / "runs" / "one")
    assert lamp(["evaluate", run]) == 0
    assert lamp(["train", "--resume", run, "--epochs", "2"]) == 0
    capsys.readouterr()
    assert lamp(["evaluate", run, str(data), "--json"]) == 3
    assert "gone.png" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert lamp(["evaluate", run, str(data), "--skip-unreadable", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n"], document["unreadable"]) == (48, ["dark/gone.png"])


def test_a_status_that_is_none(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`lamp runs` shows the other runs, and says which cannot be read."""
    broken = place / "runs" / "two"
    broken.mkdir()
    (broken / "status.json").write_text("[1]")
    capsys.readouterr()
    assert lamp(["runs", str(place / "runs"), "--json"]) == 0
    states = {run["name"]: run["state"] for run in json.loads(capsys.readouterr().out)["runs"]}
    assert states == {"one": "finished", "two": "unreadable: status.json holds a list"}


@pytest.mark.parametrize(
    ("asked", "flag"),
    [
        (["predict", "one", "data"], "--csv"),
        (["evaluate", "one"], "--csv"),
        (["evaluate", "one"], "--html"),
    ],
)
def test_a_folder_that_is_not_there(
    asked: list[str], flag: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told before anything is answered, as a fault of the command."""
    there = [str(place / "runs" / "one") if a == "one" else str(place / a) for a in asked[1:]]
    capsys.readouterr()
    file = place / "nowhere" / "a.csv"
    assert lamp([asked[0], *there, flag, str(file), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["where"] == flag
    assert error["message"] == f"there is no folder {file.parent} to write a.csv to"
    assert error["fix"] == f"mkdir -p {file.parent}, or name another file"


def test_shares_of_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A validation split is needed, and the message says what for."""
    assert lamp(["train", str(place / "data"), "--val-share", "0", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["where"], error["message"]) == (
        "--val-share", "the fraction for val lies between 0 and 1, got 0",
    )  # fmt: skip
    assert error["fix"].startswith("the best epoch is chosen by it")


def test_a_code_to_allow_that_does_not_exist_is_refused_before_the_data_are_read(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped `--allow` would stop the training later by the very finding that it names."""
    told = ["train", str(place / "nothing"), "--allow", "Y1O3", "--out", str(place / "runs")]
    assert lamp(told) == 2
    said = capsys.readouterr().err
    assert "there is no finding code called 'Y1O3'" in said
    assert "lamp explain Y" in said


def test_a_path_that_is_not_there_names_its_neighbour(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lies there under a similar name is told, or that not even its folder is there."""
    run = str(place / "runs/one")
    assert lamp(["predict", run, str(place / "data/drak")]) == 3
    assert "there is no such file or folder. Did you mean dark?" in capsys.readouterr().err
    assert lamp(["predict", run, str(place / "nowhere/a.png")]) == 3
    assert f"there is no folder {place / 'nowhere'} either" in capsys.readouterr().err


def test_the_recipe_says_which_task_and_loss_followed(place: Path) -> None:
    """What `auto` came to is written down, the question and its loss as well."""
    facts = tomllib.loads((place / "runs/one/recipe.toml").read_text())["facts"]
    assert (facts["task"], facts["loss"]) == ("classification", "cross-entropy")
