"""What is remembered about a program's objects, by identity."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Generic, TypeVar

import torch
from torch.multiprocessing.reductions import StorageWeakRef

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
        # `pop` gets the dead reference as what it returns where nothing is left: no call of Python's
        key, kept = id(thing), self._kept
        kept[key] = (weakref.ref(thing, partial(kept.pop, key)), value)


class Numbers:
    """A number for each object that is its own, also when a later one lies at the same address.

    What cannot be referred to weakly, such as a list, goes by its address.
    """

    def __init__(self) -> None:
        self._known: ByIdentity[int] = ByIdentity()
        self._count = 0

    def of(self, thing: object) -> int:
        """The number of an object; that of None is that of what is gone."""
        number = self._known.get(thing)
        if number is not None:
            return number
        try:
            self._known[thing] = number = self._count + 1
        except TypeError:
            return -id(thing)
        self._count = number
        return number


class ByAddress:
    """Tensors known by where their numbers begin, for as long as those numbers are there.

    A view that begins at the same place is known with them. Memory is handed out again as soon as
    a batch is let go, so that an address alone would take a new tensor for one long gone.
    """

    def __init__(self, *tensors: torch.Tensor) -> None:
        self._kept: dict[int, StorageWeakRef] = {}
        for tensor in tensors:
            self.add(tensor)

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, tensor: torch.Tensor) -> bool:
        kept = self._kept.get(address_of(tensor))
        return kept is not None and not kept.expired()

    def add(self, tensor: torch.Tensor) -> None:
        """Remembers a tensor; one without numbers of its own, as within vmap, is passed over."""
        address = address_of(tensor)
        if address:
            self._kept[address] = StorageWeakRef(tensor.untyped_storage())


def version_of(tensor: torch.Tensor) -> int:
    """torch's count of changes in place; 0 where it keeps none."""
    return 0 if tensor.is_inference() else tensor._version


def address_of(tensor: torch.Tensor) -> int:
    """Where a tensor's numbers begin; 0 where it has none."""
    try:
        return tensor.data_ptr() if tensor.numel() else 0
    except RuntimeError:
        return 0
