"""What was asked: a recipe by name or from a file, under what was typed.

A built-in recipe is a row of `BUILT_IN`: settings that take the place of the defaults. What was
typed wins over it, the run's recipe.toml holds both together, and so it needs no name again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamplighter.errors import RecipeError, did_you_mean
from lamplighter.ownership import refuse_strangers_code
from lamplighter.recipe import Recipe, make_recipe, read_recipe

BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "speed": {
        "model": "speed_net",
        "optimizer": "Muon",
        "schedule": "linear",
        "warmup": 0.0,
        "weight_decay": 0.0,
        "smoothing": 0.2,
        "focus": 0.5,
    },
}


def ask(name_or_file: str | Path | None, typed: Mapping[str, Any]) -> Recipe:
    """The recipe of that name or file with what was typed on top.

    Args:
        name_or_file: a key of `BUILT_IN`, or a TOML file; a file of such a name is ./NAME.
        typed: settings that the person gave.

    Raises:
        RecipeError: there is no such recipe, or wrong keys and values, all told at once.
        UsageError: the file names code to be imported, and is a stranger's.
    """
    if name_or_file is None:
        return make_recipe(typed)
    if str(name_or_file) in BUILT_IN:
        return make_recipe({**BUILT_IN[str(name_or_file)], **typed})
    path = Path(name_or_file)
    if len(path.parts) == 1 and not path.suffix and not path.exists():
        raise RecipeError(
            [
                (
                    "recipe",
                    f"there is no built-in recipe {str(path)!r} (there is: {', '.join(BUILT_IN)}) and no "
                    f"such file.{did_you_mean(str(path), BUILT_IN)}",
                )
            ],
            fix="lamp train DATA --recipe speed, or --recipe FILE.toml",
        )
    recipe = make_recipe({**read_recipe(path), **typed}, where=path)
    refuse_strangers_code(recipe, path, [str(value) for value in typed.values()])
    return recipe
