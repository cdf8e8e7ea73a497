"""S103: the number of a row among the features, of a table that lay sorted by what is predicted."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 64  # rows
FEWEST_OF_A_CLASS = 8
MOST_COLUMNS = 1024
WHOLE = 0.05  # of a step: what single precision leaves of a distance between two numbers
DENSE = 0.1  # of the numbers in between are there, at least
CHANGES = 0.05  # of those that chance would make, at most
SORTED = 0.99  # of neighbouring targets
OTHERS = 0.3  # of what any two rows differ by, in the other columns


def row_number_decides(features: Tensor, targets: Tensor) -> Iterator[Finding]:
    """S103: a column counts the rows of a table, and in its order the targets lie sorted.

    Such a column holds whole numbers in whatever unit, each once, with gaps where rows went into
    another split. A made-up task may well ask for a place on a line; then the other columns change
    little from one place to the next, as those of a table do not.

    Args:
        features: `(N, D)` floating point with N ≥ 64 and D ≥ 2.
        targets: `(N,)` class numbers, or real numbers.
    """
    rows, right = features.detach().float(), targets.detach().reshape(-1)
    if rows.dim() != 2 or not FEWEST <= len(rows) == len(right):
        return
    if not 2 <= rows.shape[1] <= MOST_COLUMNS or not bool(torch.isfinite(rows).all()):
        return
    for column in range(rows.shape[1]):
        order = _order_of_numbers(rows[:, column])
        if order is None or not _others_are_free(rows[order], column):
            continue
        told = _sorted_by_it(right[order])
        if told:
            yield found(
                "S103",
                f"feature {column}",
                f"it counts the rows of the table, {told}: the number of a row gives its target away",
                "drop this column from the inputs, and shuffle the rows before they are split",
            )
            return


def _order_of_numbers(column: Tensor) -> Tensor | None:
    """The order of rows by a column of whole numbers with gaps, or None where it is none."""
    values, order = torch.sort(column.double())
    gaps = values[1:] - values[:-1]
    step = float(gaps.min())
    if step <= 0:
        return None
    counts = gaps / step
    counts = counts * (counts.round() / counts).median()  # the least gap alone is inexact
    if bool(((counts - counts.round()).abs() > WHOLE).any()):
        return None
    places = float(counts.round().sum()) + 1
    return order if DENSE * places <= len(column) < places else None


def _others_are_free(rows: Tensor, column: int) -> bool:
    """Whether the other columns of neighbours differ about as much as those of any two rows."""
    others = torch.cat([rows[:, :column], rows[:, column + 1 :]], 1)
    near = (others[1:] - others[:-1]).abs().mean(0)
    any_two = (others - others.roll(len(others) // 2 + 1, 0)).abs().mean(0)
    used = any_two > 0
    return bool(used.any()) and float((near[used] / any_two[used]).median()) > OTHERS


def _sorted_by_it(right: Tensor) -> str:
    """How targets lie in this order, in words; empty where they do not lie sorted."""
    if right.is_floating_point() and len(torch.unique(right)) > len(right) // 4:
        rising = float((right[1:] >= right[:-1]).float().mean())
        return "and in its order the targets rise or fall" if _is_one_sided(rising) else ""
    sizes = torch.unique(right, return_counts=True)[1]
    if len(sizes) < 2 or int(sizes.min()) < FEWEST_OF_A_CLASS:
        return ""
    shares = sizes / len(right)
    chance = float(1 - (shares * shares).sum()) * len(right)
    changes = int((right[1:] != right[:-1]).sum())
    if changes > max(len(sizes) - 1, CHANGES * chance):
        return ""
    return (
        f"and in its order the class changes {changes} times in {len(right)} rows "
        f"(by chance {chance:.0f} times)"
    )


def _is_one_sided(share: float) -> bool:
    return share >= SORTED or share <= 1 - SORTED
