"""What the user's running functions can name: variables, and what lies in their own objects."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from lamplighter.watch.source.place import frames, is_users, locals_of

DEEP = 3  # attributes of attributes: `self.data.train_loader`
WIDE = 16  # entries of a list or dictionary that is still read as a few named things
MOST = 4096  # things that are looked at
HOLDERS = (DataLoader, Subset, ConcatDataset)


def things_in_sight(*, dotted: bool = False) -> Iterator[tuple[str, Any]]:
    """Each object that a running function of the user can name, with that name, nearest first.

    Besides variables these are the entries of small dictionaries and lists, and the attributes of
    the user's own objects and of data sets. Nothing of the user's is called.

    Args:
        dotted: whether a name tells the whole way, `train_set.rows` instead of `rows`.
    """
    seen: set[int] = set()
    left = MOST
    for frame in frames():
        for space in (locals_of(frame), frame.f_globals):
            if id(space) in seen:
                continue
            if space is frame.f_globals:
                seen.add(id(space))
            stack = [(name, value, DEEP) for name, value in list(space.items())]
            while stack and left:
                name, value, depth = stack.pop(0)
                left -= 1
                yield name, value
                if depth and id(value) not in seen:
                    inner = _inside(name, value)
                    if inner:
                        seen.add(id(value))
                    before = f"{name}." if dotted and not isinstance(value, list | tuple) else ""
                    stack += [(before + key, thing, depth - 1) for key, thing in inner]


def _inside(name: str, value: Any) -> list[tuple[str, Any]]:
    """What an object holds by name."""
    if isinstance(value, dict):
        named = [(key, inner) for key, inner in value.items() if isinstance(key, str)]
        return named if len(value) <= WIDE else []
    if isinstance(value, list | tuple):
        return [(name, inner) for inner in value] if len(value) <= WIDE else []
    if isinstance(value, torch.nn.Module | type) or not is_holder(value):
        return []
    return [(key, inner) for key, inner in list(vars(value).items()) if not key.startswith("__")]


def is_holder(value: Any) -> bool:
    """Whether an object is the user's own, or a loader or data set, whose attributes are data."""
    if not hasattr(value, "__dict__"):
        return False
    return isinstance(value, (*HOLDERS, Dataset)) or is_own(type(value))


def is_own(kind: type) -> bool:
    """Whether a class is the user's own."""
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and is_users(file)
