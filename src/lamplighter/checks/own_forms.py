"""Family L, for well-known losses that a program writes itself: margins, overlaps, likelihoods."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.scores import in_unit_interval, sums_to_one

FEWEST = 64  # values that must be seen before an absence means something
SLACK = 1e-3  # beyond [0, 1], of rounding


def is_zero_or_one(target: Tensor) -> bool:
    """Whether a tensor holds 0 and 1 and nothing else, and both of them."""
    values = target.detach()
    zeros, ones = values == 0, values == 1
    return bool((zeros | ones).all()) and bool(zeros.any()) and bool(ones.any())


def is_no_probability(values: Tensor) -> bool:
    """Whether some values lie outside [0, 1]."""
    low, high = values.detach().aminmax()
    return bool(low < -SLACK) or bool(high > 1 + SLACK)


def are_no_logarithms(scores: Tensor) -> bool:
    """Whether rows are neither log-probabilities nor probabilities.

    Args:
        scores: `(N, C)`.
    """
    values = scores.detach().float()
    logarithms = float(values.logsumexp(1).abs().max()) < SLACK
    return not logarithms and not (in_unit_interval(values) and sums_to_one(values, 1))


def is_of_rows(target: Tensor) -> bool:
    """Whether the rows of a target are probabilities, and its columns are none.

    Args:
        target: `(N, C)`.
    """
    values = target.detach().float()
    if values.dim() != 2 or not in_unit_interval(values):
        return False
    return sums_to_one(values, 1) and not sums_to_one(values, 0)


def softmax_across_samples(dim: int = 0) -> Iterator[Finding]:
    """L105 of one's own making: what is normalised over the samples is held against rows.

    Args:
        dim: of the softmax, counted from 0.
    """
    others = "the samples, " if dim == 0 else ""
    yield found(
        "L105",
        "own likelihood",
        f"the softmax is over dimension {dim}, {others}and what comes out is held against a target "
        "for each row: a row's classes compete with other rows and not with each other",
        "take the softmax over dim=-1, the classes",
    )


def margin_of_zero(name: str, count: int, *, certain: bool = True) -> Iterator[Finding]:
    """L112: a loss for −1/+1 is given 0/1.

    Args:
        name: the loss.
        count: how many targets were seen.
        certain: "warning" where the 0/1 may be a mask.
    """
    yield found(
        "L112",
        name,
        f"it multiplies the answer with its target and wants −1 and +1, but the {count} targets seen "
        "are 0 and 1: a sample with 0 gives the same loss whatever the answer, and no gradient",
        "give it 2 * target - 1",
        level="error" if certain else "warning",
    )


def overlap_of_scores(low: float, high: float, *, squared: bool = False) -> Iterator[Finding]:
    """L116: a Dice, Jaccard or Tversky loss of values that are no probabilities.

    Args:
        low: the smallest value that was seen.
        high: the largest.
        squared: whether it is divided by sums of squares, which leaves a likeness of two maps.
    """
    result = "sums of these are no areas, and the quotient has no bounds"
    if squared:
        result = (
            "it is largest where they are 0 and 1 themselves, and as logits they then say little"
        )
    yield found(
        "L116",
        "overlap",
        f"the overlap with a mask of 0 and 1 is computed of values from {low:.3g} to {high:.3g}: "
        + result,
        "take probabilities: torch.sigmoid(logits), or softmax over the classes",
        level="warning" if squared else None,
    )


def likelihood_of_scores() -> Iterator[Finding]:
    """L104 of one's own making: the mean score of the right class is the whole loss."""
    yield found(
        "L104",
        "own likelihood",
        "the loss is the negative score of the right class, and nothing holds the other scores down: "
        "the scores of a layer are no log-probabilities, and it has no lower bound",
        "pick from F.log_softmax(logits, 1), or use F.cross_entropy(logits, target)",
    )


def way_of_pairs(same: Tensor, slope: Tensor) -> str:
    """Which way a loss moves pairs of samples, told from how it changes with their distances.

    Args:
        same: `(n,)`, whether both of a pair are of one class.
        slope: `(n,)` of the loss; 0 where a pair is far enough apart already.

    Returns:
        "right", "wrong" (those of one class apart, the others together), or "" for anything else.
    """
    together, apart = slope > 0, slope < 0
    wrong = int((same & apart).sum()) > 1 and int((~same & together).sum()) > 1
    right = bool((same & together).any()) or bool((~same & apart).any())
    if right:
        return "" if wrong else "right"
    return "wrong" if wrong else ""


def classes_pushed_apart(classes: str, times: int) -> Iterator[Finding]:
    """L112: the labels of pairs mean the opposite of what the loss takes them for.

    Args:
        classes: the array of class numbers that the labels were made from.
        times: steps that showed it.
    """
    yield found(
        "L112",
        "pairs",
        f"the labels of the pairs say which are of one class by `{classes}`, and in each of {times} "
        "steps the loss has pushed exactly these apart and pulled the others together",
        "turn the labels round, or let the terms change places: same * d**2 + (1 - same) * "
        "relu(margin - d)**2",
    )


def likelihood_of_signs() -> Iterator[Finding]:
    """L112: y log p + (1 - y) log(1 - p) of targets that are −1 and +1."""
    yield found(
        "L112",
        "own likelihood",
        "y log p + (1 - y) log(1 - p) wants targets of 0 and 1, and those seen are −1 and +1: where y "
        "is −1 the loss has no lower bound",
        "map the targets to 0 and 1, (y + 1) / 2, or use F.softplus(-y * logits)",
    )
