"""Categories that were replaced by the mean target of all their rows, held-out ones too: S107."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 64  # rows
MOST_COLUMNS = 256
MEANS = 8  # different means that must come out
EXACT = 1e-4  # of a deviation: what single precision leaves of a mean


def target_means_of_all(
    train: Tensor, targets: Tensor, held_out: Tensor, theirs: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """S107: a column is the mean target of equal rows, over train and the held-out rows together.

    Args:
        train: `(N, D)` floating point, all rows of train.
        targets: `(N,)` class 0 or 1, or real numbers.
        held_out: `(M, D)`, all rows.
        theirs: `(M,)`.
        where: the split.
    """
    if train.dim() != 2 or train.shape[1:] != held_out.shape[1:] or train.shape[1] > MOST_COLUMNS:
        return
    mine, other = _numbers(targets, len(train)), _numbers(theirs, len(held_out))
    if mine is None or other is None or len(train) < FEWEST or len(held_out) < FEWEST // 4:
        return
    rows, goals = torch.cat([train, held_out]).detach().double(), torch.cat([mine, other])
    for column in range(rows.shape[1]):
        if not _is_mean(rows[:, column], goals):
            continue
        if not _is_mean(rows[: len(train), column], mine):
            yield found(
                "S107",
                where,
                f"column {column} is the mean target of the rows that share its value, exactly over "
                f"{len(train)} train and {len(held_out)} held-out rows together and not over train "
                "alone: the targets of the held-out rows went into it",
                "take the means of each category over train alone, and look them up for the rest",
            )
            return


def _numbers(targets: Tensor, count: int) -> Tensor | None:
    if targets.numel() != count or len(targets) != count:
        return None
    values = targets.detach().reshape(-1).double()
    if not bool(torch.isfinite(values).all()) or len(torch.unique(values)) < 2:
        return None
    if not targets.is_floating_point() and int(values.max()) > 1:
        return None  # the mean of class numbers is none
    return values


def _is_mean(column: Tensor, goals: Tensor) -> bool:
    """Whether a column, apart from a factor and an offset, is the mean goal of its equal rows."""
    values, which, counts = torch.unique(column, return_inverse=True, return_counts=True)
    if not MEANS <= len(values) <= len(column) // 2 or int(counts.max()) < 2:
        return False
    means = torch.zeros(len(values), dtype=torch.float64).index_add(0, which, goals) / counts
    if len(torch.unique(means)) < MEANS:
        return False
    spread = means.std()
    centred, shifted = means - means.mean(), values - values.mean()
    factor = float((centred * shifted).sum() / (centred * centred).sum())
    if factor <= 0:
        return False
    return bool(((shifted / factor - centred).abs() < EXACT * spread).all())


def smoothed_means_of_all(
    inputs: Tensor, categories: Tensor, targets: Tensor, train: Tensor, held_out: Tensor
) -> Iterator[Finding]:
    """S107: a column is the mean target of a category, drawn towards a common mean or not.

    Of a category with n rows whose targets sum to s, such a column is (s + k·m) / (n + k) for one k
    and m: then s − n·column lies on one line over the column, exactly.

    Args:
        inputs: `(N, D)` of train.
        categories: `(L,)` whole numbers, of all rows.
        targets: `(L,)` real numbers, of all rows.
        train: `(N,)` which of those rows train has.
        held_out: rows that are held out.
    """
    goals, kinds = targets.detach().double(), torch.unique(categories, return_inverse=True)[1]
    mine = kinds[train]
    every = torch.ones(len(goals), dtype=torch.bool)
    without = every.clone()
    without[held_out] = False
    touched = torch.isin(mine, kinds[held_out])
    if len(torch.unique(mine[touched])) < MEANS:
        return
    for column in range(inputs.shape[1]):
        values = inputs[:, column].detach().double()
        if len(torch.unique(values)) < MEANS:
            continue
        if _on_a_line(values, mine, goals, kinds, every) and not _on_a_line(
            values, mine, goals, kinds, without
        ):
            yield found(
                "S107",
                f"feature {column}",
                f"it is the mean target of a category over all {len(goals)} rows, the "
                f"{len(held_out)} looked at that are held out among them: their own targets went "
                "into it",
                "take the means of each category over train alone, and look them up for the rest",
            )
            return


def _on_a_line(values: Tensor, mine: Tensor, goals: Tensor, kinds: Tensor, counted: Tensor) -> bool:
    """Whether each category's sum less its count times the column is linear in the column."""
    size = int(kinds.max()) + 1
    counts = torch.zeros(size, dtype=torch.float64).index_add(0, kinds, counted.double())
    sums = torch.zeros(size, dtype=torch.float64).index_add(0, kinds, goals * counted)
    left = sums[mine] - counts[mine] * values
    line = torch.stack([values, torch.ones_like(values)], 1)
    fitted = torch.linalg.lstsq(line, left[:, None]).solution
    off = (left[:, None] - line @ fitted).abs().max()
    return float(fitted[0, 0]) > -EXACT and float(off) < EXACT * float(goals.std())
