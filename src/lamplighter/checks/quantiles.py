"""Family L: quantile losses, and which quantile they really lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

NEAR = 1e-3


def quantile_is_its_counterpart(
    real: float, named: Sequence[float], *, certain: bool
) -> Iterator[Finding]:
    """L118: a pinball loss leads to the quantile 1 − q of the level q that it is written with.

    Args:
        real: the level whose quantile makes the loss least, by the slopes on both sides.
        named: the levels that the lines of the loss name.
        certain: whether there is one level for each answer; a single number may be what an answer
            that is too large shall cost.
    """
    if not named or abs(real - 0.5) < NEAR or any(abs(q - real) < NEAR for q in named):
        return
    if not any(abs(q - (1 - real)) < NEAR for q in named):
        return
    yield found(
        "L118",
        "own quantile loss",
        f"it is written for the level {1 - real:.3g}, and by its slopes it leads to the quantile of "
        f"{real:.3g}: an answer that is too large costs {1 - real:.3g} for each unit, one that is "
        f"too small {real:.3g}",
        "the error is target - prediction in max(q * error, (q - 1) * error)",
        level="error" if certain else "warning",
    )
