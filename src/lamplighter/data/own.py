"""The user's own Dataset, DataLoader, or function that returns them: `package.module:name`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamplighter.data.example import SPLIT_WORDS, Source
from lamplighter.data.own_pictures import PictureSets, looks_like_picture_item
from lamplighter.errors import DataError
from lamplighter.named import resolve


@dataclass(frozen=True)
class OwnSets:
    """Sets whose items are not plain pictures: they are fed through DataLoader as they are.

    Args:
        name: short word for run names.
        train: Dataset, IterableDataset or DataLoader.
        val: the same, or None.
        test: the same, or None.
        layout: what was recognised, in a few words.
    """

    name: str
    train: Any
    val: Any = None
    test: Any = None
    layout: str = "own sets"


def open_own(text: str) -> Source | OwnSets:
    """Imports what the text names, calls it if it is a function or a class, and looks at one item.

    Args:
        text: `package.module:name` of a Dataset, a DataLoader, or something to call without
            arguments that returns one, a pair (train, val), a triple (train, val, test), or a
            dict from split to set.

    Returns:
        A source when the items are (picture, label), where a picture is a PIL image, a uint8
        array H × W or H × W × C, or a path; else the sets as they are.

    Raises:
        UsageError: it cannot be imported.
        DataError: calling it failed, or what came back is none of the above.
    """
    found = _call(resolve(text, what="data"), text)
    sets = _by_split(found, text)
    name = text.partition(":")[2].rpartition(".")[2]
    if all(_is_pictures(one, text) for one in sets.values()):
        return PictureSets(name, sets, text)
    layout = f"own {type(sets['train']).__name__}, splits {'/'.join(sets)}"
    return OwnSets(name, sets["train"], sets.get("val"), sets.get("test"), layout)


def _call(found: Any, text: str) -> Any:
    if not (inspect.isclass(found) or inspect.isroutine(found)):
        return found
    try:
        needed = [
            name
            for name, one in inspect.signature(found).parameters.items()
            if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        needed = []
    if needed:
        raise DataError(
            f"it needs arguments ({', '.join(needed)}) and is called with none",
            where=text,
            fix="write a function without arguments that returns the set, and name that",
        )
    try:
        return found()
    except Exception as error:
        module, _, name = text.partition(":")
        raise DataError(
            f"calling it failed: {type(error).__name__}: {error}",
            where=text,
            fix=f'try: python -c "import {module}; {module}.{name}()"',
        ) from error


def _by_split(found: Any, text: str) -> dict[str, Any]:
    if isinstance(found, Mapping):
        unknown = [name for name in found if str(name).lower() not in SPLIT_WORDS]
        if unknown:
            raise DataError(
                f"the dict has the keys {', '.join(map(repr, found))}; expected train, val, test",
                where=text,
                fix='return {"train": …, "val": …, "test": …}; train alone will do',
            )
        sets = {SPLIT_WORDS[str(name).lower()]: one for name, one in found.items()}
    elif isinstance(found, tuple | list) and 1 <= len(found) <= 3:
        sets = dict(zip(("train", "val", "test"), found, strict=False))
    else:
        sets = {"train": found}
    sets = {name: one for name, one in sets.items() if one is not None}
    if "train" not in sets:
        raise DataError(
            "there is no train set among what it gives",
            where=text,
            fix="return a Dataset, a DataLoader, a pair (train, val), a triple, or a dict of them",
        )
    for split, one in sets.items():
        if not (hasattr(one, "__getitem__") or hasattr(one, "__iter__")):
            raise DataError(
                f"{split} is {type(one).__name__}; expected a Dataset or a DataLoader",
                where=text,
                fix="return a Dataset, a DataLoader, a pair (train, val), a triple, or a dict of them",
            )
        if hasattr(one, "__len__") and len(one) == 0:
            raise DataError(
                f"the {split} set is empty; expected a sample or more",
                where=text,
                fix=f"fill it, or return no {split} set" if split != "train" else "fill it",
            )
    return sets


def _is_pictures(found: Any, text: str) -> bool:
    """Whether this is map-style and its first item a picture with a label; reads one item."""
    # a DataLoader has no __getitem__, an IterableDataset no __len__
    if isinstance(found, str) or not hasattr(found, "__len__"):
        return False
    if not hasattr(type(found), "__getitem__") or hasattr(found, "batch_sampler"):
        return False
    try:
        item = found[0]
    except Exception as error:
        raise DataError(
            f"reading the first item failed: {type(error).__name__}: {error}",
            where=text,
            fix="try it alone: dataset[0]",
        ) from error
    return looks_like_picture_item(item)
