"""The tensors that lie in what is written to a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from lamplighter.watch.identity import address_of


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


def addresses_within(thing: Any, depth: int) -> set[int]:
    """Where the numbers of these begin in memory; those that have none are left out."""
    return {address_of(tensor) for tensor in tensors_within(thing, depth)} - {0}
