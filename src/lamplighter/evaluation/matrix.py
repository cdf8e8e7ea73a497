"""The confusion matrix as the page draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lamplighter.evaluation.gallery import Shown
from lamplighter.evaluation.measures import ClassMeasures, Measures

MOST_CLASSES = 25
KEPT = 15


@dataclass(frozen=True)
class Cell:
    """One cell: how many, which share of its row, and how many of them the page shows."""

    name: str
    n: int
    share: float
    right: bool
    pictures: int


@dataclass(frozen=True)
class Table:
    """Rows are labels, columns are answers; `left_out` classes were the least confused."""

    classes: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int

    @property
    def upright(self) -> bool:
        """Whether the columns' names are too long to stand side by side."""
        return len(self.classes) > 4 and max(len(name) for name in self.classes) > 7


def confusion_table(measures: Measures, pictures: Sequence[Shown]) -> Table | None:
    """The matrix, of the most confused classes only where there are too many to read.

    Args:
        measures: None is answered for all but classification.
        pictures: those that the page shows.
    """
    if not isinstance(measures, ClassMeasures):
        return None
    counts = measures.confusion
    k = len(counts)
    keep = np.arange(k)
    if k > MOST_CLASSES:
        errors = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
        keep = np.sort(np.argsort(-errors, kind="stable")[:KEPT])
    available = Counter(one.cell for one in pictures)
    sizes = counts.sum(axis=1)
    rows = tuple(
        tuple(
            Cell(
                name=f"{a}-{b}",
                n=int(counts[a, b]),
                share=float(counts[a, b] / sizes[a]) if sizes[a] else 0.0,
                right=bool(a == b),
                pictures=available[f"{a}-{b}"],
            )
            for b in keep
        )
        for a in keep
    )
    names = tuple(measures.classes[i].name for i in keep)
    return Table(names, rows, k - len(keep))
