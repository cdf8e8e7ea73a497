"""Schedules against all the steps that the program takes: O108, O110."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.optim import lr_scheduler

from lamplighter.checks.schedules import most_steps_hardly_move
from lamplighter.checks.snapshot import kept
from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.schedules import FALLING, LONGEST, played_through
from lamplighter.watch.source.computing import only_computes
from lamplighter.watch.source.place import Place, here, tree_of
from lamplighter.watch.source.statements import line_of_keyword

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

HALF = 0.5  # a program that stops early takes fewer steps, but seldom so few
TENTH = 0.1
MANY = 20  # steps of a schedule that are no mere trial
FEWEST = 3  # batches of an epoch
ZERO = 1e-6  # of the highest factor: the end of a schedule
HARDLY = 0.7  # of it, where a schedule has hardly begun to fall
FAR = 1024  # times the steps of the program: how far the end of a function is looked for
SLOW = 0.1  # of the highest factor: the last step of a function that comes to its end by degrees
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
        every: backward passes for a step, where a walk had several.
        unsure: a walk that was cut short here had one step of several batches, and `every` was not
            known: nobody knows how many steps would have come.
    """

    ref: weakref.ref[Any]
    place: Place | None
    stepped_at: Place | None = None
    done: float = 0.0
    in_pass: int = 0
    walks: int = 0
    by_batch: int = 0
    batches: int = 0
    every: int = 0
    unsure: bool = False


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
            plan.done += self._steps_of(plan, current, share)
            plan.in_pass = 0

    def _steps_of(self, plan: Planned, current: Pass, share: float) -> float:
        """Steps that a schedule takes in a walk, had that not been cut short here."""
        if current.steps > 1:
            plan.every = round(current.backwards / current.steps)
        if plan.in_pass > 1:
            return plan.in_pass * share
        if current.shortened and plan.in_pass == current.steps < current.given:
            plan.unsure |= not plan.every
            return plan.batches / max(1, plan.every)
        return plan.in_pass  # one step in a whole walk is one for each epoch, however long that is

    def ended(self) -> None:
        if not self.world.whole:
            return
        for plan in self.plans.values():
            schedule = plan.ref()
            if schedule is None or plan.unsure:
                continue
            real = round(plan.done + plan.in_pass)
            if isinstance(schedule, lr_scheduler.OneCycleLR):
                self._look_at_plan(plan, schedule, real)
            elif self._is_too_long(plan, schedule, real):
                continue
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

    def _is_too_long(self, plan: Planned, schedule: Any, real: int) -> bool:
        """A schedule that is stepped as often as its optimizer, and comes nowhere near its end."""
        steps = self.world.owner_record(schedule.optimizer).steps
        by_step = plan.by_batch >= 2 or (not plan.walks and plan.in_pass > HALF * steps)
        if not by_step or real < MANY or _may_stop_early(plan.stepped_at):
            return False
        horizon = HORIZONS.get(type(schedule))
        length = getattr(schedule, horizon) if horizon else None
        if isinstance(schedule, lr_scheduler.LambdaLR) and only_computes(schedule.lr_lambdas[0]):
            with kept(()):
                length = end_of(schedule.lr_lambdas[0], real)
        if length is None or real >= HALF * length:
            return False
        self.world.report(
            "O110",
            "warning",
            type(schedule).__name__,
            f"it comes to its end after {length} steps and the program takes {real}: the learning "
            "rate goes only a part of its way",
            "count the steps of the optimizer: epochs * len(train_loader), through the batches that "
            "are gathered for one step",
            line_of_keyword(plan.place, (horizon,)) if horizon else plan.place,
        )
        return True

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


def end_of(function: Callable[[int], float], steps: int) -> int | None:
    """The step from which a function stays what it is, where it comes to that by degrees; else None.

    What falls for ever, as 0.95 ** step, is nothing any more long before it stays so; what falls at
    once, as at a milestone, has no length.

    Args:
        function: step → factor.
        steps: of the program; the end is looked for among so many times as many.
    """
    try:
        far = FAR * steps
        last = function(far)
        if function(2 * far) != last or function(steps) == last:
            return None
        low, high = steps, far  # not there yet, there
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if function(middle) == last else (middle, high)
        if any(function(high + step) != last for step in (1, 7, steps // 3)):
            return None  # it comes back
        top = max(abs(function(step)) for step in (0, 1, steps, steps // 2, low))
        before, earlier = abs(function(low) - last), abs(function(int(0.9 * high)) - last)
    except (ArithmeticError, ValueError, TypeError, IndexError, KeyError):
        return None
    return high if before < SLOW * top and earlier > ZERO * top else None


def _may_stop_early(stepped: Place | None) -> bool:
    """Whether a file leaves a loop before its end, as early stopping does."""
    tree = tree_of(stepped.file) if stepped is not None else None
    return tree is None or any(isinstance(node, ast.Break) for node in ast.walk(tree))
