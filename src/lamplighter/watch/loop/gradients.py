"""A few gradients of an optimizer's parameters: whether they are those of before, or were altered."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, optim

# parameter → identity and version of its gradient
Marks = dict[int, tuple[int, int]]


@dataclass(eq=False, frozen=True, slots=True)
class Mark:
    """A gradient as it was, or that there was none. It is not kept alive, and known again all the
    same: a later one may get the number of one that is gone, and not its reference.
    """

    gradient: weakref.ref[Tensor] | None
    version: int = 0

    def is_still(self, parameter: Tensor) -> bool:
        """Whether a parameter has this very gradient, and nothing was written into it since."""
        now = parameter.grad
        if now is None or self.gradient is None:
            return now is None and self.gradient is None
        return self.gradient() is now and now._version == self.version


def mark_of(parameter: Tensor) -> Mark:
    """The mark of a parameter's present gradient."""
    gradient = parameter.grad
    return Mark(None) if gradient is None else Mark(weakref.ref(gradient), gradient._version)


def marks_of(parameters: Iterable[Tensor]) -> Marks:
    """Identity and version of each gradient that exists; reads no value."""
    return {id(p): (id(grad), grad._version) for p in parameters if (grad := p.grad) is not None}


def ends_of(optimizer: optim.Optimizer) -> list[Tensor]:
    """The first and the last parameter that learns, which stand for all; empty where none does."""
    held = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    return [held[0], held[-1]] if held else []
