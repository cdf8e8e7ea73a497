"""S103: the target among the features, in another unit."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 64  # rows
COLUMNS = (4, 4096)  # fewest and most
EXACT = 1e-4  # of a deviation: what single precision leaves


def target_in_another_unit(features: Tensor, targets: Tensor) -> Iterator[Finding]:
    """S103: one column, and no other, is the target times a factor plus an offset, in every row.

    A column that equals the target as it is may be what a made-up task asks for, and on a line
    that rises every column is every other.

    Args:
        features: `(N, D)` floating point with N ≥ 64 and D ≥ 4.
        targets: `(N,)` real numbers.
    """
    rows, right = features.detach().double(), targets.detach().reshape(-1).double()
    if rows.dim() != 2 or not FEWEST <= len(rows) == len(right):
        return
    if not COLUMNS[0] <= rows.shape[1] <= COLUMNS[1] or len(torch.unique(right)) < len(right) // 4:
        return
    mine, theirs = rows - rows.mean(0), right - right.mean()
    factors = (mine * theirs[:, None]).sum(0) / (theirs * theirs).sum()
    off = (mine - factors * theirs[:, None]).abs().amax(0)
    fits = (off < EXACT * mine.std(0)).nonzero().flatten().tolist()
    if len(fits) != 1:
        return
    column = fits[0]
    if bool(((rows[:, column] - right).abs() < EXACT * right.std()).all()):
        return
    yield found(
        "S103",
        f"feature {column}",
        f"in all {len(rows)} samples looked at it is the target times {float(factors[column]):.4g} "
        "plus a constant: what is to be predicted, in another unit",
        "drop this column from the inputs",
        level="warning",
    )
