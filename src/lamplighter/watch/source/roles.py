"""What the user calls a loader: for training or for evaluation."""

from __future__ import annotations

import re
from typing import Any, Literal

from torch.utils.data import DataLoader, Dataset

from lamplighter.watch.source.sight import things_in_sight

Role = Literal["train", "evaluation", ""]

_TRAIN = re.compile(r"(^|[_\W\d])(train|trn|training)([_\W\d]|$|loader|data|set|dl|gen|iter)", re.I)
_EVALUATION = re.compile(
    r"(^|[_\W\d])(val|valid|validation|test|testing|tst|eval|dev|holdout)"
    r"([_\W\d]|$|loader|data|set|dl|gen|iter)",
    re.I,
)
# short forms and glued ones: tr_dl, x_te, Xtrain, yval, va, Xs_test
_SHORT_TRAIN = re.compile(
    r"(^|_)(tr|trn|train|fit)(_|$)|^[xyXY]s?_?(tr|train|trn)(_|$)|^(tl|tr_?dl|tr_?ds)$|^(t|tr)[xy]$"
)
_SHORT_EVALUATION = re.compile(
    r"(^|_)(te|tst|test|va|val|valid|ev|dev|held)(_|$)"
    r"|^[xyXY]s?_?(te|tst|test|v|va|val|valid|dev)(_|$)|^(vl|va_?dl|te_?dl|va_?ds|te_?ds)$"
    r"|^(v|va|te)[xy]$"
)

_TEST = frozenset(("test", "tst", "holdout"))
_VALIDATION = frozenset(("val", "valid", "validation", "dev", "va"))


def is_of_the_test(name: str) -> bool:
    """Whether a name says that what it names is kept for the end."""
    return not _TEST.isdisjoint(_words(name))


def is_of_validation(name: str) -> bool:
    """Whether a name says that what it names is there to choose by."""
    return not _VALIDATION.isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    return name.lower().replace("-", "_").split("_")


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


def likely_role(names: list[str], dataset: Any) -> Role:
    """The role as a reader would guess it, short names such as `va_dl` or `Xte` included.

    Args:
        names: variables that hold the loader, the data set or the samples.
        dataset: as in `role_of`.
    """
    known = role_of(names, dataset)
    if known:
        return known
    roles = {role for name in names if (role := _short_role(name))}
    return roles.pop() if len(roles) == 1 else ""


def _short_role(name: str) -> Role:
    if _SHORT_TRAIN.search(name):
        return "" if _SHORT_EVALUATION.search(name) else "train"
    return "evaluation" if _SHORT_EVALUATION.search(name) else ""


def loaders_in_sight() -> dict[int, tuple[DataLoader[Any], list[str]]]:
    """Every loader that a running frame of the user can name, with its names."""
    return _in_sight(DataLoader)


def sets_in_sight() -> dict[int, tuple[Dataset[Any], list[str]]]:
    """Every data set that a running frame of the user can name, with its names."""
    return _in_sight(Dataset)


def _in_sight(kind: type) -> dict[int, tuple[Any, list[str]]]:
    found: dict[int, tuple[Any, list[str]]] = {}
    for name, thing in things_in_sight():
        if isinstance(thing, kind):
            names = found.setdefault(id(thing), (thing, []))[1]
            if name not in names:
                names.append(name)
    return found
