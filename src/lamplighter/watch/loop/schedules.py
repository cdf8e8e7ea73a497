"""Learning-rate schedules against epochs and steps: O108, O109."""

from __future__ import annotations

import copy
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from lamplighter.checks.schedules import epoch_schedule_per_batch
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

# each change is a factor, `gamma`
FALLING = (lr_scheduler.StepLR, lr_scheduler.MultiStepLR, lr_scheduler.ExponentialLR)
MANY = 50  # steps in which a schedule of a program without loaders has had its chance
LONGEST = 20_000  # batches of an epoch that are played through


@dataclass(eq=False, slots=True)
class SeenSchedule:
    """A schedule, where it was built, and how often it stepped in the present walk."""

    ref: weakref.ref[Any]
    place: Place | None
    steps: int = 0
    in_pass: int = 0
    step_place: Place | None = None
    told: bool = False


class Schedules(Watcher):
    """Counts the steps of each schedule against those of its optimizer."""

    codes = ("O108", "O109")

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: dict[int, SeenSchedule] = {}
        self.training_passes = 0
        self.walked = False

    def schedule_made(self, schedule: Any) -> None:
        known = self.seen.get(id(schedule))
        if known is None or known.ref() is not schedule:
            self.seen[id(schedule)] = SeenSchedule(weakref.ref(schedule), here())

    def scheduled(self, schedule: Any) -> None:
        self.schedule_made(schedule)
        mine = self.seen[id(schedule)]
        mine.steps += 1
        if mine.step_place is None:
            mine.step_place = here()
        if mine.steps == 1:
            self._before_any_step(mine, schedule)
        current = self.world.current()
        if current is None or current.number != 1 or current.steps < 3 or mine.told:
            return
        mine.in_pass += 1
        if mine.in_pass == 3:
            self._per_batch(mine, schedule, current)

    def pass_starts(self, current: Pass) -> None:
        self.walked = True

    def pass_ended(self, current: Pass) -> None:
        if current.steps:
            self.training_passes += 1
        for mine in self.seen.values():
            mine.in_pass = 0

    def ended(self) -> None:
        for mine in self.seen.values():
            schedule = mine.ref()
            optimizer = getattr(schedule, "optimizer", None)
            if optimizer is not None and mine.steps >= 2:
                self._look_for_another_optimizer(mine, schedule, optimizer)
            if mine.steps or optimizer is None:
                continue
            steps = self.world.owner_record(optimizer).steps
            # without a loader nobody counts epochs
            patient = self.training_passes < 2 and (self.walked or steps < MANY)
            if patient or not (self.world.whole or self.walked):
                continue
            if steps < 4 or self._is_inside_another(schedule):
                continue
            seen = f"{self.training_passes} epochs" if self.walked else f"{steps} steps"
            self.world.report(
                "O109",
                "warning",
                type(schedule).__name__,
                f"it was built, and its step() was not called in {seen}: "
                "the learning rate never changes",
                "call scheduler.step() once per epoch, after the optimizer's steps",
                mine.place,
            )

    def _look_for_another_optimizer(
        self, mine: SeenSchedule, schedule: Any, optimizer: torch.optim.Optimizer
    ) -> None:
        """The schedule of an optimizer that another one has replaced."""
        record = self.world.owner_record(optimizer)
        own = {id(p) for p in record.parameters()}
        for other in self.world.optimizers.values():
            if record.steps or not other.steps or not own & {id(p) for p in other.parameters()}:
                continue
            self.world.report(
                "O109",
                "error",
                type(schedule).__name__,
                f"it was stepped {mine.steps} times and sets the learning rate of the "
                f"{record.name} that it was built with, which never steps; the weights are moved "
                f"by {other.name}, whose rate does not change",
                "build the schedule with the optimizer that steps",
                mine.place,
            )
            return

    def _is_inside_another(self, schedule: Any) -> bool:
        for other in self.seen.values():
            inner = getattr(other.ref(), "_schedulers", None)
            if inner and any(one is schedule for one in inner):
                return True
        return False

    def _before_any_step(self, mine: SeenSchedule, schedule: Any) -> None:
        optimizer = getattr(schedule, "optimizer", None)
        # After a backward, a scaler may have skipped the optimizer's first step: no mistake.
        if optimizer is None or self.world.backwards or self.world.owner_record(optimizer).steps:
            return
        if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
            return
        self.world.report(
            "O109",
            "warning",
            type(schedule).__name__,
            "its step() comes before the optimizer's first step: the first learning rate is "
            "skipped and everything happens one epoch early",
            "call optimizer.step() first and scheduler.step() at the end of the epoch",
            mine.step_place,
        )

    def _per_batch(self, mine: SeenSchedule, schedule: Any, current: Pass) -> None:
        mine.told = True
        batches = length_of(current.loader())
        if not batches:
            return
        steps = min(LONGEST, batches * current.steps // max(1, current.given))
        place = mine.step_place
        name = type(schedule).__name__
        if isinstance(schedule, FALLING):
            factors = played_through(schedule, steps)
            self.world.adopt(epoch_schedule_per_batch(factors, steps, where=name), place)
        elif type(schedule) is lr_scheduler.CosineAnnealingLR and steps > 1.5 * schedule.T_max:
            self.world.report(
                "O108",
                "error",
                name,
                f"it is stepped after every batch with T_max={schedule.T_max}, but the first epoch "
                f"alone has {steps} steps: the learning rate swings up and down within an epoch",
                "call scheduler.step() once per epoch, or give T_max in batches",
                place,
            )


def played_through(schedule: Any, steps: int) -> list[float]:
    """Learning rate over its beginning for the next steps, on a copy that moves nothing.

    Args:
        schedule: a schedule that computes each rate from the one before or from its count.
        steps: how many steps to play.
    """
    start = schedule.base_lrs[0]
    double = copy.copy(schedule)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=start)
    optimizer.param_groups[0]["initial_lr"] = start
    double.optimizer = optimizer
    double.base_lrs = [start]
    if isinstance(schedule, lr_scheduler.LambdaLR):
        double.lr_lambdas = schedule.lr_lambdas[:1]
    # at its first step a schedule looks whether the optimizer's step is the one it has wrapped
    double.last_epoch, double._step_count = 0, 2
    factors = [1.0]
    for _ in range(steps):
        # Counting as if the optimizer had stepped keeps torch from warning about the order.
        optimizer._opt_called = True  # type: ignore[attr-defined]
        double.step()
        factors.append(optimizer.param_groups[0]["lr"] / start)
    return factors
