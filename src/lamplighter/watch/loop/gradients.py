"""A few gradients of an optimizer's parameters: whether they are those of before, or were altered."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, optim

# parameter → identity and version of its gradient
Marks = dict[int, tuple[int, int]]


def marks_of(parameters: Iterable[Tensor]) -> Marks:
    """Identity and version of each gradient that exists; reads no value."""
    return {id(p): (id(grad), grad._version) for p in parameters if (grad := p.grad) is not None}


def ends_of(optimizer: optim.Optimizer) -> list[Tensor]:
    """The first and the last parameter that learns, which stand for all; empty where none does."""
    held = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    return [held[0], held[-1]] if held else []
