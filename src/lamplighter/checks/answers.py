"""Family M: what becomes of a network's answers on their way to the loss."""

from __future__ import annotations

from collections.abc import Iterator

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def answers_are_dropped(loss: str, rate: float) -> Iterator[Finding]:
    """M122: a dropout stands between the last layer and the loss.

    Args:
        loss: the function that they are compared by.
        rate: of the dropout.
    """
    yield found(
        "M122",
        "answers",
        f"a dropout with rate {rate:g} stands after the last layer: in training {rate:.0%} of the "
        f"answers that enter {loss} are set to 0, whatever the network says, and the others are "
        f"{1 / max(1e-6, 1 - rate):.3g} times as large",
        "put the dropout before the last layer",
    )
