"""What the user calls a loader: for training or for evaluation."""

from __future__ import annotations

import re
from typing import Any, Literal

from torch.utils.data import DataLoader, Dataset

from lamplighter.watch.place import frames, locals_of

Role = Literal["train", "evaluation", ""]

_TRAIN = re.compile(r"(^|[_\W\d])(train|trn|training)([_\W\d]|$|loader|data|set|dl|gen|iter)", re.I)
_EVALUATION = re.compile(
    r"(^|[_\W\d])(val|valid|validation|test|testing|tst|eval|dev|holdout)"
    r"([_\W\d]|$|loader|data|set|dl|gen|iter)",
    re.I,
)


def role_of_name(name: str) -> Role:
    """The role that one name states; empty if it states none or both."""
    train, evaluation = bool(_TRAIN.search(name)), bool(_EVALUATION.search(name))
    if train == evaluation:
        return ""
    return "train" if train else "evaluation"


def role_of(names: list[str], dataset: Any) -> Role:
    """The role that all names together state, or else the data set's own word.

    Args:
        names: variables that hold the loader.
        dataset: torchvision's sets know `train` or `split`.
    """
    roles = {role for name in names if (role := role_of_name(name))}
    if len(roles) == 1:
        return roles.pop()
    if roles:
        return ""
    if isinstance(train := getattr(dataset, "train", None), bool):
        return "train" if train else "evaluation"
    split = getattr(dataset, "split", None)
    return role_of_name(split) if isinstance(split, str) else ""


def loaders_in_sight() -> dict[int, tuple[DataLoader[Any], list[str]]]:
    """Every loader that a running frame of the user can name, with its names."""
    return _in_sight(DataLoader)


def sets_in_sight() -> dict[int, tuple[Dataset[Any], list[str]]]:
    """Every data set that a running frame of the user can name, with its names."""
    return _in_sight(Dataset)


def _in_sight(kind: type) -> dict[int, tuple[Any, list[str]]]:
    found: dict[int, tuple[Any, list[str]]] = {}
    for frame in frames():
        for space in (locals_of(frame), frame.f_globals):
            for name, value in list(space.items()):
                for inner_name, thing in _named_inside(name, value):
                    if isinstance(thing, kind):
                        names = found.setdefault(id(thing), (thing, []))[1]
                        if inner_name not in names:
                            names.append(inner_name)
    return found


def _named_inside(name: str, value: Any) -> list[tuple[str, Any]]:
    """The value, and what a small dictionary such as `loaders["val"]` holds by name."""
    things = [(name, value)]
    if isinstance(value, dict) and len(value) <= 8:
        things += [(key, inner) for key, inner in value.items() if isinstance(key, str)]
    return things
