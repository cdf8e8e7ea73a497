"""Steps on gradients that still bear the factor of a gradient scaler: P104."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loop.gradients import marks_of
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import SeenOptimizer, World

TIMES = 3  # steps of one optimizer that must show it
FEW = 4  # parameters of an optimizer that stand for all


class LossScales(Watcher):
    """Follows the factor from `scaler.scale(loss)` to the step that uses the gradients."""

    codes = ("P104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.enlarged: ByIdentity[float] = ByIdentity()
        self.factor = 1.0
        self.divided: set[int] = set()
        self.pending: dict[int, Place | None] = {}
        self.hits = Often(TIMES)
        self.stepped = False
        self.sent: set[tuple[int, int]] = set()

    def woken(self) -> None:
        self.factor, self.pending, self.stepped = 1.0, {}, False

    def loss_scaled(self, scaler: Any, result: Any) -> None:
        if isinstance(result, torch.Tensor) and scaler.is_enabled():
            self.enlarged[result] = float(scaler.get_scale())

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        for key, place in self.pending.items():
            if self.hits.again(key):
                self._report(place)
        self.pending = {}
        if self.stepped:
            self.factor, self.stepped = 1.0, False
            self.divided.clear()
        known = [f for root in roots if (f := self.enlarged.get(root)) is not None]
        self.factor = max([self.factor, *known])

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        self.divided.add(id(optimizer))

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.factor <= 1 or closure or id(optimizer) in self.divided:
            return
        now = set(_marks(self.world.owner_record(optimizer)))
        if now <= self.sent:  # else the program has divided them by hand
            self.pending[id(optimizer)] = here()

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        self._remark()

    def clipped(self, parameters: list[torch.Tensor]) -> None:
        self._remark()  # that writes into gradients and leaves the factor on them

    def _remark(self) -> None:
        if self.factor > 1:
            records = self.world.optimizers.values()
            self.sent = {mark for record in records for mark in _marks(record)}

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.stepped = True

    def scaled(self, scaler: Any, optimizer: torch.optim.Optimizer) -> None:
        self.pending.pop(id(optimizer), None)  # the scaler itself has stepped
        self.stepped = True

    def _report(self, place: Place | None) -> None:
        self.world.report(
            "P104",
            "error",
            "gradients",
            f"the loss was multiplied by the scaler with {self.factor:g}, and the optimizer steps "
            "on gradients that are as many times too large: nothing has divided them",
            "call scaler.step(optimizer) in place of optimizer.step()",
            place,
        )


def _marks(record: SeenOptimizer) -> Iterable[tuple[int, int]]:
    """Which gradients the first parameters have, and how often they were altered."""
    return marks_of(record.parameters()[:FEW]).values()
