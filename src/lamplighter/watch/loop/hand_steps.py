"""Weights that a program moves by hand, without an optimizer: steps are counted, R101 is told."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.gradients import Mark, mark_of
from lamplighter.watch.loss.graphs import leaves_of
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

TIMES = 3  # steps in a row on gradients that an earlier one had used
LONGEST = 400  # backward passes that are looked at
DEEP = 4_000  # nodes of a graph in which weights are looked for
FEW = 4  # values by which a weight is known again
MOST = 8  # weights that are followed
NONE = Mark(None)


@dataclass(eq=False, slots=True)
class Weight:
    """A weight that gradients reach.

    Args:
        ref: weak.
        values: a few of its values when the last backward() ended.
        used: whether its gradient, when the last backward() began, had been used and was there.
        piled: how often in a row it then moved again without being cleared.
        mark: its gradient when the last backward() ended, or was clipped; a program that then
            writes into it has let it fade, and does not forget it.
    """

    ref: weakref.ref[torch.Tensor]
    values: torch.Tensor
    used: bool = False
    piled: int = 0
    mark: Mark = NONE


class HandSteps(Watcher):
    """Notices from one backward() to the next that weights have moved."""

    codes = ("R101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.weights: dict[int, Weight] = {}
        self.count = 0
        self.place: Place | None = None

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if self.world.optimizers or self.count >= LONGEST:
            self.weights = {}
            return
        self.count += 1
        moved = [one for one in self.weights.values() if _has_moved(one)]
        if moved:
            self._count_step(moved)
        for one in self.weights.values():
            weight = one.ref()
            gradient = weight.grad if weight is not None else None
            there = gradient is not None and bool(gradient.any())
            step = one in moved and weight is not None and one.mark.is_still(weight)
            one.piled = one.piled + 1 if step and there and one.used else 0
            one.used = there and (step or one.used)
        if any(one.piled == TIMES for one in self.weights.values()):
            self._report()
        for weight in (leaf for root in roots for leaf in leaves_of(root, DEEP)):
            if len(self.weights) >= MOST:
                break
            if id(weight) not in self.weights:
                self.weights[id(weight)] = Weight(weakref.ref(weight), some_of(weight, FEW))

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        if self.weights:
            self.place = self.place or here()
        for key, one in list(self.weights.items()):
            weight = one.ref()
            if weight is None:
                del self.weights[key]
            else:
                one.values, one.mark = some_of(weight, FEW), mark_of(weight)

    def clipped(self, parameters: list[torch.Tensor]) -> None:
        for one in self.weights.values():
            weight = one.ref()
            one.mark = mark_of(weight) if weight is not None else NONE

    def _count_step(self, moved: list[Weight]) -> None:
        world = self.world
        world.steps += 1
        for current in world.live:
            current.steps += 1
        for model, _ in world.networks({id(one.ref()) for one in moved}):
            model.trained += 1

    def _report(self) -> None:
        self.world.report(
            "R101",
            "error",
            "gradients",
            "backward() adds to gradients by which the weights were moved before: they are never "
            "cleared, so every step follows the sum of all batches so far",
            "clear them after moving the weights: p.grad = None for each",
            self.place,
        )


def _has_moved(one: Weight) -> bool:
    weight = one.ref()
    return weight is not None and not torch.equal(some_of(weight, FEW), one.values)
