"""Family L, for losses that a program computes by its own arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 4  # samples of which a weight for each is told from a pair of factors


def makes_a_square(large: Sequence[int], small: Sequence[int]) -> bool:
    """Whether (n, 1, …) meets (n, …) or (1, n), so that every sample meets every other.

    Args:
        large: the shape with one more dimension.
        small: the other shape.
    """
    if len(large) == len(small) == 2:
        return large[1] == 1 == small[0] and large[0] == small[1] > 1
    if len(large) != len(small) + 1 or not small:
        return False
    return large[1] == 1 and large[0] == small[0] > 1 and tuple(large[2:]) == tuple(small[1:])


def is_share(number: float, rows: int, *, divides: bool) -> bool:
    """Whether a factor or divisor takes the mean over a batch, or over all its values.

    Args:
        number: the factor or divisor.
        rows: samples in the batch.
        divides: whether it is a divisor.
    """
    if not number or rows < 1:
        return False
    times = abs(number if divides else 1 / number) / rows
    return times >= 1 and abs(times - round(times)) < 1e-6


def is_weight_per_sample(weight: Tensor, rows: int) -> bool:
    """Whether a tensor without a graph holds one number for each of some samples, not all equal.

    Args:
        weight: `(rows,)` or `(rows, 1)`.
        rows: samples in the batch.
    """
    if weight.requires_grad or weight.dim() == 0 or weight.numel() != rows or rows < FEWEST:
        return False
    return weight.shape[0] == rows and bool((weight != weight.flatten()[0]).any())


def told(code: str, facts: tuple[Any, ...]) -> Iterator[Finding]:
    """What was seen in the arithmetic behind a loss.

    Args:
        code: L107 with the shapes of both sides and of the result; L109 with the shape that was
            summed; L114 and L120 with the number of samples.
        facts: as the code asks.
    """
    if code == "L107":
        one, other, made = facts
        yield found(
            "L107",
            "own arithmetic",
            f"{one} meets {other} and becomes {made}: each sample is combined with all the others, "
            "and the loss is computed from that",
            "make the shapes equal before: squeeze(-1) takes the last dimension away",
        )
    elif code == "L109":
        yield found(
            "L109",
            "own arithmetic",
            f"a sum over everything, {facts[0]} → one number, is combined with one number per "
            "sample: each sample carries the sum over the whole batch",
            "sum over the other dimensions alone, x.sum(dim=1), and keep the samples apart",
        )
    elif code == "L120":
        yield found(
            "L120",
            "own arithmetic",
            f"{facts[0]} numbers, one for each sample, are multiplied with the mean or sum over "
            "the batch and added up: they scale the loss as a whole, and no sample weighs more "
            "than another",
            'multiply before the mean: with losses of torch, reduction="none" keeps the samples '
            "apart",
        )
    elif code == "L114":
        yield found(
            "L114",
            "own arithmetic",
            f"the weight is computed from the mean loss of {facts[0]} samples and multiplied with "
            "that mean: hard and easy samples get the same weight",
            'compute the loss with reduction="none", weigh each sample, then take the mean',
        )


def sum_is_the_loss(name: str) -> Iterator[Finding]:
    """L109: backward() starts at a sum over the batch, with no further term.

    Args:
        name: the loss function; "sum" for a sum of the program's own.
    """
    what = "sum()" if name == "sum" else 'reduction="sum"'
    yield found(
        "L109",
        name,
        f"{what} is the whole loss: it grows with the batch, so the learning rate depends on the "
        "batch size, and the last, smaller batch counts less",
        'use mean() or reduction="mean", or divide by the batch size',
    )


def same_term_twice(value: float, times: int, terms: int) -> Iterator[Finding]:
    """L124: two terms of a sum have been the same number at every step.

    Args:
        value: of both, at the last step.
        times: steps.
        terms: of the sum.
    """
    yield found(
        "L124",
        "a sum of losses",
        f"two of its {terms} terms are the same number at each of {times} steps (now {value:.4g}): "
        "one loss is computed twice, and where another was meant, that one is missing",
        "look which loss, which answer and which target the second term is computed from",
    )


def constant_term(name: str) -> Iterator[Finding]:
    """L108 of one term: it is added to the loss, and no weight can change it.

    Args:
        name: the function that computed the term, "item()" where it was a tensor with a graph, or
            "create_graph" where it is computed from slopes that have none.
    """
    if name == "item()":
        why, fix = (
            "it was made a number of Python's before",
            "add the tensor, without item() or float()",
        )
    elif name == "create_graph":
        name = "autograd.grad"
        why = "the slopes that it is computed from were taken without create_graph=True"
        fix = "torch.autograd.grad(..., create_graph=True)"
    else:
        why = "what it is computed from was detached, or made under no_grad()"
        fix = "compute it from the answer of the network that is to learn"
    yield found(
        "L108",
        name,
        f"this term of the loss has no path to any weight: {why}, so it adds a number and trains "
        "nothing",
        fix,
    )
