"""Family L: answers that end in a function with bounds, and targets that lie beyond them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 64  # targets that must be seen
SHARE = 0.1  # of them beyond the bounds
MOST = 0.5  # of them, from which it is an error
SLACK = 0.05  # beyond the bounds that labels of 0 and 1 may have been smoothed to

FEWEST_CLASSES = 8
SMALL_BOUND = 0.5  # of scores; a cosine alone reaches 1
HOPELESS = 0.75  # of the loss of guessing, if not even the best answers get below it
_VIEWS = ("View", "Alias", "Squeeze", "Select", "Slice", "Clone", "ToCopy", "Expand", "Transpose")
_BOUNDS: dict[str, tuple[str, float, float]] = {
    "SigmoidBackward0": ("a sigmoid", 0.0, 1.0),
    "HardsigmoidBackward0": ("a hard sigmoid", 0.0, 1.0),
    "SoftmaxBackward0": ("a softmax", 0.0, 1.0),
    "TanhBackward0": ("a tanh", -1.0, 1.0),
    "ReluBackward0": ("a ReLU", 0.0, math.inf),
    "SoftplusBackward0": ("a softplus", 0.0, math.inf),
}


def bounds_of(answer: Tensor) -> tuple[str, float, float] | None:
    """The function that made an answer, with the bounds of its values; None: no such function."""
    node = answer.grad_fn
    while node is not None and any(view in node.name() for view in _VIEWS):
        node = next((inner for inner, _ in node.next_functions if inner is not None), None)
    return None if node is None else _BOUNDS.get(node.name())


def targets_out_of_reach(
    maker: str, low: float, high: float, targets: Tensor, *, where: str
) -> Iterator[Finding]:
    """L121: many targets lie where no answer can be.

    Args:
        maker: the function that the answers end in.
        low: its least value.
        high: its largest value.
        targets: of several batches, `(n,)`.
        where: the loss.
    """
    values = targets.detach().float()
    if values.numel() < FEWEST or not bool(torch.isfinite(values).all()):
        return
    beyond = (values < low - SLACK) | (values > high + SLACK)
    share = float(beyond.float().mean())
    if share < SHARE:
        return
    bounds = f"from {low:g} to {high:g}" if high < math.inf else f"from {low:g} upwards"
    yield found(
        "L121",
        where,
        f"the answers end in {maker} and lie {bounds}, and {share:.0%} of {values.numel()} "
        f"targets, from {float(values.min()):.4g} to {float(values.max()):.4g}, lie beyond: no weights can "
        "answer them",
        "leave the last activation away, or bring the targets between its bounds",
        level="error" if share >= MOST else "warning",
    )


def cosines_too_small(bound: float, classes: int, *, where: str) -> Iterator[Finding]:
    """L121: cosines were made so small that no choice between them can become sure.

    Args:
        bound: the largest value of a score.
        classes: how many scores there are of each row.
        where: the loss.
    """
    if classes < FEWEST_CLASSES or not 0 < bound < SMALL_BOUND:
        return
    least = math.log1p((classes - 1) * math.exp(-2 * bound))
    if least < HOPELESS * math.log(classes):
        return
    yield found(
        "L121",
        where,
        f"the scores are cosines times {bound:.3g} and lie from {-bound:.3g} to {bound:.3g}: over "
        f"{classes} of them the loss cannot fall below {least:.3g}, and guessing has "
        f"{math.log(classes):.3g}",
        "divide cosines by the temperature, or multiply them with its inverse, as 1 / 0.07",
    )
