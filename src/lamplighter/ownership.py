"""Whose recipe is it? One that names code to import counts only where its own writer reads it.

A recipe, and the folder of a run, may come from a stranger, with a module beside it. What it names as
`package.module:name` is imported if the person typed that name, or if this very user's Lamplighter
wrote the recipe: it signs the names with a key that lies in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from lamplighter.errors import UsageError
from lamplighter.machine import cache_folder
from lamplighter.named import looks_named
from lamplighter.recipe import Recipe, make_recipe, read_recipe

PLACE = "data_at"  # the key of the [facts] table that says where the data lay
FACT = "code"  # the key of the [facts] table that holds the signature
KEY = "recipe.key"
NOT_CODE = "timm:"


def code_named(recipe: Recipe) -> list[str]:
    """What a recipe would import, as `package.module:name`."""
    parts = [part.strip() for part in recipe.data.split(" + ")]
    named = [part for part in parts if looks_named(part) and not Path(part).exists()]
    model = recipe.model
    return named + (
        [model] if looks_named(model) and not model.lower().startswith(NOT_CODE) else []
    )


def signature(names: Collection[str]) -> str:
    """What this user's Lamplighter writes beside such names; empty where it can keep no key."""
    key = _key()
    text = "\n".join(names).encode("utf-8", "surrogateescape")
    return hmac.new(key, text, hashlib.sha256).hexdigest() if key and names else ""


def recipe_of(path: Path, typed: Collection[str] = ()) -> Recipe:
    """A run's recipe, once it is sure that it may import what it names.

    Data that are not there by their own words, as from another working folder, are named by the
    place where they lay.

    Args:
        path: recipe.toml.
        typed: names that the person gave on the command line or in a call.

    Raises:
        RecipeError: it cannot be read, or a value is wrong.
        UsageError: it names code that neither this user typed nor wrote there.
    """
    recipe = make_recipe(read_recipe(path), where=path)
    refuse_strangers_code(recipe, path, typed)
    place = _facts_of(path).get(PLACE)
    # a path may be too long for one
    if not recipe.data or not isinstance(place, str) or os.path.exists(recipe.data):  # noqa: PTH110
        return recipe
    if recipe.data_root is None:
        return recipe.with_changes(data=place)
    data, _, root = place.rpartition(" in ")
    return recipe.with_changes(data=data, data_root=root)


def _facts_of(path: Path) -> dict[str, Any]:
    """The [facts] of a recipe.toml; none where they cannot be read."""
    try:
        facts = tomllib.loads(path.read_bytes().decode("utf-8", "replace")).get("facts", {})
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def refuse_strangers_code(recipe: Recipe, path: Path, typed: Collection[str] = ()) -> None:
    """Stops before anything is imported that only a file names.

    Args:
        recipe: what was read from it.
        path: recipe.toml.
        typed: names that the person gave on the command line or in a call.

    Raises:
        UsageError: the file names code, and neither this user typed it nor wrote the file.
    """
    names = code_named(recipe)
    unknown = [name for name in names if name not in typed]
    if not unknown:
        return
    found = _facts_of(path).get(FACT)
    own = signature(names)
    if own and isinstance(found, str) and hmac.compare_digest(found.encode(), own.encode()):
        return
    told = " --model ".join(names) if len(names) > 1 else names[0]
    raise UsageError(
        f"it names code to be imported ({', '.join(unknown)}) and was not written here by you; a file may "
        "not decide what is imported, and nothing was",
        where=path,
        fix=f"if you trust it, name that code yourself: lamp train {told} --recipe {path}",
    )


def _key() -> bytes:
    place = cache_folder() / KEY
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError:
        return b""
    else:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    try:
        key = place.read_bytes()
    except OSError:
        return b""
    return key if len(key) == 32 else b""
