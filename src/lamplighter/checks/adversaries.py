"""Two networks against each other: whose gradients, whose side, and noise that never changes."""

from __future__ import annotations

from collections.abc import Iterator

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding


def foreign_gradients(times: int) -> Iterator[Finding]:
    """R101 between two networks: a loss leaves gradients in one through which it only passes.

    Args:
        times: steps in a row that used them.
    """
    yield found(
        "R101",
        "gradients of another loss",
        "the loss of one optimizer has left gradients in the parameters of another, and they are "
        f"still there when its own loss is sent back: {times} steps in a row have followed the sum "
        "of both, as a critic that is also trained to be deceived",
        "clear them just before: call this optimizer's zero_grad() ahead of this backward()",
    )


def forger_helps_the_critic(times: int, *, marks: bool = False) -> Iterator[Finding]:
    """L118 of two networks: both move the critic's score of the made samples to the same side.

    Args:
        times: steps of the network that makes samples, with those of the critic between them.
        marks: whether it makes them of the very samples that the critic calls real: then it may be
            meant to mark them, and the critic to find the mark.
    """
    yield found(
        "L118",
        "the score of what is made",
        f"in each of {times} steps the network that makes samples was moved to the side to which "
        "the critic moves its score of them too, away from that of the real ones: it learns to be "
        "recognised",
        "give its loss the target of the real samples, or turn the sign of its score",
        level="warning" if marks else None,
    )


def noise_is_the_same(shape: tuple[int, ...], batches: int, *, where: str) -> Iterator[Finding]:
    """R109 of a drawn tensor: it was drawn once, and every batch gets it.

    Args:
        shape: of the noise.
        batches: different batches that met it.
        where: the function that drew it.
    """
    yield found(
        "R109",
        where,
        f"noise of shape {shape} was drawn once and met {batches} different batches of the "
        "training: each place of a batch always gets the same numbers",
        "draw it anew in every step, inside the loop or in forward()",
    )
