"""Lists in a thing of the program, with a name or a number for each sample, also as fields of records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from lamplighter.checks.numbering import FEWEST

MOST_SAMPLES = 20_000
FIELDS = 12  # of a record


def names_in(thing: Any) -> Iterator[list[str]]:
    """Each list of names that a thing is or holds; of paths their folders as well."""
    if isinstance(thing, np.ndarray):
        if thing.ndim == 1 and thing.dtype.kind in "UO" and FEWEST <= len(thing) <= MOST_SAMPLES:
            yield from names_in(thing.tolist())
        return
    if not isinstance(thing, list | tuple) or not FEWEST <= len(thing) <= MOST_SAMPLES:
        return
    first = thing[0]
    if isinstance(first, str | Path):
        if all(isinstance(value, str | Path) for value in thing):
            names = [str(value) for value in thing]
            yield names
            if all("/" in name for name in names):
                yield [name.rsplit("/", 2)[-2] for name in names]
    elif isinstance(first, dict) and len(first) <= FIELDS:
        for key, value in first.items():
            if isinstance(value, str) and all(isinstance(r, dict) and key in r for r in thing):
                yield from names_in([row[key] for row in thing])
    elif isinstance(first, list | tuple) and len(first) <= FIELDS:
        for place, value in enumerate(first):
            if isinstance(value, str | Path) and all(len(row) == len(first) for row in thing):
                yield from names_in([row[place] for row in thing])


def whole_numbers_in(thing: Any, fewest: int = FEWEST) -> list[int] | None:
    """The whole numbers that a thing lists, one for each sample; None where it is no such list.

    Args:
        thing: of the program.
        fewest: as many at least.
    """
    if isinstance(thing, Tensor):
        plain = thing.dim() == 1 and not (
            thing.is_floating_point() or thing.is_complex() or thing.is_cuda
        )
        thing = thing.tolist() if plain and len(thing) <= MOST_SAMPLES else []
    elif isinstance(thing, np.ndarray):
        plain = thing.ndim == 1 and thing.dtype.kind in "iu" and len(thing) <= MOST_SAMPLES
        thing = thing.tolist() if plain else []
    if not isinstance(thing, list) or not fewest <= len(thing) <= MOST_SAMPLES:
        return None
    return thing if all(type(value) is int for value in thing) else None
