"""Attributes of data sets that choose how a sample is read, when they get another value."""

from __future__ import annotations

import sys
from typing import Any

from torch.utils.data import Dataset

from lamplighter.watch.taps.wrapping import Taps, Wrapper

ABSENT = object()


def tap_sets(taps: Taps) -> None:
    """Tells of each such value, and whether a method of the data set's own has set it."""
    stream = taps.stream

    def make(original: Wrapper) -> Wrapper:
        def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
            old = self.__dict__.get(name, ABSENT)
            original(self, name, value)
            if old is ABSENT or old is value or not stream.on:
                return
            if _chooses(old) and _chooses(value):
                own = sys._getframe(1).f_code.co_varnames[:1] == ("self",)
                stream.tell("set_altered", self, name, old, value, own)

        return __setattr__

    taps.replace(Dataset, "__setattr__", make)


def _chooses(value: Any) -> bool:
    """A transform, a switch or a name; no counter."""
    return value is None or isinstance(value, bool | str) or callable(value)
