"""A loss that is handed to its own backward() as the gradient: R110."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.gradients import weighed_by_itself
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # backward passes of one line, whose losses differ
LOOKS = 8  # passes of one line that are looked at; each waits for the device
REMEMBERED = 8  # newest results of loss functions


@dataclass(eq=False, slots=True)
class Line:
    """A line that hands a gradient to backward().

    Args:
        values: sums of the losses that were their own gradients.
        losses: how many of them a loss function of torch gave.
        looks: passes so far.
        differs: whether a gradient was anything else.
        steps: of the program, at the first pass.
    """

    steps: int
    values: list[float] = field(default_factory=list)
    losses: int = 0
    looks: int = 0
    differs: bool = False


class OwnWeights(Watcher):
    """Compares what backward() begins with to what it begins at."""

    codes = ("R110",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.results: list[weakref.ref[torch.Tensor]] = []
        self.lines: dict[Place | None, Line] = {}

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if isinstance(result, torch.Tensor):
            self.results = [*self.results[1 - REMEMBERED :], weakref.ref(result)]

    def begun_with(self, roots: tuple[torch.Tensor, ...], gradients: Any) -> None:
        several = (gradients,) if isinstance(gradients, torch.Tensor) else tuple(gradients)
        if len(roots) != 1 or len(several) != 1 or not isinstance(several[0], torch.Tensor):
            return
        root, gradient = roots[0], several[0]
        line = self.lines.setdefault(place := here(), Line(self.world.steps))
        if line.differs or line.looks >= LOOKS:
            return
        line.looks += 1
        is_loss = any(ref() is root for ref in self.results)
        value = root.detach()
        # y.backward(y) is how some write the gradient of half the square of an answer; it takes
        # either sign, and an error does not
        own = (is_loss or root.numel() == 1) and gradient.shape == root.shape
        own = own and not root.is_complex() and torch.equal(gradient.detach().to(value), value)
        if not own or bool((value < 0).any()):
            line.differs = True
            return
        line.values.append(float(value.sum()))
        line.losses += is_loss
        learns = self.world.steps > line.steps
        if len(line.values) >= SURE and len(set(line.values)) >= SURE and learns:
            certain = line.losses == len(line.values)
            self.world.adopt(weighed_by_itself(line.values, certain=certain), place)
            line.looks = LOOKS
