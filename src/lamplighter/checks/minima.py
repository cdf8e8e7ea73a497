"""Minima over what was to be left out: L123."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

MOST = 0.95  # of the minima


def minimum_of_the_left_out(values: Tensor, kept: Tensor, dim: int) -> Iterator[Finding]:
    """L123: distances that do not count were set to zero, and zero is the smallest distance.

    Args:
        values: floating point, at least two dimensions, none below zero.
        kept: of the same shape; False where a value was replaced by zero.
        dim: over which the minimum was taken.
    """
    if values.shape != kept.shape or values.numel() == 0 or float(values.min()) < 0:
        return
    counts = kept.any(dim) & (~kept).any(dim)
    if int(counts.sum()) < 4 or float(counts.float().mean()) < 0.5:
        return
    wanted = values.masked_fill(~kept, float("inf")).amin(dim)[counts]
    if float((wanted > 0).float().mean()) < MOST:
        return
    size = values.shape[dim]
    left_out = float((~kept).float().mean()) * size
    yield found(
        "L123",
        "the minimum",
        f"all {int(counts.sum())} minima are 0, because what does not count was set to zero before "
        f"(on average {left_out:.0f} of {size} values) and zero is the smallest; among those that "
        f"count the smallest is {float(wanted.mean()):.3g} on average",
        'fill what does not count with infinity: values.masked_fill(mask, float("inf")).min(dim)',
    )
