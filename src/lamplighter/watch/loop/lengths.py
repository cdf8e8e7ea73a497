"""Schedules against all the steps that the program takes: O108, O110."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.optim import lr_scheduler

from lamplighter.checks.optimizer import most_steps_hardly_move
from lamplighter.checks.snapshot import kept
from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.rates import only_computes
from lamplighter.watch.loop.schedules import FALLING, LONGEST, played_through
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_of_keyword

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

HALF = 0.5  # a program that stops early takes fewer steps, but seldom so few
TENTH = 0.1
FEWEST = 3  # batches of an epoch
ZERO = 1e-6  # of the highest factor: the end of a schedule
HARDLY = 0.7  # of it, where a schedule has hardly begun to fall
# what says in which unit a schedule counts
HORIZONS = {
    lr_scheduler.CosineAnnealingLR: "T_max",
    lr_scheduler.LinearLR: "total_iters",
    lr_scheduler.PolynomialLR: "total_iters",
}
FOLLOWED = (*FALLING, lr_scheduler.LambdaLR, *HORIZONS)


@dataclass(eq=False, slots=True)
class Planned:
    """A schedule; steps of walks that were cut short here are counted in full.

    Args:
        place: where it was built.
        stepped_at: where it was first stepped.
        done: its steps in the walks that are over.
        walks: how many those are.
        by_batch: of these, those in which it took a step for every one of the optimizer's.
        batches: of the newest walk, as many as the loader has; 0 where it does not say.
    """

    ref: weakref.ref[Any]
    place: Place | None
    stepped_at: Place | None = None
    done: float = 0.0
    in_pass: int = 0
    walks: int = 0
    by_batch: int = 0
    batches: int = 0


class Lengths(Watcher):
    """Counts the steps of each schedule to the end of the program."""

    codes = ("O108", "O110")

    def __init__(self, world: World) -> None:
        self.world = world
        self.plans: dict[int, Planned] = {}

    def schedule_made(self, schedule: Any) -> None:
        if isinstance(schedule, (lr_scheduler.OneCycleLR, *FOLLOWED)):
            self.plans[id(schedule)] = Planned(weakref.ref(schedule), here())

    def scheduled(self, schedule: Any) -> None:
        plan = self.plans.get(id(schedule))
        if plan is not None:
            plan.in_pass += 1
            plan.stepped_at = plan.stepped_at or here()

    def pass_ended(self, current: Pass) -> None:
        if not current.steps:
            return
        loader = current.loader()
        share, batches = 1.0, 0
        try:
            batches = len(loader) if loader is not None else 0
            if current.shortened and current.given and batches:
                share = batches / current.given
        except TypeError:
            if current.shortened:
                self.plans.clear()  # nobody knows how long it would have been
        for plan in self.plans.values():
            plan.walks += 1
            plan.batches = batches
            plan.by_batch += plan.in_pass == current.steps >= FEWEST
            # One step in a whole walk is one for each epoch, however long that is.
            plan.done += plan.in_pass * share if plan.in_pass > 1 else plan.in_pass
            plan.in_pass = 0

    def ended(self) -> None:
        if not self.world.whole:
            return
        for plan in self.plans.values():
            schedule = plan.ref()
            if schedule is None:
                continue
            real = round(plan.done + plan.in_pass)
            if isinstance(schedule, lr_scheduler.OneCycleLR):
                self._look_at_plan(plan, schedule, real)
            elif plan.by_batch >= 2 and not self.world.found("O108"):
                self._look_at_epochs(plan, schedule, real)
            elif real == plan.walks and type(schedule) in HORIZONS:
                self._look_at_batches(plan, schedule, real)
            elif real == plan.walks and isinstance(schedule, lr_scheduler.LambdaLR):
                self._look_at_end(plan, schedule, real)

    def _look_at_plan(self, plan: Planned, schedule: Any, real: int) -> None:
        if real < 2 or real >= HALF * schedule.total_steps:
            return
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

    def _look_at_batches(self, plan: Planned, schedule: Any, real: int) -> None:
        """A cosine or the like that was planned in batches and is stepped once in an epoch."""
        horizon = HORIZONS[type(schedule)]
        length = getattr(schedule, horizon)
        if plan.batches < FEWEST or real < 2 or length % plan.batches or real > TENTH * length:
            return
        self.world.report(
            "O110",
            "error" if length // plan.batches == plan.walks else "warning",
            type(schedule).__name__,
            f"{horizon}={length} is {length // plan.batches} epochs of {plan.batches} batches, and it "
            f"is stepped once in an epoch, {real} times in all: the learning rate hardly moves",
            f"give {horizon} in epochs, or call scheduler.step() after each batch",
            line_of_keyword(plan.place, (horizon,)),
        )

    def _look_at_end(self, plan: Planned, schedule: Any, real: int) -> None:
        """A function that comes to 0 at the last batch of all, and is asked once in an epoch."""
        total = plan.batches * real
        if plan.batches < FEWEST or real < 2 or total > LONGEST:
            return
        if not all(only_computes(function) for function in schedule.lr_lambdas):
            return
        with kept(()):
            factors = played_through(schedule, total)
        top = max(factors)
        # a decay without an end, as 0.95 ** epoch, is not much smaller at this step than before it
        ends = abs(factors[-1]) <= ZERO * top and factors[-2] > 10 * abs(factors[-1]) + ZERO**2
        if not ends or factors[real] < HARDLY * top:
            return
        self.world.report(
            "O110",
            "warning",
            "LambdaLR",
            f"its function comes to 0 after {total} steps, which are all batches of the {real} "
            f"epochs, and it is stepped once in an epoch: the rate ends at {factors[real] / top:.0%}",
            "call scheduler.step() after each batch, or let the function count epochs",
            plan.stepped_at or plan.place,
        )

    def _look_at_epochs(self, plan: Planned, schedule: Any, real: int) -> None:
        """A schedule that is stepped with every batch and counts as if these were epochs."""
        name = type(schedule).__name__
        if isinstance(schedule, lr_scheduler.CosineAnnealingLR):
            whole_epochs = real % plan.walks == 0 and schedule.T_max % (real // plan.walks) == 0
            if schedule.T_max == plan.walks and real > 1.5 * schedule.T_max and not whole_epochs:
                self.world.report(
                    "O108",
                    "error",
                    name,
                    f"T_max={schedule.T_max} is the number of epochs, and it is stepped after every "
                    f"batch, {real} times: the learning rate swings up and down",
                    "call scheduler.step() once per epoch, or give T_max in batches",
                    plan.stepped_at,
                )
            return
        if isinstance(schedule, lr_scheduler.LinearLR | lr_scheduler.PolynomialLR):
            return  # over after its length, which a warm-up in batches wants
        last = max(getattr(schedule, "milestones", None) or [LONGEST])
        if last <= plan.walks and real >= 3 * last:
            self.world.report(
                "O108",
                "error",
                name,
                f"its milestones, the last of which is {last}, are epochs of the {plan.walks} that "
                f"there are, and it is stepped after every batch, {real} times: all of them are "
                "over early",
                "call scheduler.step() once per epoch, outside the loop over batches",
                plan.stepped_at,
            )
            return
        if isinstance(schedule, lr_scheduler.LambdaLR) and not all(
            only_computes(function) for function in schedule.lr_lambdas
        ):
            return
        with kept(()):
            factors = played_through(schedule, min(real, LONGEST))
        self.world.adopt(most_steps_hardly_move(factors, where=name), plan.stepped_at)
