"""What a network is known again by: the shapes of its weights, and a few of their values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEW = 16  # values of each weight


def some_of(weight: Tensor, few: int = FEW) -> Tensor:
    """A copy of a weight's first values, `(few,)`."""
    return weight.detach().flatten()[:few].clone()


def values_of(module: nn.Module, few: int = FEW) -> Tensor:
    """The first values of each weight together, `(n,)`, in single precision on the CPU."""
    parts = [some_of(p, few).float().cpu() for p in module.parameters()]
    return torch.cat(parts) if parts else torch.zeros(0)


def shapes_of(module: nn.Module) -> list[tuple[int, ...]]:
    """The shape of each weight, in their order."""
    return [tuple(p.shape) for p in module.parameters()]
