"""Family L: weights of classes in the loss, against how frequent the classes are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

UNEQUAL = 2.0  # how much more frequent one class must be for a verdict
LIKELY = 0.25  # how close weights must be to frequencies that were counted on a part of the data
EXACT = 0.05  # how close weights must be to the inverse frequencies of other classes


def weights_rise_with_frequency(
    weights: Sequence[float], counts: Sequence[int], *, where: str = "cross_entropy"
) -> Iterator[Finding]:
    """L115: frequent classes weigh most, though weights are there to make up for rare ones.

    Args:
        weights: one per class.
        counts: samples of each class.
        where: the loss.
    """
    pairs = [(w, c) for w, c in zip(weights, counts, strict=True) if c > 0 and w > 0]
    if len(pairs) < 2:
        return
    values, numbers = [w for w, _ in pairs], [c for _, c in pairs]
    if max(numbers) < UNEQUAL * min(numbers) or max(values) < 1.2 * min(values):
        return
    swapped = _are_inverse_of_others(values, numbers)
    shares = [w / c for w, c in pairs]
    counted = max(shares) <= (1 + LIKELY) * min(shares)
    if not swapped and _rank_correlation(values, numbers) < 0.8:
        return
    heavy = max(range(len(weights)), key=lambda i: weights[i] if counts[i] else -1.0)
    rare = min((i for i in range(len(counts)) if counts[i]), key=lambda i: counts[i])
    why = "; the weights are the inverse frequencies of other classes" if swapped else ""
    why = "; the weights are the frequencies themselves" if counted else why
    yield found(
        "L115",
        where,
        f"class {heavy} weighs most ({weights[heavy]:.3g}) with {counts[heavy]} of {sum(counts)} "
        f"samples, and class {rare} with {counts[rare]} weighs {weights[rare]:.3g}{why}",
        "put the weights in the order of the class numbers: weight[c] = total / (classes * count[c])",
        level="error" if swapped or counted else "warning",
    )


def positive_weight_inverted(
    weight: float, positives: int, negatives: int, *, where: str = "BCE-with-logits"
) -> Iterator[Finding]:
    """L115: `pos_weight` makes the rarer side weigh less.

    Args:
        weight: of the positive samples.
        positives: how many.
        negatives: how many.
        where: the loss.
    """
    if min(positives, negatives) < 1 or max(positives, negatives) < 3 * min(positives, negatives):
        return
    ratio = negatives / positives
    if (weight < 0.9) != (ratio > 1) or 0.9 <= weight <= 1.1:
        return
    exact = abs(weight / ratio - 1) > LIKELY and abs(weight * ratio - 1) <= LIKELY
    yield found(
        "L115",
        where,
        f"{positives} of {positives + negatives} targets are 1 and pos_weight is {weight:.3g}, so "
        f"the rarer side weighs less; negatives / positives is {ratio:.3g}",
        "use pos_weight = negatives / positives",
        level="error" if exact and ratio > 1 else "warning",
    )


def _are_inverse_of_others(weights: Sequence[float], counts: Sequence[int]) -> bool:
    """Whether the weights, given to the classes in another order, make all classes weigh alike."""
    mine = [w * c for w, c in zip(weights, counts, strict=True)]
    best = [w * c for w, c in zip(sorted(weights), sorted(counts, reverse=True), strict=True)]
    return max(best) <= (1 + EXACT) * min(best) and max(mine) > 1.5 * min(mine)


def _rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's; SciPy has it, and would have to be loaded for this alone."""
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """From 1; equal values share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (count.cumsum() - (count - 1) / 2)[place]
    return ranks
