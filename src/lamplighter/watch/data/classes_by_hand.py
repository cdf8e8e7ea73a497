"""Classes that are evaluated and were never trained on, where no loader gives the samples: Y103."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lamplighter.checks.labels import unknown_classes
from lamplighter.checks.splits import fingerprints
from lamplighter.watch.data.arrays import Array, companion_of
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
        sight = self.world.in_sight()
        origin, arrays = sight.origin_of(given.inputs), sight.arrays
        whole = companion_of(origin, given.targets, arrays) if origin is not None else None
        if origin is None or whole is None or whole.dim() != 1 or len(whole) > MOST_ROWS:
            return
        self._learn(origin.array, whole, given.inputs)
        for array in arrays if self.labels else ():
            if array is not origin.array and array.shaped(given.inputs) is not None:
                self._learn(array, _only_classes_for(array, arrays), given.inputs)

    def _learn(self, array: Array, classes: torch.Tensor | None, like: torch.Tensor) -> None:
        """Notes the classes of an array's rows; what is known of a row already stays."""
        if classes is None or classes.is_floating_point() or len(array.values) > MOST_ROWS:
            return
        inputs = array.shaped(like)
        if inputs is not None:
            known = dict(zip(fingerprints(inputs), classes.tolist(), strict=True))
            self.labels = known | self.labels

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


def _only_classes_for(array: Array, arrays: list[Array]) -> torch.Tensor | None:
    """The row of whole numbers that is as long as an array, if there is one such row alone."""
    rows = [a.values for a in arrays if a.values.dim() == 1 and len(a.values) == len(array.values)]
    whole = [row for row in rows if not row.is_floating_point() and row.dtype != torch.bool]
    return whole[0] if whole and all(torch.equal(row, whole[0]) for row in whole) else None
