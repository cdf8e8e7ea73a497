"""Classes are the sorted names found in train; other splits are held against them by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lamplighter.data.example import Example, Source
from lamplighter.errors import DataError, did_you_mean
from lamplighter.listener import Listener


def align(
    splits: Mapping[str, Sequence[Example]], task: str, source: Source, listener: Listener
) -> tuple[str, ...]:
    """The classes, after every other split was compared with train.

    Args:
        splits: with a "train" that is not empty.
        task: "regression" has no classes.
        source: named in errors.
        listener: is warned of classes that a split lacks.

    Raises:
        DataError: fewer than two classes, or a class that train does not have.
    """
    if task == "regression":
        return ()
    where = source.root or source.name
    classes = tuple(sorted(_names(splits.get("train", ()))))
    smallest = 1 if task == "multilabel" else 2
    if len(classes) < smallest:
        raise DataError(
            f"there is one class only: {classes[0]!r}" if classes else "train has no class at all",
            where=where,
            fix="expected at least two class folders, or two different labels",
        )
    for split, examples in splits.items():
        _compare(split, examples, classes, where, listener)
    return classes


def _compare(
    split: str,
    examples: Sequence[Example],
    classes: tuple[str, ...],
    where: object,
    listener: Listener,
) -> None:
    counts = _names(examples)
    unknown = sorted(set(counts) - set(classes))
    if unknown:
        told = "; ".join(
            f"{name!r} ({counts[name]:,}, such as {_first(examples, name)})"
            + did_you_mean(name, classes, 1)
            for name in unknown[:10]
        )
        raise DataError(
            f"{split} has {'a class' if len(unknown) == 1 else f'{len(unknown)} classes'} "
            f"that train does not have: {told}",
            where=where,
            fix="rename the class so that it is the same in all splits, or add pictures of it to train",
        )
    missing = [name for name in classes if name not in counts]
    if missing and split != "train":
        told = ", ".join(missing[:10]) + (" …" if len(missing) > 10 else "")
        listener.warn(f"{split} has no picture of {told}: nothing will be known about it there")


def _names(examples: Sequence[Example]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for example in examples:
        label = example.label
        counts.update(label if isinstance(label, tuple) else (str(label),))
    return counts


def _first(examples: Sequence[Example], name: str) -> str:
    return next(
        one.key
        for one in examples
        if name == one.label or (isinstance(one.label, tuple) and name in one.label)
    )
