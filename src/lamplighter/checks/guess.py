"""The loss that is meant when none is given, and the number in what a loss returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from lamplighter.checks.batches import tensors_in

LossFunction = Callable[[Any, Any], Any]


def answer_in(output: Any) -> Tensor | None:
    """The prediction in a model's output: itself, its `logits` or `out`, or its first tensor."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        for name in ("logits", "out", "output", "prediction"):
            named = output.get(name)
            if isinstance(named, Tensor):
                return named
    logits = getattr(output, "logits", None)
    if isinstance(logits, Tensor):
        return logits
    several = list(tensors_in(output))
    # a loss may come first: (loss, logits)
    return next((t for t in several if t.dim()), several[0] if several else None)


def own_loss(output: Any) -> Tensor | None:
    """The loss that a model computed itself, from its `loss` or a dict of losses."""
    if isinstance(output, Mapping):
        own = output.get("loss")
        if isinstance(own, Tensor):
            return own
        losses = [v for n, v in output.items() if "loss" in str(n) and isinstance(v, Tensor)]
        return sum(losses[1:], losses[0]) if losses else None
    loss = getattr(output, "loss", None)
    return loss if isinstance(loss, Tensor) else None


def guess_loss(output: Any, targets: Any) -> Tensor | None:
    """Cross entropy for class numbers, BCE for 0/1 floats of the output's shape, MSE for floats.

    Args:
        output: what the model returned.
        targets: `(N,)`, `(N, ...)` class numbers, or floats of the output's shape.

    Returns:
        The loss, or None where nothing fits.
    """
    own = own_loss(output)
    if own is not None:
        return own
    answer = answer_in(output)
    if answer is None or not isinstance(targets, Tensor) or not answer.is_floating_point():
        return None
    if targets.is_floating_point():
        return _guess_for_floats(answer, targets)
    if answer.dim() == targets.dim() + 1:
        if answer.shape[:-1] == targets.shape and answer.dim() > 2:
            return F.cross_entropy(answer.flatten(0, -2), targets.flatten().long())
        if answer.shape[0] == targets.shape[0] and answer.shape[2:] == targets.shape[1:]:
            if answer.shape[1] == 1:
                return F.binary_cross_entropy_with_logits(answer[:, 0], targets.float())
            return F.cross_entropy(answer, targets.long())
    if answer.dim() == 2 and targets.dim() > 1 and answer.shape[0] == targets.numel():
        return F.cross_entropy(answer, targets.flatten().long())
    if answer.shape == targets.shape and int(targets.max()) <= 1:
        return F.binary_cross_entropy_with_logits(answer, targets.float())
    return None


def _guess_for_floats(answer: Tensor, targets: Tensor) -> Tensor | None:
    if answer.numel() != targets.numel():
        return None
    targets = targets.reshape(answer.shape).to(answer.dtype)
    binary = bool(((targets == 0) | (targets == 1)).all())
    if binary and answer.dim() == 2 and answer.shape[1] > 1:
        return F.binary_cross_entropy_with_logits(answer, targets)
    return F.mse_loss(answer, targets)


def loss_value(result: Any) -> Tensor | None:
    """The one number in what a loss returned: a tensor, the first of a tuple, or a `loss` entry."""
    if isinstance(result, Tensor):
        return result
    if isinstance(result, Mapping):
        return own_loss(result)
    if isinstance(result, tuple | list) and result and isinstance(result[0], Tensor):
        return result[0]
    return None
