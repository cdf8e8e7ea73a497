"""What is remembered about a program's objects, by identity."""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByIdentity(Generic[Value]):
    """Values of objects, forgotten with them.

    A program's own `__hash__` and `__eq__` are never called: a metric of torchmetrics has neither
    while it is being built, and its `==` makes a new metric.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[weakref.ref[object], Value]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, thing: object) -> Value | None:
        """What was remembered of this very object."""
        known = self._kept.get(id(thing))
        return known[1] if known is not None and known[0]() is thing else None

    def __setitem__(self, thing: object, value: Value) -> None:
        key, kept = id(thing), self._kept
        self._kept[key] = (weakref.ref(thing, lambda _: kept.pop(key, None)), value)
