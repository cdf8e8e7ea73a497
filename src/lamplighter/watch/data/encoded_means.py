"""Columns that are the mean target of a category, over what is held out as well: S107."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lamplighter.checks.encoded import smoothed_means_of_all
from lamplighter.watch.data.arrays import Array, companion_of, origin_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place
from lamplighter.watch.source.pointing import pointed

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FEWEST = 64  # rows


class EncodedMeans(Watcher):
    """Keeps the program's arrays and looks in them for categories and targets of all rows."""

    codes = ("S107",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.arrays: list[Array] = []
        self.looked = False

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if not self.looked:
            self.looked = True
            arrays = self.world.in_sight().arrays
            if any(_is_of_categories(a.values) for a in arrays):
                self.arrays = arrays

    def ended(self) -> None:
        comparisons, feeds = self.world.comparisons, self.world.feeds
        if not self.arrays or comparisons is None or feeds is None or self.world.found("S107"):
            return
        held_out = [
            (id(one.record), samples)
            for one in feeds.evaluations()
            if (samples := one.samples.inputs()) is not None and len(samples) >= FEWEST
        ]
        for mine, rows in comparisons.trained():
            inputs, targets = rows.numbers, rows.targets
            if inputs is None or targets is None or not rows.complete:
                continue
            if inputs.dim() != 2 or targets.numel() != len(inputs):
                continue
            lives = {life[0] for life in mine.lives}
            for record, others in held_out:
                if record in lives and others.shape[1:] == inputs.shape[1:]:
                    self._look(inputs, targets.reshape(-1), others, mine.place)

    def _look(self, inputs: Tensor, targets: Tensor, others: Tensor, place: Place | None) -> None:
        theirs = self._targets_of(inputs, targets, others)
        if theirs is None or self.world.found("S107"):
            return
        mine = targets.detach().float()
        for whole, categories in _tables(self.arrays):
            at, there = _places(whole, mine), _places(whole, theirs)
            if at is None or there is None:
                continue
            told = smoothed_means_of_all(inputs, categories, whole, at, there)
            finding = next(told, None)
            if finding is not None:
                self.world.adopt([finding], pointed("S107", place) or place)
                return

    def _targets_of(self, inputs: Tensor, targets: Tensor, others: Tensor) -> Tensor | None:
        """The targets of held-out samples: they lie beside these as those of train do."""
        known = origin_of(inputs, self.arrays)
        for array in self.arrays:
            origin = origin_of(others, [array])
            trained = origin_of(inputs, [array])
            if origin is None or trained is None or known is None:
                continue
            whole = companion_of(trained, targets, self.arrays)
            if whole is not None and whole.is_floating_point():
                return whole.reshape(-1)[origin.indices].float()
        return None


def _is_of_categories(values: Tensor) -> bool:
    plain = values.dim() == 1 and not values.is_floating_point() and values.dtype != torch.bool
    return plain and len(values) >= FEWEST and 8 <= len(values.unique()) < len(values)


def _tables(arrays: list[Array]) -> Iterator[tuple[Tensor, Tensor]]:
    """Targets and categories that lie side by side."""
    for one in arrays:
        values = one.values
        if not values.is_floating_point() or values.dim() != 1 or len(values) < FEWEST:
            continue
        if len(values.unique()) < len(values) // 2:
            continue
        for other in arrays:
            if len(other.values) == len(values) and _is_of_categories(other.values):
                yield values, other.values


def _places(whole: Tensor, some: Tensor) -> Tensor | None:
    """At which rows of an array these numbers stand, or None where one is missing or twice there."""
    values, order = torch.sort(whole.float())
    at = torch.searchsorted(values, some.contiguous()).clamp(max=len(values) - 1)
    if not bool((values[at] == some).all()) or bool((values[1:] == values[:-1]).any()):
        return None
    return order[at]
