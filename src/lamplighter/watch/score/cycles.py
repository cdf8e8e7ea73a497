"""What a program without a loader says of the micro-batches of a step: E101."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.tallies import Counted, figure_is_wrong, loss_of_cycle
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.measured import samples_of
from lamplighter.watch.score.nearness import is_near
from lamplighter.watch.source.figures import in_sight, line_that_divides
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST = 256  # micro-batches of a step
LOOKS = 20
TELLING = 2  # steps at which the figure must agree


class Cycles(Watcher):
    """Compares figures with the losses of the last step, where it accumulated gradients."""

    codes = ("E101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.now: list[Tensor] = []
        self.rows: list[int] = []
        self.last: tuple[list[Tensor], list[int]] = ([], [])
        self.backwards = self.looks = 0
        self.hits: dict[str, set[float]] = {}

    def woken(self) -> None:
        self.now, self.rows, self.backwards = [], [], 0

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if not isinstance(result, Tensor) or result.dim() or not result.requires_grad:
            return
        if given.get("reduction", "mean") == "mean" and len(self.now) < MOST:
            self.now.append(result.detach())
            self.rows.append(samples_of(given))

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.backwards += 1

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        whole = len(self.now) == self.backwards > 1
        self.last = (self.now, self.rows) if whole else ([], [])
        self.woken()

    def text_written(self, text: str) -> None:
        losses, rows = self.last
        if not losses or self.looks >= LOOKS or self.world.found("E101"):
            return
        self.looks += 1
        counted = Counted(losses=[float(v) for v in losses], rows=rows)
        wrong = loss_of_cycle(counted.losses)
        figures, _ = in_sight()
        for figure in figures:
            if is_near(figure.value, wrong.value):
                values = self.hits.setdefault(figure.name, set())
                values.add(round(wrong.value, 9))
                if len(values) >= TELLING and not self.world.found("E101"):
                    told = figure_is_wrong(figure.name, wrong, counted)
                    self.world.adopt(told, line_that_divides(figure) or here())
