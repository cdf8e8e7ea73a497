"""Networks that are evaluated time and again, and are not what is trained: E109."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.evaluation import evaluated_never_changes
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.likeness import shapes_of, values_of
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

APART = 2  # steps between two evaluations; a teacher is asked at each
TIMES = 3  # evaluations
ENOUGH = 20  # steps of what is trained meanwhile


@dataclass(eq=False, slots=True)
class Evaluated:
    """One network in evaluation mode.

    Args:
        ref: weak.
        values: a few of each weight at its first evaluation.
        steps: of the program at the newest one.
        times: evaluations.
        place: of the first.
        is_other: whether it has changed, or is asked in between like a teacher.
        shapes: of its weights.
        first: steps of the program at its first evaluation.
    """

    ref: weakref.ref[nn.Module]
    values: Tensor
    steps: int
    place: Place | None
    times: int = 1
    is_other: bool = False
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    first: int = 0


class UnchangedNetworks(Watcher):
    """Notes which networks are asked without gradients."""

    codes = ("E109",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[int, Evaluated] = {}
        self.asked: set[int] = set()

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if torch.is_grad_enabled():
            return
        self.asked.add(id(module))
        if module.training:
            return
        one = self.known.get(id(module))
        if one is None or one.ref() is not module:
            ref = weakref.ref(module)
            one = Evaluated(ref, values_of(module), self.world.steps, here())
            one.shapes, one.first = shapes_of(module), self.world.steps
            self.known[id(module)] = one
        elif self.world.steps > one.steps and not one.is_other:
            one.is_other = self.world.steps - one.steps < APART
            one.is_other |= not torch.equal(values_of(module), one.values)
            one.steps = self.world.steps
            one.times += 1

    def ended(self) -> None:
        for one in self.known.values():
            module = one.ref()
            if module is None or one.is_other or one.times < TIMES:
                continue
            record = self.world.seen(module)
            held = self.world.held()
            if record.trained or any(id(p) in held for p in module.parameters()):
                continue
            if not torch.equal(values_of(module), one.values):
                continue
            twin = "" if self._is_one_of_several(one) else self._twin_of(module)
            if twin:
                found = evaluated_never_changes(record.name, twin, one.times)
                self.world.adopt(found, one.place)

    def _is_one_of_several(self, one: Evaluated) -> bool:
        """Whether another copy came later with other weights: one of each cycle, each a snapshot."""
        return any(
            other.first > one.first
            and other.shapes == one.shapes
            and not torch.equal(other.values, one.values)
            for other in self.known.values()
        )

    def _twin_of(self, module: nn.Module) -> str:
        """The trained network of the same shape, where that is never asked without gradients."""
        shapes = shapes_of(module)
        name = ""
        for model, other in self.world.networks():
            if other is module or model.trained < ENOUGH or not shapes:
                continue
            if shapes_of(other) != shapes:
                continue
            if id(other) in self.asked:
                return ""
            name = model.name
        return name
