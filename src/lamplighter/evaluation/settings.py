"""Which settings two runs differ in, as their recipes say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from lamplighter.errors import RunFailed
from lamplighter.run_folder import RECIPE

# "data_at": where the data lay, which is told by what they are called
NAMES = {"name", "out", "resume", "html", "data_at"}
# how fast pictures are read, which no figure depends on and which follows the machine
READING = {"workers", "cache"}
# earlier versions left these at `auto` and did not write down what it became
LATER_RESOLVED = {"val_share", "test_share", "normalise"}


def settings_that_differ(run_a: Path, run_b: Path) -> dict[str, list[Any]] | None:
    """Setting → its two values, where they differ; None where a recipe is missing.

    Args:
        run_a, run_b: run folders.

    Raises:
        RunFailed: a recipe is there and cannot be read.
    """
    a, b = _settings(run_a), _settings(run_b)
    if a is None or b is None:
        return None
    # a fact that one of them lacks was not written down by the version that made it
    keys = [
        key
        for key in {**a, **b}
        if key.rsplit(".", 1)[-1] not in NAMES | READING
        and (key in a.keys() & b.keys() or not key.startswith("facts."))
        and not (key in LATER_RESOLVED and "auto" in (a.get(key), b.get(key)))
    ]
    return {key: [a.get(key), b.get(key)] for key in keys if a.get(key) != b.get(key)}


def seeds_only(differ: dict[str, list[Any]] | None) -> bool:
    """Whether the runs differ by their seed and by nothing else."""
    return bool(differ) and all(key.rsplit(".", 1)[-1] == "seed" for key in differ or ())


def _settings(run: Path) -> dict[str, Any] | None:
    path = run / RECIPE
    try:
        with path.open("rb") as file:
            tree = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise RunFailed(
            f"cannot be read: {error}",
            where=path,
            fix="put it back as the run wrote it, or move it away: the settings are then left out",
        ) from error
    # an "auto" and the value it came to are the same setting
    resolved = tree.pop("resolved", {})
    return _flat({**tree, **resolved} if isinstance(resolved, dict) else tree)


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
