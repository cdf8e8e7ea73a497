"""Schedules that are planned for another number of steps than the program takes: O110."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.optim import lr_scheduler

from lamplighter.watch.events import Watcher
from lamplighter.watch.place import Place, here
from lamplighter.watch.statements import line_of_keyword

if TYPE_CHECKING:
    from lamplighter.watch.passes import Pass
    from lamplighter.watch.world import World

HALF = 0.5  # a program that stops early takes fewer steps, but seldom so few
TENTH = 0.1


@dataclass(eq=False, slots=True)
class Planned:
    """A schedule of a fixed length; steps of walks that were cut short here are counted in full."""

    ref: weakref.ref[Any]
    place: Place | None
    done: float = 0.0
    in_pass: int = 0


class Lengths(Watcher):
    """Counts the steps of each `OneCycleLR` to the end of the program."""

    codes = ("O110",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.plans: dict[int, Planned] = {}

    def schedule_made(self, schedule: Any) -> None:
        if isinstance(schedule, lr_scheduler.OneCycleLR):
            self.plans[id(schedule)] = Planned(weakref.ref(schedule), here())

    def scheduled(self, schedule: Any) -> None:
        plan = self.plans.get(id(schedule))
        if plan is not None:
            plan.in_pass += 1

    def pass_ended(self, current: Pass) -> None:
        if not current.steps:
            return
        loader = current.loader()
        share = 1.0
        if current.shortened and loader is not None and current.given:
            try:
                share = len(loader) / current.given
            except TypeError:
                self.plans.clear()  # nobody knows how long it would have been
        for plan in self.plans.values():
            # One step in a whole walk is one for each epoch, however long that is.
            plan.done += plan.in_pass * share if plan.in_pass > 1 else plan.in_pass
            plan.in_pass = 0

    def ended(self) -> None:
        if not self.world.whole:
            return
        for plan in self.plans.values():
            schedule = plan.ref()
            real = round(plan.done + plan.in_pass)
            if schedule is None or real < 2 or real >= HALF * schedule.total_steps:
                continue
            self.world.report(
                "O110",
                "error" if real < TENTH * schedule.total_steps else "warning",
                type(schedule).__name__,
                f"it is planned for {schedule.total_steps} steps and the program takes {real}: the "
                "learning rate never comes to its end",
                "give it epochs × steps of one epoch: epochs * len(train_loader), and step it "
                "after each batch",
                line_of_keyword(plan.place, ("total_steps", "epochs", "steps_per_epoch")),
            )
