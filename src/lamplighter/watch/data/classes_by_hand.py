"""Classes that are evaluated and were never trained on, where no loader gives the samples: Y103."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lamplighter.checks.labels import unknown_classes
from lamplighter.checks.splits import fingerprints
from lamplighter.watch.data.arrays import arrays_in_sight, companion_of, origin_of
from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.data.feeds import Evaluated
    from lamplighter.watch.world import World

MOST_ROWS = 20_000
FEWEST = 32  # samples on either side


class ClassesByHand(Watcher):
    """Knows the class of every row of the array that the first batch is a part of."""

    codes = ("Y103",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.labels: dict[bytes, int] = {}

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        feeds = self.world.feeds
        given = feeds.fed_now() if feeds is not None and not self.world.steps else None
        if given is None or given.targets is None or given.targets.is_floating_point():
            return
        arrays = arrays_in_sight()
        origin = origin_of(given.inputs, arrays)
        whole = companion_of(origin, given.targets, arrays) if origin is not None else None
        if origin is None or whole is None or whole.dim() != 1 or len(whole) > MOST_ROWS:
            return
        inputs = origin.array.shaped(given.inputs)
        if inputs is not None and not whole.is_floating_point():
            self.labels = dict(zip(fingerprints(inputs), whole.tolist(), strict=True))

    def ended(self) -> None:
        feeds = self.world.feeds
        if not self.labels or feeds is None or self.world.classes < 2:
            return
        for one in feeds.evaluations():
            known = feeds.trained.get(id(one.record))
            if known is not None and not known[1].full and not self.world.found("Y103"):
                self._judge(one, list(known[1].prints))

    def _judge(self, one: Evaluated, trained: list[bytes]) -> None:
        seen = set(trained)
        there = [p for p in one.samples.prints if p not in seen]
        mine, theirs = ([self.labels[p] for p in ps if p in self.labels] for ps in (trained, there))
        if min(len(mine), len(theirs)) < FEWEST or max(theirs) >= self.world.classes:
            return
        if len(set(mine)) <= len(mine) // 4:
            self.world.adopt(
                unknown_classes(mine, theirs, where="what is evaluated"), one.samples.place
            )
