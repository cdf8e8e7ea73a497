"""What was asked is checked all at once, and a recipe file says the same again when it is read."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamplighter.errors import RecipeError
from lamplighter.recipe import FIELDS, OPTIMIZERS, Recipe, make_recipe, read_recipe, write_toml

# one value for each setting that is not its default, odd on purpose where it is a text
OTHER = {
    "data": 'C:\\new\\"x" + \u202e猫/\x1b[31m\n\t\x7f',
    "data_root": "/d\\u0041",
    "download": True,
    "task": "multilabel",
    "path_column": "a = 'b'",
    "label_column": "x,y",
    "group_column": "#no comment",
    "split_column": "[resolved]",
    "val_share": 0.1,
    "test_share": 1e-05,
    "skip_unreadable": True,
    "size": 33,
    "fit": "pad",
    "channels": "grey",
    "normalise": "none",
    "augment": "strong",
    "cache": "off",
    "model": "mynets:Net",
    "weights": "C:\\w.pth",
    "freeze": "backbone",
    "init": "xavier",
    "activation": "relu",
    "views": "moved",
    "grow_from": 0.5,
    "focus": 0.5,
    "epochs": 3,
    "batch": 7,
    "accumulate": 2,
    "lr": 1e-4,
    "backbone_lr": 0.0,
    "optimizer": "SGD",
    "momentum": 0.5,
    "weight_decay": 1e16,
    "schedule": "one-cycle",
    "warmup": 0.25,
    "loss": "huber",
    "smoothing": 0.1,
    "class_weights": "balanced",
    "clip": 1.0,
    "patience": 4,
    "time_limit": 1.5,
    "seed": 2**63 - 1,
    "split_seed": 3,
    "stall_after": 7.5,
    "checks": "off",
    "allow": ("S101", "D1"),
    "device": "cuda:1",
    "precision": "bf16",
    "compile": "on",
    "memory_format": "contiguous",
    "workers": 0,
    "deterministic": False,
    "out": "läufe",
    "name": '\'"""',
    "tensorboard": False,
    "save_every": 0.5,
}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "recipe.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_all_faults_at_once() -> None:
    """Every unknown key and wrong value is told in one error, each with what was expected."""
    with pytest.raises(RecipeError) as caught:
        make_recipe({"epochz": 3, "lr": -1, "augment": "lihgt", "batch": "many", "size": 0})
    told = str(caught.value)
    assert caught.value.exit_code == 2
    assert "5 settings are wrong" in told
    assert "epochz: there is no such setting. Did you mean epochs?" in told
    assert "lr: expected a number above 0, or auto, got -1" in told
    assert "augment: expected none, light" in told
    assert "Did you mean light" in told
    assert "batch: expected a whole number of at least 1, or auto, got 'many'" in told
    assert "size:" in told


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("lr", "inf"),
        ("lr", True),
        ("epochs", True),
        ("epochs", 2.5),
        ("epochs", float("inf")),
        ("seed", -1),
        ("seed", 2**63),
        ("time_limit", float("nan")),
        ("clip", float("inf")),
        ("size", 10**30),
        ("val_share", 1),
        ("val_share", "nan"),
        ("workers", [1]),
        ("name", 3),
        ("allow", [1]),
        ("model", {"a": 1}),
        ("data", None),
    ],
)
def test_hostile_values(key: str, value: object) -> None:
    """A value of a wrong kind, not a number, without end or out of bounds is refused by name."""
    with pytest.raises(RecipeError, match=f"{key}: expected"):
        make_recipe({key: value})


def test_long_value_is_cut() -> None:
    """A megabyte given as a value does not fill the screen."""
    with pytest.raises(RecipeError) as caught:
        make_recipe({"epochs": "9" * 1_000_000})
    assert len(str(caught.value)) < 500


def test_texts_and_spellings() -> None:
    """Texts of the command line are numbers, dashes are underscores, optimizers know no case."""
    recipe = make_recipe({"lr": "3e-4", "batch": "16", "time-limit": "2", "optimizer": "adamw"})
    assert (recipe.lr, recipe.batch, recipe.time_limit) == (3e-4, 16, 2.0)
    assert recipe.optimizer == "AdamW"
    assert {make_recipe({"optimizer": n.lower()}).optimizer for n in OPTIMIZERS} == set(OPTIMIZERS)


def test_codes_by_comma_or_again() -> None:
    """`--allow A,B --allow C`, as the error message advises, allows three codes."""
    for given_ in ("A,B,C", ("A,B", "C"), ["A", " B ", "C,"]):
        assert make_recipe({"allow": given_}).allow == ("A", "B", "C")


def test_other_covers_all() -> None:
    """The table above has a value of its own for every setting."""
    assert set(OTHER) == set(FIELDS)
    assert all(OTHER[name] != field.default for name, field in FIELDS.items())


@pytest.mark.parametrize("values", [{}, OTHER], ids=["defaults", "others"])
def test_round_trip(values: dict[str, object], tmp_path: Path) -> None:
    """A written recipe gives the same recipe when it is read, for every setting."""
    recipe = make_recipe(values)
    path = written(tmp_path, write_toml(recipe, {}, {"steps": 3, "odd": 'a"\\\n'}))
    assert make_recipe(read_recipe(path)) == recipe


@given(st.text())
def test_every_text(text: str) -> None:
    """Any text, control characters and quotes included, survives TOML."""
    document = tomllib.loads(write_toml(Recipe(data=text), {}, {}))
    assert document["data"] == text


def test_bytes_of_a_path(tmp_path: Path) -> None:
    """A path that is no UTF-8 goes into a run's recipe and comes back as the same bytes."""
    from lamplighter.run_folder import RunFolder

    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    RunFolder(tmp_path).write_text("recipe.toml", write_toml(Recipe(data=name), {}, {}))
    assert read_recipe(tmp_path / "recipe.toml")["data"] == name


def test_numpy_numbers(tmp_path: Path) -> None:
    """A learning rate that is a NumPy number is written as a number."""
    text = write_toml(Recipe(lr=np.float64(0.1)), {"lr": np.float64(0.1)}, {})
    assert read_recipe(written(tmp_path, text))["lr"] == 0.1


def test_resolved_wins(tmp_path: Path) -> None:
    """What was chosen takes precedence over `auto`; facts are not read again."""
    text = write_toml(Recipe(), {"epochs": 7, "lr": 0.5}, {"epochs": 99})
    recipe = make_recipe(read_recipe(written(tmp_path, text)))
    assert (recipe.epochs, recipe.lr, recipe.batch) == (7, 0.5, "auto")


def test_windows_files(tmp_path: Path) -> None:
    """A file saved by Notepad, with a byte order mark and CRLF, is read."""
    assert read_recipe(written(tmp_path, b"\xef\xbb\xbfepochs = 3\r\nlr = 0.1\r\n")) == {
        "epochs": 3,
        "lr": 0.1,
    }


@pytest.mark.parametrize(
    "content",
    [
        "epochs = ",
        "epochs = 1\nepochs = 2",
        "data = [" * 3000,
        "data = " + "{a=" * 3000,
        "seed = " + "9" * 5000,
        "resolved = 3",
        b"\xff\xfee\x00p\x00",
        b"\x00",
        "data = 2020-13-45",
    ],
    ids=["cut", "twice", "deep", "tables", "digits", "resolved", "utf16", "zero", "date"],
)
def test_hostile_toml(content: str | bytes, tmp_path: Path) -> None:
    """A file that is no recipe ends in one error that names it, whatever is in it."""
    path = written(tmp_path, content)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert caught.value.where == str(path)


def test_tables_are_unknown_keys(tmp_path: Path) -> None:
    """A recipe is flat: a table of another tool is told as an unknown setting."""
    values = read_recipe(written(tmp_path, "[training]\nepochs = 3"))
    with pytest.raises(RecipeError, match="training: there is no such setting"):
        make_recipe(values)


def test_file_not_there(tmp_path: Path) -> None:
    """A recipe that is not there, or is a folder, is told with its path."""
    with pytest.raises(RecipeError, match="there is no such file"):
        read_recipe(tmp_path / "none.toml")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path)


def test_with_changes() -> None:
    """A changed copy is checked like a new one and leaves the first as it was."""
    recipe = Recipe()
    assert recipe.with_changes(epochs=3).epochs == 3
    with pytest.raises(RecipeError, match="batch"):
        recipe.with_changes(batch=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.epochs = 3  # type: ignore[misc]


def test_a_folder_may_be_a_path() -> None:
    """From Python folders are paths as often as texts; the run's file holds texts."""
    recipe = make_recipe(
        {"data": Path("photos"), "out": Path("runs") / "new", "model": Path("w.pt")}
    )
    assert (recipe.data, recipe.out, recipe.model) == ("photos", str(Path("runs/new")), "w.pt")
