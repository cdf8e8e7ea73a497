"""Family L: a class that the loss is told to ignore, as if it were padding."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

SHARE = 0.05  # of the places before the last one of another class


def share_among_others(rows: Tensor, number: int) -> float:
    """How much of the sequences before their padding is of a class; 0.0 where it is little.

    Args:
        rows: `(T,)` or `(B, T)` class numbers.
        number: of the class, which may also be the padding.
    """
    others = rows != number
    after = others.flip(-1).long().cummax(-1).values.flip(-1).bool()
    count = int(after.sum())
    share = int((after & ~others).sum()) / count if count else 0.0
    return share if share >= SHARE else 0.0


def class_is_left_out(
    number: int, share: float, *, where: str = "cross_entropy"
) -> Iterator[Finding]:
    """L112: answers of a class are scored, and the loss ignores it.

    Args:
        number: of the class.
        share: of the labels before the padding that are of this class.
        where: the loss.
    """
    yield found(
        "L112",
        where,
        f"ignore_index={number} leaves out class {number}, which is {share:.0%} of the labels within "
        "the sequences and counts where the answers are compared with them: it is never learned",
        "pad the labels with a number that is no class, as -100, and let ignore_index be that",
    )
