"""Two networks against each other: whose gradients, whose side, and noise that never changes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

Vector = npt.NDArray[np.float64]

FEWEST = 8  # scores of each side, and as many of the one within the range of the other
SAME = 0.02  # of the largest slope: what lies between two neighbours on a curve
VARIES = 0.01  # of it: a loss that is a straight line may be the logarithm of a density


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


def are_told_alike(real: tuple[Vector, Vector], made: tuple[Vector, Vector]) -> bool:
    """Whether a loss treats scores of real and of made samples as one and the same curve.

    Args:
        real: the scores, and the slopes of the loss at them times their number.
        made: the same of the others.
    """
    order = np.argsort(real[0])
    scores, slopes = real[0][order], real[1][order]
    if len(scores) < FEWEST or not all(np.isfinite(v).all() for v in (*real, *made)):
        return False
    inside = (made[0] >= scores[0]) & (made[0] <= scores[-1])
    largest = max(np.abs(slopes).max(), np.abs(made[1]).max(initial=0.0))
    if inside.sum() < FEWEST or np.ptp(slopes) <= VARIES * largest:
        return False
    apart = np.abs(np.interp(made[0][inside], scores, slopes) - made[1][inside])
    return bool(apart.max() <= SAME * largest)


def made_is_called_real(times: int) -> Iterator[Finding]:
    """L112 of a critic: its own loss asks of made samples what it asks of real ones.

    Args:
        times: its steps.
    """
    yield found(
        "L112",
        "the targets of the critic",
        f"in each of {times} of its own steps the critic's loss has the same target for real samples "
        "and for those that the other network has made: it learns to tell nothing apart, and the "
        "other learns nothing from it",
        "give made samples the opposite target in the critic's own loss, as zeros beside ones",
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
