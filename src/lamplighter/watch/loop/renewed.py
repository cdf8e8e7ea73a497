"""Optimizers that are built anew for every step: O113."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lamplighter.checks.optimizer import optimizer_made_anew
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place

if TYPE_CHECKING:
    from lamplighter.watch.world import World

TIMES = 6  # optimizers in a row that took one step each


@dataclass(eq=False, slots=True)
class Line:
    """The optimizers that one line has built.

    Args:
        first: a parameter that each of them holds.
        newest: the one that was built last, by its number.
        steps: its steps.
        single: how many before it, in a row, took exactly one step and had something to remember.
        remembers: whether the newest has a state after its step.
    """

    first: torch.Tensor
    newest: int
    steps: int = 0
    single: int = 0
    remembers: bool = False


class RenewedOptimizers(Watcher):
    """Counts how many steps each of them lives for."""

    codes = ("O113",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.lines: dict[Place, Line] = {}

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        held = [p for g in optimizer.param_groups for p in g["params"]]
        place = self.world.owner_record(optimizer).place
        if not held or place is None or isinstance(optimizer, torch.optim.LBFGS):
            return
        line = self.lines.get(place)
        if line is None or line.first is not held[0]:
            self.lines[place] = Line(held[0], id(optimizer))
            return
        line.single = line.single + 1 if line.steps == 1 and line.remembers else 0
        line.newest, line.steps, line.remembers = id(optimizer), 0, False
        if line.single == TIMES and not self.world.found("O113"):
            self.world.adopt(optimizer_made_anew(type(optimizer).__name__, TIMES), place)

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        for line in self.lines.values():
            if line.newest == id(optimizer):
                line.steps += 1
                line.remembers = line.remembers or _remembers(optimizer)


def _remembers(optimizer: torch.optim.Optimizer) -> bool:
    """Whether there is more to its state than a count of steps."""
    kept = (v for state in optimizer.state.values() for v in state.values())
    return any(isinstance(v, torch.Tensor) and v.numel() > 1 for v in kept)
