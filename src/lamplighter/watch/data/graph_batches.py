"""Graphs that are joined into one: M104."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batches import is_dense
from lamplighter.checks.graphs import edges_of_first_graphs, is_owner
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import here
from lamplighter.watch.source.samples_made import line_of_collated

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 8  # calls that are read
SURE = 3  # of them must show it, and none the contrary


class GraphBatches(Watcher):
    """Compares the edges that a network is given with the graphs of its nodes."""

    codes = ("M104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = self.hits = 0
        self.parts: list[Any] | tuple[Any, ...] = ()  # of the newest batch

    def batch_given(self, current: Any, batch: Any) -> None:
        self.parts = batch if isinstance(batch, list | tuple) else ()

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        if self.looks >= LOOKS:
            return
        whole = [t for t in shallow((*args, *kwargs.values())) if t.dtype == torch.int64]
        pairs = [t for t in whole if t.dim() == 2 and 2 in t.shape]
        owner = next((t for t in whole if is_owner(t)), None)
        if owner is None or not pairs:
            return
        self.looks += 1
        for finding in edges_of_first_graphs(pairs[0], owner):
            self.hits += 1
            if self.hits == SURE == self.looks:
                self.world.adopt([finding], self._where_joined(pairs[0]) or here())

    def _where_joined(self, edges: Tensor) -> Any:
        loader, shape = self.world.loader(), edges.shape
        known = [t.shape if isinstance(t, Tensor) and is_dense(t) else None for t in self.parts]
        if loader is None or shape not in known:
            return None
        return line_of_collated(loader.collate_fn, known.index(shape))
