"""A copy of a network, also of one that keeps what it has computed."""

from __future__ import annotations

import copy

from torch import Tensor, nn


def copied(module: nn.Module) -> nn.Module:
    """A deep copy; tensors that are kept as attributes come along without their graph.

    Torch refuses to copy what was computed with gradients, and networks hold such: the weight that
    `torch.nn.utils.weight_norm` makes, or `self.features = x` in a forward().
    """
    kept = (value for part in module.modules() for value in vars(part).values())
    computed = [value for value in kept if isinstance(value, Tensor) and not value.is_leaf]
    return copy.deepcopy(module, {id(value): value.detach().clone() for value in computed})
