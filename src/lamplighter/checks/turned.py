"""Family L: what is better the larger it is, and is minimised all the same."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

SLACK = 1e-3

_FIXES = {
    "overlap": "send back 1 - overlap",
    "similarity": "send back 1 - similarity",
    "likelihood": "send back the negative: -log_probability.mean(), or use F.cross_entropy",
}
_WHAT = {
    "overlap": "the overlap of the answer with the mask, through the area of both,",
    "similarity": "the cosine of the angle between the answer and its target",
    "likelihood": "the logarithm of the probability of the right class",
}


def are_logarithms(scores: Tensor) -> bool:
    """Whether a tensor holds log-probabilities along its last dimension.

    Args:
        scores: `(…, C)`; what is left out may be at minus infinity.
    """
    if not scores.dim() or scores.shape[-1] < 2 or not scores.numel():
        return False
    total = scores.detach().float().logsumexp(-1)
    return bool(torch.isfinite(total).all()) and float(total.abs().max()) < SLACK


def score_is_minimised(kind: str, times: int, *, certain: bool) -> Iterator[Finding]:
    """L118: the loss rises with a figure that measures how good the answer is.

    Args:
        kind: "overlap", "similarity" or "likelihood".
        times: steps that showed it.
        certain: whether the target is what the loader gave; else a warning.
    """
    yield found(
        "L118",
        kind,
        f"{_WHAT[kind]} is largest where the answer is right, and the loss rises with it: each of "
        f"{times} steps has made the answers worse",
        _FIXES[kind],
        level="error" if certain else "warning",
    )


def error_is_maximised(name: str, times: int) -> Iterator[Finding]:
    """L118: the loss falls as an error grows.

    Args:
        name: the loss function, or "a difference" between answer and target.
        times: steps that showed it.
    """
    yield found(
        "L118",
        name,
        "it tells how far the answers are from their targets, and the loss falls as it grows: each "
        f"of {times} steps has made the answers worse",
        "send it back without the minus; of a log-probability, send back the negative",
    )
