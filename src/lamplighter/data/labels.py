"""Which task the labels mean, and labels brought to its form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lamplighter.data.digests import list_faults
from lamplighter.data.example import Example, Label, Source
from lamplighter.errors import DataError, UsageError

TASKS = ("classification", "multilabel", "regression")


def settle(examples: Sequence[Example], task: str, source: Source) -> tuple[str, list[Example]]:
    """Decides the task where it is "auto", and checks that every label fits it.

    Args:
        examples: at least one.
        task: "auto" or one of `TASKS`.
        source: named in errors.

    Returns:
        The task, and the examples with labels as str, tuple of str, or float.

    Raises:
        DataError: labels that do not fit the task, the first ten named.
    """
    if task == "auto":
        task = _task_of(examples)
    elif task not in TASKS:
        raise UsageError(
            f"the task is auto, {', '.join(TASKS)}; got {task!r}",
            fix="leave it out: the labels tell",
        )
    settled: list[Example] = []
    faults: list[str] = []
    for example in examples:
        label = _fit(example.label, task)
        if label is None:
            faults.append(f"{example.key}: {example.label!r}")
        else:
            settled.append(replace(example, label=label) if label != example.label else example)
    if faults:
        raise DataError(
            list_faults(f"{len(faults):,} labels do not fit the task {task}", faults),
            where=source.root or source.name,
            fix=f"expected {EXPECTED[task]}",
        )
    return task, settled


EXPECTED = {
    "classification": "one class name for each picture; several need --task multilabel",
    "multilabel": "class names",
    "regression": "a finite number for each picture",
}


def _task_of(examples: Sequence[Example]) -> str:
    if any(isinstance(one.label, tuple) for one in examples):
        return "multilabel"
    if all(isinstance(one.label, float) for one in examples):
        return "regression"
    return "classification"


def _named(number: float) -> str:
    """A class that is a number; in full where it is whole, or large ones would fall together."""
    return str(int(number)) if number.is_integer() else f"{number:g}"


def _fit(label: Label, task: str) -> Label | None:
    if task == "multilabel":
        names = label if isinstance(label, tuple) else (str(label),)
        return tuple(sorted(set(names)))
    if isinstance(label, tuple):
        return None
    if task == "classification":
        return label if isinstance(label, str) else _named(label)
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
