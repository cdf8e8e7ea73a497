"""Trainings whose first losses give no gradient at all: M108."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lamplighter.checks.gradients import nothing_learns
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_of_backward_value

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 6  # steps at the beginning that must be without any gradient
WHOLE = 3  # steps that are enough where the program came to its own end


class StillLosses(Watcher):
    """Looks at the gradients of the first steps, until one is found that is not 0."""

    codes = ("M108",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.steps = 0
        self.over = False
        self.values: list[float] = []
        self.place: Place | None = None

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        if not self.over and roots and roots[0].numel() == 1:
            self.values.append(float(roots[0].detach()))
            self.place = line_of_backward_value(here())

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.over:
            return
        made = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if closure or any(g.is_sparse or bool(g.any()) for g in made):
            self.over = True
        elif made:
            self.steps += 1
            if self.steps == SURE:
                self._tell()

    def ended(self) -> None:
        if not self.over and self.world.whole and WHOLE <= self.steps < SURE:
            self._tell()

    def _tell(self) -> None:
        self.over = True
        told = any(code == "M108" or code[0] == "L" for code, *_ in self.world.findings)
        if not told and self.values:
            self.world.adopt(nothing_learns(self.values, self.steps), self.place)
