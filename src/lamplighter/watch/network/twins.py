"""An optimizer that steps on one network while the gradients go to its twin: O102."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from lamplighter.checks.gradients import gradients_at_twin
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loop.gradients import Mark, mark_of
from lamplighter.watch.network.likeness import shapes_of
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.world import World

SURE = 3  # steps in a row; the first may be one of a phase that is just ending


@dataclass(eq=False, slots=True)
class Pair:
    """What an optimizer that holds none of a network's weights has seen of its gradients.

    Args:
        optimizer: the one that steps, weak.
        marks: of the network's gradients at the optimizer's last step.
        missed: steps in a row for which gradients had come to the network alone.
    """

    optimizer: weakref.ref[torch.optim.Optimizer]
    marks: list[Mark] = field(default_factory=list)
    missed: int = 0


class Twins(Watcher):
    """Looks, where several networks are called, at which of them has the gradients when one steps."""

    codes = ("O102",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.pairs: ByIdentity[Pair] = ByIdentity()

    def woken(self) -> None:
        self.pairs = ByIdentity()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        # only programs with a second network pay for more than this
        if closure or len(self.world.models) < 2:
            return
        for _, module in self.world.networks():
            if not self.world.moves(optimizer, module):
                self._look_at(module, optimizer)

    def _look_at(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        weights = [p for p in module.parameters() if p.requires_grad]
        if not weights or all(p.grad is None for p in weights):
            return
        pair = self.pairs.get(module)
        if pair is None or pair.optimizer() is not optimizer:
            pair = self.pairs[module] = Pair(weakref.ref(optimizer))
        before, pair.marks = pair.marks, [mark_of(p) for p in weights]
        same = len(before) == len(weights)
        came = same and not all(m.is_still(p) for m, p in zip(before, weights, strict=True))
        first = not before
        if not (came or first) or not self._is_hungry(optimizer):
            pair.missed = 0
            return
        pair.missed += 1
        if pair.missed == SURE and self._are_twins(module, optimizer):
            name = self.world.seen(module).name
            told = gradients_at_twin(f"`{name}`", type(optimizer).__name__, pair.missed)
            self.world.adopt(told, here())

    def _is_hungry(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether no weight of an optimizer has a gradient other than 0."""
        own = self.world.owner_record(optimizer).parameters()
        there = [p.grad for p in own if p.grad is not None]
        return not any(bool(gradient.any()) for gradient in there)

    def _are_twins(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
        """Whether a network could have been this optimizer's, and is nobody's."""
        held = self.world.held()
        if any(id(p) in held for p in module.parameters()):
            return False
        own = Counter(tuple(p.shape) for p in self.world.owner_record(optimizer).parameters())
        return bool(own) and own <= Counter(shapes_of(module))
