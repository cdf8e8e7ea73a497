"""Which number each name has, as lists of names and of numbers show it: T102, Y104."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lamplighter.checks.batches import labels_of
from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.labels import class_numbers_differ

FEWEST = 8  # samples whose names and numbers are laid side by side
MOST_NAMES = 100_000


def numbering(names: Sequence[str], numbers: Sequence[int]) -> dict[str, int] | None:
    """The number of each name, where it is always the same and no two names share one.

    Args:
        names: one for each sample.
        numbers: as many.

    Returns:
        None where it is no numbering, or has a single name.
    """
    if len(names) != len(numbers) or len(names) < FEWEST:
        return None
    known: dict[str, int] = {}
    for name, number in zip(names, numbers, strict=True):
        if known.setdefault(name, number) != number:
            return None
    if not 2 <= len(known) <= len(names) // 2 or len(set(known.values())) != len(known):
        return None
    return known


def tables_within(dataset: Any) -> dict[str, dict[str, int]]:
    """The tables of names and numbers that a data set keeps: attribute → name → number.

    A table counts where its numbers are all of a row 0…n−1 or 1…n, each once: counts and caches
    are none, and neither is what has an entry for every second sample or more. A list of names
    counts where the labels take just its places.
    """
    tables: dict[str, dict[str, int]] = {}
    thing, most = dataset, len(dataset) // 2 if hasattr(dataset, "__len__") else MOST_NAMES
    for _ in range(4):
        labels = None
        kept = getattr(thing, "__dict__", None)
        for name, value in list(kept.items()) if isinstance(kept, dict) else ():
            table = _table(value)
            if table is None and (classes := _classes(value)) is not None:
                labels = set(labels_of(thing) or ()) if labels is None else labels
                table = classes if labels == set(classes.values()) else None
            if table is not None and len(table) <= most:
                tables.setdefault(name, table)
        thing = getattr(thing, "dataset", None)
    return tables


def tables_differ(
    train: Mapping[str, Mapping[str, int]], held_out: Mapping[str, Mapping[str, int]], where: str
) -> Iterator[Finding]:
    """Y104: under one name two data sets keep tables that disagree.

    Args:
        train: attribute → name → number, of the data set that is trained on.
        held_out: the same of the other.
        where: the split.
    """
    for name, table in train.items():
        if name in held_out:
            told = list(class_numbers_differ(table, held_out[name], where=where))
            if told:
                yield from told
                return


def conflicting(one: Mapping[str, int], other: Mapping[str, int]) -> list[str]:
    """The names that both tables know and give different numbers."""
    return [name for name in one if name in other and one[name] != other[name]]


def names_numbered_anew(
    train: Mapping[str, int], held_out: Mapping[str, int], *, where: str = "what is evaluated"
) -> Iterator[Finding]:
    """T102: an input column of names got another numbering for evaluation than for training.

    Args:
        train: name → number, as training saw it.
        held_out: the same at evaluation.
        where: what it is about.
    """
    other = conflicting(train, held_out)
    shared = [name for name in train if name in held_out]
    if other and len(shared) > 1:
        name = other[0]
        yield found(
            "T102",
            where,
            f"the names of a column are numbered anew here: {len(other)} of the {len(shared)} that "
            f"training knew have another number, such as {name!r}: {train[name]} in training, "
            f"{held_out[name]} here",
            "fit the encoder on train alone and call transform(), not fit_transform(), on the rest",
        )


def _table(value: Any) -> dict[str, int] | None:
    if not isinstance(value, dict) or not 2 <= len(value) <= MOST_NAMES:
        return None
    if not all(isinstance(k, str) and type(v) is int for k, v in value.items()):
        return None
    lowest, numbers = min(value.values()), set(value.values())
    is_row = len(numbers) == len(value) == max(numbers) - lowest + 1
    return dict(value) if is_row and lowest in (0, 1) else None


def _classes(value: Any) -> dict[str, int] | None:
    """A list of different names, or the classes of a fitted encoder, by place."""
    inner = getattr(value, "classes_", value)
    names = inner.tolist() if hasattr(inner, "tolist") else inner
    if not isinstance(names, list | tuple) or not 2 <= len(names) <= 1000:
        return None
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return {name: place for place, name in enumerate(names)}
