"""Weights that take part in a loss and belong to no network and no optimizer: M101."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks import structure
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # steps in which new weights are noted
SURE = 3  # steps of one line with weights that no earlier one had
USING = frozenset(
    (
        *("linear", "conv1d", "conv2d", "conv3d", "embedding", "bilinear", "batch_norm", "lstm"),
        *("conv_transpose1d", "conv_transpose2d", "gru", "rnn_tanh", "layer_norm", "group_norm"),
        *("matmul", "mul", "add", "einsum"),
    )
)


@dataclass(eq=False, slots=True)
class Line:
    """A line that uses weights which nobody owns.

    Args:
        kept: weights that stay; weak.
        fresh: steps in which it used weights that were made since the last one.
        shape: of the first of them.
    """

    shape: torch.Size
    kept: list[weakref.ref[torch.Tensor]] = field(default_factory=list)
    fresh: int = 0


class Strangers(Watcher):
    """Notes the weights that layers are called with, and who has them when a step begins."""

    codes = ("M101",)
    operations = USING

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: ByIdentity[bool] = ByIdentity()
        self.now: list[tuple[torch.Tensor, Place]] = []
        self.lines: dict[Place, Line] = {}
        self.steps = 0
        self.models: set[int] = set()  # networks that were there at an earlier step

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.steps >= LOOKS or not torch.is_grad_enabled():
            return
        for thing in (*args, *kwargs.values()):
            if isinstance(thing, nn.Parameter) and thing.requires_grad:
                if self.seen.get(thing):
                    continue
                self.seen[thing] = True
                place = here()
                if place is not None:
                    self.now.append((thing, place))

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.steps >= LOOKS:
            return
        self.steps += 1
        now, self.now = self.now, []
        owned = self._owned() if now else set()
        owned -= self._replaced() if now else set()
        self.models = set(self.world.models)
        lines = set()
        for weight, place in now:
            if id(weight) in owned or weight.grad is None:
                continue
            line = self.lines.setdefault(place, Line(weight.shape))
            line.kept.append(weakref.ref(weight))
            lines.add(place)
        for place in lines:
            self.lines[place].fresh += 1
        if self.steps == LOOKS:
            self._tell_made_anew()

    def _owned(self) -> set[int]:
        """Ids of the weights that an optimizer holds, or a network that is called by itself."""
        held = self.world.held()
        for _, module in self.world.networks():
            held |= {id(p) for p in module.parameters()}
            for _, member in structure.hidden_members(module):
                inner = member.parameters() if isinstance(member, nn.Module) else [member]
                held |= {id(p) for p in inner}  # those are told by what holds them
        return held

    def _replaced(self) -> set[int]:
        """Ids of weights that a known network has and no optimizer holds: made since, perhaps."""
        held = self.world.held()
        known = [m for k in self.models if (s := self.world.models.get(k)) and (m := s.module)]
        return {id(p) for module in known for p in module.parameters()} - held

    def _tell_made_anew(self) -> None:
        for place, line in self.lines.items():
            if line.fresh >= SURE:
                self.world.adopt(structure.weights_made_anew(line.shape, line.fresh), place)

    def ended(self) -> None:
        if self.steps < LOOKS:
            self._tell_made_anew()
        if not any(record.steps for record in self.world.optimizers.values()):
            return
        owned = self._owned()
        for place, line in self.lines.items():
            kept = [w for ref in line.kept if (w := ref()) is not None and id(w) not in owned]
            large = [w for w in kept if w.dim() > 1]
            if line.fresh < SURE and large and all(map(structure.looks_untrained, large)):
                self.world.adopt(structure.weights_of_nobody(kept), place)
