"""Family L, for weights that a softmax makes within a network, such as attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.scores import SURE


def summed_dimensions(equation: Any, number: int, factors: Sequence[Tensor]) -> tuple[int, ...]:
    """The dimensions of one factor that a product sums over, counted from the end.

    Args:
        equation: of `einsum`; anything else stands for a matrix product.
        number: which factor.
        factors: both.
    """
    own = factors[number]
    if not isinstance(equation, str):
        return (-1,) if number == 0 or own.dim() == 1 else (-2,)
    letters, _, left = equation.replace(" ", "").partition("->")
    parts = letters.split(",")
    if not left or len(parts) != len(factors) or "." in equation:
        return ()
    mine = parts[number]
    others = "".join(part for n, part in enumerate(parts) if n != number)
    return tuple(i - len(mine) for i, c in enumerate(mine) if c in others and c not in left)


def weights_of_others(
    weights: Tensor, dim: int, summed: Sequence[int], *, certain: bool, where: str = "attention"
) -> Iterator[Finding]:
    """L105: a softmax over one dimension, and a weighted sum over another.

    Args:
        weights: what the softmax made of products of queries and keys.
        dim: its dimension, counted from the end.
        summed: the dimensions of the weighted sum, counted from the end.
        certain: "warning" where it is not: an `einsum` may collect for clusters what it spreads.
        where: the call it is about.
    """
    sums = weights.float().sum(tuple(summed))
    low, high = float(sums.min()), float(sums.max())
    if max(abs(low - 1), abs(high - 1)) <= 100 * SURE:
        return
    yield found(
        "L105",
        where,
        f"the softmax is over dimension {dim} of weights {tuple(weights.shape)}, but the weighted "
        f"sum is over dimension {summed[0]}: the weights of one answer sum to {low:.3g} to "
        f"{high:.3g} instead of 1",
        f"use softmax(dim={summed[0]})",
        level="error" if certain else "warning",
    )


def weights_over_batch(rows: int, length: int, *, where: str = "softmax") -> Iterator[Finding]:
    """L105: weights of a pooling are normalised over the samples.

    Args:
        rows: samples in the batch.
        length: of the dimension that the weighted sum is over.
        where: the call it is about.
    """
    yield found(
        "L105",
        where,
        f"the softmax is over dimension 0, the {rows} samples, and the weighted sum over the "
        f"{length} places: each sample's weights depend on the other samples of its batch",
        "take the softmax over the dimension that the weighted sum is over",
    )


def softmax_over_one(
    shape: Sequence[int], dim: int, *, where: str = "softmax"
) -> Iterator[Finding]:
    """L105: a softmax over a dimension of length 1 is always 1.

    Args:
        shape: of its result.
        dim: its dimension, counted from the end.
        where: the call it is about.
    """
    yield found(
        "L105",
        where,
        f"the softmax is over dimension {dim} of {tuple(shape)}, which has one value: every weight "
        "is exactly 1 and what made it learns nothing",
        "take the softmax over the dimension that the weighted sum is over",
    )
