"""Schedules that set the rate of an optimizer other than the one they are meant for: O109."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from lamplighter.checks.schedules import made_again, optimizer_replaced, two_of_one_kind
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import SeenOptimizer, World

SURE = 2  # steps of a schedule that must show the same
MADE = 3  # schedules at one line, each of which begins again
MOST = 64  # schedules that are followed


@dataclass(eq=False, slots=True)
class Owned:
    """A schedule and its optimizer.

    Args:
        ref: weak, as is the optimizer.
        settings: what it was built with.
        place: where it was built.
        steps: its own.
        moved: steps of its optimizer when it stepped last.
        others: steps of those that move the same weights, at that time.
        idle: how often in a row it then stepped for an optimizer that had not stepped since.
        rates: of its optimizer when it was built.
    """

    ref: weakref.ref[Any]
    optimizer: weakref.ref[torch.optim.Optimizer]
    settings: dict[str, Any]
    place: Place | None
    steps: int = 0
    moved: int = 0
    others: int = 0
    idle: int = 0
    rates: list[float] = field(default_factory=list)


class ScheduleOwners(Watcher):
    """Holds the steps of each schedule against those of the optimizer that it was built with."""

    codes = ("O109",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.owned: list[Owned] = []
        self.changed: set[int] = set()  # optimizers whose rate a schedule has changed

    def schedule_made(self, schedule: Any) -> None:
        optimizer = getattr(schedule, "optimizer", None)
        new = not any(one.ref() is schedule for one in self.owned)
        if isinstance(optimizer, torch.optim.Optimizer) and new and len(self.owned) < MOST:
            refs = weakref.ref(schedule), weakref.ref(optimizer)
            self.owned.append(Owned(*refs, _settings(schedule), here(), rates=_rates(optimizer)))

    def scheduled(self, schedule: Any) -> None:
        one = next((o for o in self.owned if o.ref() is schedule), None)
        optimizer = one.optimizer() if one is not None else None
        if one is None or optimizer is None:
            return
        one.steps += 1
        if _rates(optimizer) != one.rates:
            self.changed.add(id(optimizer))
        moved = self.world.owner_record(optimizer).steps
        if moved != one.moved:
            one.moved, one.idle, one.others = moved, 0, self.world.steps
        elif self.world.steps > one.others:
            rivals = [r for r in self._movers_of_the_same(optimizer) if r.steps]
            one.idle = one.idle + 1 if rivals and moved else 0
            one.others = self.world.steps

    def _movers_of_the_same(self, optimizer: torch.optim.Optimizer) -> Iterator[SeenOptimizer]:
        """Other optimizers that hold some of its weights."""
        own = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for record in self.world.optimizers.values():
            if record.ref() is not optimizer and own & {id(p) for p in record.parameters()}:
                yield record

    def ended(self) -> None:
        for number, one in enumerate(self.owned):
            schedule, optimizer = one.ref(), one.optimizer()
            if self.world.found("O109"):
                return
            if optimizer is None:
                continue
            kind = type(schedule).__name__ if schedule is not None else "schedule"
            if one.idle >= SURE:
                self._look_for_a_successor(one, optimizer, kind)
            if schedule is not None and one.steps >= SURE:
                self._look_for_its_double(one, self.owned[number + 1 :], optimizer, kind)
        self._look_for_restarts()

    def _look_for_a_successor(self, one: Owned, optimizer: Any, kind: str) -> None:
        """An optimizer that took over the weights, and has no schedule of its own."""
        for rival in self._movers_of_the_same(optimizer):
            if rival.steps and not self._has_schedule(rival.ref()):
                told = optimizer_replaced(kind, type(optimizer).__name__, rival.name, one.idle)
                self.world.adopt(told, rival.place or one.place)
                return

    def _look_for_its_double(
        self, one: Owned, later: list[Owned], optimizer: Any, kind: str
    ) -> None:
        """The same schedule once more, while another optimizer of this kind goes without."""
        doubles = [
            o
            for o in later
            if o.optimizer() is optimizer and o.steps == one.steps and o.settings == one.settings
        ]
        without = [
            r
            for r in self.world.optimizers.values()
            if r.steps and type(r.ref()) is type(optimizer) and not self._has_schedule(r.ref())
        ]
        if doubles and without:
            told = two_of_one_kind(kind, type(optimizer).__name__, one.steps)
            self.world.adopt(told, doubles[0].place)

    def _has_schedule(self, optimizer: Any) -> bool:
        return any(o.optimizer() is optimizer for o in self.owned)

    def _look_for_restarts(self) -> None:
        """Schedules made at one line for one optimizer, none of which has come to its first change."""
        groups: dict[tuple[int, Place | None], list[Owned]] = {}
        for one in self.owned:
            optimizer = one.optimizer()
            if optimizer is not None and one.steps and id(optimizer) not in self.changed:
                groups.setdefault((id(optimizer), one.place), []).append(one)
        for (_, place), several in groups.items():
            same = all(o.settings == several[0].settings for o in several)
            if len(several) >= MADE and same and not self.world.found("O109"):
                kind = several[0].settings["kind"]
                if kind is not lr_scheduler.ReduceLROnPlateau:
                    told = made_again(kind.__name__, len(several), several[0].steps)
                    self.world.adopt(told, place)


def _settings(schedule: Any) -> dict[str, Any]:
    """What tells schedules of one kind apart, and not how far they are."""
    kept = {k: v for k, v in vars(schedule).items() if isinstance(v, int | float | str | bool)}
    counts = {k: v for k, v in kept.items() if not k.startswith("_") and k != "last_epoch"}
    milestones = getattr(schedule, "milestones", None)
    return counts | {"kind": type(schedule), "milestones": str(milestones)}


def _rates(optimizer: torch.optim.Optimizer) -> list[float]:
    """The rates; nan, which equals nothing, for one whose reading would cost a wait."""
    rates = [group["lr"] for group in optimizer.param_groups]
    return [math.nan if isinstance(rate, torch.Tensor) else float(rate) for rate in rates]
