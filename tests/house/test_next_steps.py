"""An error that a person can meet says what to do next."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lamplighter import errors
from lamplighter.data.labels import settle
from lamplighter.data.sources import open_source
from lamplighter.errors import ArtifactError, LamplighterError, ModelError, RecipeError, UsageError
from lamplighter.evaluation.settings import settings_that_differ
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.build import build
from lamplighter.models.torchvision_nets import first_convolution
from lamplighter.recipe import read_recipe
from lamplighter.run_folder import RunFolder

HOUSE = Path(__file__).parents[2] / "src" / "lamplighter"
# Errors without a next step, file → why it has none there.
WITHOUT = {
    "cli/__init__.py": "the keyboard; and click's own errors, under which `lamp COMMAND --help` is printed",
    "cli/look.py": "click's own error, which names the command",
    "cli/runs.py": "shown as the state of one run among others",
    "data/digests.py": "UnreadableFiles brings its own",
    "data/pickled.py": "raised again with one by read_pickled",
    "evaluation/heatmap.py": "raised again where it is asked for",
    "evaluation/outcome.py": "figures that do not belong together: a fault of ours",
    "handover.py": "a heat map that the page then goes without",
    "images/decode.py": "one picture: told in a list, under which the next step stands",
    "images/preprocess.py": "Artifact.read adds one",
    "look/verdict.py": "the person stopped it",
    "training/checkpoint.py": "caught: the checkpoint before it is taken",
    "training/pictures.py": "UnreadablePictures brings its own",
    "training/prepare.py": "UnreadablePictures brings its own",
    "training/state_file.py": "caught: the checkpoint before it is taken",
}


def kinds() -> set[str]:
    """The names of our errors, those of other files too."""
    found = {
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, LamplighterError)
    }
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and {ast.unparse(b) for b in node.bases} & found:
                found.add(node.name)
    return found


def test_errors_have_a_next_step() -> None:
    """Outside a short list, each error is raised with one."""
    names, without = kinds(), set()
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).split(".")[-1] in names
                and not {"fix", None} & {keyword.arg for keyword in node.keywords}
            ):
                without.add(path.relative_to(HOUSE).as_posix())
    assert without == set(WITHOUT)


def test_a_recipe_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, or a [resolved] that is no table."""
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path)
    assert caught.value.fix == "name a file that you may read, such as a run's recipe.toml"
    (tmp_path / "r.toml").write_text("resolved = 3")
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path / "r.toml")
    assert caught.value.fix.startswith("remove that line")


def test_a_damaged_run(tmp_path: Path) -> None:
    """The command that makes the run again is named; settings that cannot be read may be left out."""
    (tmp_path / "status.json").write_text("{")
    with pytest.raises(errors.RunFailed) as caught:
        RunFolder(tmp_path).read_json("status.json")
    assert caught.value.fix.endswith(f"lamp train --recipe {tmp_path / 'recipe.toml'}")
    (tmp_path / "recipe.toml").write_text("epochs = ")
    with pytest.raises(errors.RunFailed) as caught:
        settings_that_differ(tmp_path, tmp_path)
    assert caught.value.fix.startswith("put it back as the run wrote it, or move it away")


def test_a_network_that_cannot_be_made() -> None:
    """Outputs, options, and a network that reads no pictures."""
    with pytest.raises(UsageError) as caught:
        build("tutorial_cnn", 0)
    assert caught.value.fix == "outputs is the number of classes; channels 3 for colour, 1 for grey"
    with pytest.raises(UsageError) as caught:
        build("tutorial_cnn", 3, options={"activation": "gelu"})
    assert caught.value.fix == "leave activation out to have the network's own"
    from torch import nn

    with pytest.raises(ModelError) as caught:
        first_convolution(nn.Linear(3, 4))
    assert caught.value.fix.startswith("--channels rgb")


def test_weights_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training can begin without them."""
    import torch

    from lamplighter.models import weight_file

    def too_large(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch, "load", too_large)
    with pytest.raises(ModelError) as caught:
        weight_file._read_torch(tmp_path / "w.pt")
    assert caught.value.fix == "close other programs, or begin without them: --weights none"


def test_a_task_that_is_none() -> None:
    """The labels tell what the task is."""
    with pytest.raises(UsageError) as caught:
        settle([], "clustering", open_source("digits"))
    assert caught.value.fix == "leave it out: the labels tell"


def test_preprocessing_that_is_out_of_bounds_has_none_by_itself() -> None:
    """It does not know the file that it came from; the artifact adds where and what to do."""
    with pytest.raises(ArtifactError) as caught:
        Preprocess.from_json({"size": 8})
    assert caught.value.fix == ""
