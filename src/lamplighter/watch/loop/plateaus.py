"""`ReduceLROnPlateau` that is told a figure after every batch and counts as if these were epochs: O108."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from lamplighter.checks.schedules import plateau_of_batches
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

FEWEST = 5  # steps of a walk, each of which must have been told
TWICE = 2  # falls within one walk: no patience that counts epochs allows them


@dataclass(eq=False, slots=True)
class Plateau:
    """A schedule that waits for a figure.

    Args:
        told: how often it got one in the present walk.
        place: where.
        rate: the newest.
        falls: how often it fell in the present walk.
    """

    ref: weakref.ref[Any]
    told: int = 0
    place: Place | None = None
    rate: float = 0.0
    falls: int = 0


class Plateaus(Watcher):
    """Counts figures against the steps of a walk."""

    codes = ("O108",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.plateaus: list[Plateau] = []

    def schedule_made(self, schedule: Any) -> None:
        if isinstance(schedule, ReduceLROnPlateau):
            self.plateaus.append(Plateau(weakref.ref(schedule), rate=_rate(schedule)))

    def measured(self, schedule: Any, value: Any) -> None:
        for one in self.plateaus:
            if one.ref() is schedule:
                one.told += 1
                one.place = one.place or here()
                now = _rate(schedule)
                one.falls += now < one.rate
                one.rate = now

    def pass_ended(self, current: Pass) -> None:
        for one in self.plateaus:
            schedule, told, falls = one.ref(), one.told, one.falls
            if current.steps:  # a validation within an epoch is no end of one
                one.told = one.falls = 0
            every = FEWEST <= current.steps == told
            if schedule is None or not every or self.world.found("O108"):
                continue
            batches = length_of(current.loader()) or current.given
            patience = int(schedule.patience)
            # whoever waits for longer than an epoch means batches
            if falls >= TWICE or patience + 1 < batches:
                found = plateau_of_batches(patience, batches, falls)
                self.world.adopt(found, one.place)


def _rate(schedule: Any) -> float:
    return float(schedule.optimizer.param_groups[0]["lr"])
