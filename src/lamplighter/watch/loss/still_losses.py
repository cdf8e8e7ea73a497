"""Trainings whose first losses give no gradient at all: M108."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lamplighter.checks.gradients import nothing_learns
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_of_backward_value

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 6  # steps at the beginning that must be without any gradient
WHOLE = 3  # steps that are enough where the program came to its own end
FEW = 8  # weights of which a few values are remembered


class StillLosses(Watcher):
    """Looks at the gradients of the first steps, until one is found that is not 0.

    A loss that is 0 itself is given time, to the end of the program: a reward may come late, and a
    margin may be kept at first.
    """

    codes = ("M108",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.steps = 0
        self.over = False
        self.values: list[float] = []
        self.before: list[tuple[Tensor, Tensor]] = []
        self.place: Place | None = None

    def backward_ended(self, roots: tuple[Tensor, ...]) -> None:
        if not self.over and roots and roots[0].numel() == 1:
            self.values.append(float(roots[0].detach()))
            self.place = line_of_backward_value(here())

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.over:
            return
        held = [p for g in optimizer.param_groups for p in g["params"]]
        made = [p.grad for p in held if p.grad is not None]
        if closure or any(g.is_sparse or bool(g.any()) for g in made):
            self.over, self.before = True, []
        elif made:
            self.steps += 1
            self.before = self.before or [(p, some_of(p)) for p in held[:FEW]]
            if self.steps == SURE and any(self.values):
                self._tell()

    def ended(self) -> None:
        if self.over or not self.world.whole or self.steps < WHOLE:
            return
        if all(torch.equal(some_of(weight), old) for weight, old in self.before):
            self._tell()

    def _tell(self) -> None:
        self.over, self.before = True, []
        told = any(code == "M108" or code[0] == "L" for code, *_ in self.world.findings)
        if not told and self.values:
            self.world.adopt(nothing_learns(self.values, self.steps), self.place)
