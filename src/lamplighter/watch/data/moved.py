"""Targets that lie beside the inputs of another row, looked for before the first step: Y101."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from lamplighter.checks.moved_apart import explained_by, targets_moved
from lamplighter.watch.data.arrays import companion_of
from lamplighter.watch.data.comparisons import place_in_data
from lamplighter.watch.data.rows import rows_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.pointing import pointed_from_call

if TYPE_CHECKING:
    import torch

    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.source.place import Place
    from lamplighter.watch.world import World


class Moved(Watcher):
    """Reads what the first step is taken on, in the order in which it is stored."""

    codes = ("Y101",)

    def __init__(self, world: World) -> None:
        self.world = world

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.world.steps:
            return
        current, comparisons = self.world.current(), self.world.comparisons
        mine = self.world.walked.get(id(current.loader())) if current is not None else None
        if mine is not None and comparisons is not None:
            self._look(
                _of_loader(mine, comparisons.rows.get(id(mine))), place_in_data("Y101", mine)
            )
        feeds = self.world.feeds
        given = feeds.fed_now() if feeds is not None else None
        if given is None or given.targets is None:
            return
        sight = self.world.in_sight()
        origin = sight.origin_of(given.inputs)
        whole = companion_of(origin, given.targets, sight.arrays) if origin is not None else None
        if origin is not None and whole is not None:
            line = pointed_from_call("Y101", given.place, given.loss_place) or given.place
            self._look(iter([(origin.array.values, whole)]), line)

    def _look(self, readings: Iterator[tuple[Tensor, Tensor]], place: Place | None) -> None:
        """Tells it of the first reading that shows it; the next is asked for only if none does."""
        for inputs, targets in readings:
            told = list(targets_moved(inputs, targets))
            if told:
                self.world.adopt(told, place)
                self.world.told.add(("Y101", "labels"))  # less is known of it elsewhere
                return


def _of_loader(mine: SeenLoader, known: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets of a loader's data set in its order, then of the set it is a part of."""
    rows = known[1] if known is not None else None
    if rows is None or not rows.pair or rows.inputs is None or rows.targets is None:
        return
    dataset: Any = getattr(mine.ref(), "dataset", None)
    if rows.complete:
        yield rows.inputs, rows.targets
    if not isinstance(dataset, Subset) and (rows.complete or type(dataset) is not TensorDataset):
        return
    if explained_by(rows.inputs, rows.targets):
        return
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    if type(dataset) is TensorDataset and len(dataset.tensors) == 2:
        yield dataset.tensors[0], dataset.tensors[1]
        return
    base = rows_of(dataset)
    if base.complete and base.pair and base.inputs is not None and base.targets is not None:
        yield base.inputs, base.targets
