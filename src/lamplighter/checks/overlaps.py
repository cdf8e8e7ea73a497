"""Families L and E: what two boxes have in common."""

from __future__ import annotations

from collections.abc import Iterator

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def apart_in_both_directions(apart: int, count: int, is_loss: bool) -> Iterator[Finding]:
    """L111 of a loss, E101 of a score: boxes that do not meet count as overlapping.

    Args:
        apart: pairs whose sides are below zero in two directions, and whose product is above.
        count: pairs.
        is_loss: whether a gradient passes.
    """
    yield found(
        "L111" if is_loss else "E101",
        "overlap",
        f"{apart} of {count} pairs of boxes lie apart in both directions: two sides below zero, whose "
        "product counts as an overlap above zero",
        "hold each side above zero before they are multiplied: width.clamp(min=0) * "
        "height.clamp(min=0)",
    )
