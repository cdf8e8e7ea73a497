"""The tensors that lie in what is written to a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor


def tensors_within(thing: Any, depth: int) -> Iterator[Tensor]:
    """Every tensor in nested dictionaries and lists.

    Args:
        thing: of the program.
        depth: how many containers within containers are opened.
    """
    if isinstance(thing, Tensor):
        yield thing
    elif depth and isinstance(thing, dict | list | tuple):
        for value in thing.values() if isinstance(thing, dict) else thing:
            yield from tensors_within(value, depth - 1)
