"""A recipe by name, from a file, and what was typed on top."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.asked import BUILT_IN, ask
from lamplighter.errors import RecipeError, UsageError
from lamplighter.recipe import Recipe, make_recipe


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_recipes_are_recipes(name: str) -> None:
    """Each setting of a built-in recipe exists, is valid and is not the default already."""
    recipe, plain = ask(name, {}), Recipe()
    for key, value in BUILT_IN[name].items():
        assert getattr(recipe, key) == value
        assert key in ("warmup", "weight_decay") or getattr(plain, key) != value


def test_what_is_typed_wins() -> None:
    """Flags override a built-in recipe, one by one."""
    recipe = ask("speed", {"data": "digits", "optimizer": "sgd", "lr": "0.1"})
    assert (recipe.optimizer, recipe.lr, recipe.model) == ("SGD", 0.1, "speed_net")
    assert ask(None, {"data": "digits"}) == make_recipe({"data": "digits"})


def test_a_mistyped_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that is no recipe names those that are, and the nearest."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match=r"no built-in recipe 'sped'(?s:.*)Did you mean.*speed"):
        ask("sped", {})
    with pytest.raises(RecipeError, match="there is no such file"):
        ask("sped.toml", {})


def test_a_file_of_that_name_is_taken_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A name is the built-in recipe, ./NAME is the file; a bare name that exists is a file."""
    monkeypatch.chdir(tmp_path)
    Path("speed").write_text("epochs = 3\n")
    Path("mine").write_text("epochs = 4\n")
    assert ask("speed", {}).model == "speed_net"
    assert (ask("./speed", {}).model, ask("./speed", {}).epochs) == ("auto", 3)
    assert ask("mine", {}).epochs == 4


def test_a_strangers_file_names_no_code(tmp_path: Path) -> None:
    """Code that only a file names is refused, also here."""
    file = tmp_path / "given.toml"
    file.write_text('model = "theirs:Net"\n')
    with pytest.raises(UsageError, match="names code to be imported"):
        ask(file, {"data": "digits"})
