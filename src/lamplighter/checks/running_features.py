"""Features that were computed over time and reach one step too far, into what is to be predicted."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 64  # rows
MOST_COLUMNS = 256
LONGEST = 32  # steps of a window
EXACT = 1e-4  # of a deviation: what single precision leaves
APART = 0.02  # of a deviation: what the same window one step earlier must differ by, at least


def window_holds_the_target(features: Tensor, targets: Tensor) -> Iterator[Finding]:
    """S103: a column is a running figure of the targets that takes in the target of its own row.

    The rows lie in the order of time. A running mean, sum, deviation, largest or smallest value is
    known in all rows, apart from a factor and an offset. Where the same figure of the rows before
    fits as well, as on a series that only grows, nothing is told; nor of the change since the row
    before, which is what a network that learns to sum up is given.

    Args:
        features: `(N, D)` floating point, all rows.
        targets: `(N,)` real numbers.
    """
    rows, right = features.detach().double(), targets.detach().reshape(-1).double()
    if rows.dim() != 2 or rows.shape[1] > MOST_COLUMNS or not FEWEST <= len(rows) == len(right):
        return
    if len(torch.unique(right)) < len(right) // 2 or not bool(torch.isfinite(rows).all()):
        return
    for how, figure in _figures(right):
        skipped = len(right) - len(figure)
        now, before = rows[skipped + 1 :], figure[:-1]
        for column in _columns_that_are(now, figure[1:]):
            if _misfit(now[:, column : column + 1], before)[0] < APART:
                continue
            yield found(
                "S103",
                f"feature {column}",
                f"in all {len(now)} rows it is {how}, that of the row itself among them: what is to "
                "be predicted is known from it",
                "let the window end before the row, such as values[t - 7 : t] or "
                "series.shift(1).rolling(7)",
            )
            return


def _figures(right: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Running figures of a series, each ending with the newest value."""
    for length in range(2, min(LONGEST, len(right) // 4) + 1):
        windows = right.unfold(0, length, 1)
        yield f"the mean of the last {length} targets", windows.mean(1)
        if length > 2:
            yield f"the deviation of the last {length} targets", windows.std(1)
        yield f"the largest of the last {length} targets", windows.amax(1)
        yield f"the smallest of the last {length} targets", windows.amin(1)


def _columns_that_are(rows: Tensor, figure: Tensor) -> list[int]:
    misfit = _misfit(rows, figure)
    return [int(column) for column in (misfit < EXACT).nonzero().flatten()]


def _misfit(rows: Tensor, figure: Tensor) -> Tensor:
    """`(D,)` how far each column is, at most, from a multiple of a figure with an offset."""
    spread = figure.std()
    if float(spread) == 0 or len(torch.unique(figure)) < 8:
        return torch.full((rows.shape[1],), float("inf"))
    mine, theirs = rows - rows.mean(0), figure - figure.mean()
    size = (mine * mine).sum(0)
    factor = (mine * theirs[:, None]).sum(0) / size.clamp(min=1e-30)
    off = (theirs[:, None] - factor * mine).abs().amax(0) / spread
    return torch.where(size > 1e-12, off, torch.inf)
