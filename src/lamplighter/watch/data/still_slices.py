"""A slice that a program means to move along its data and that stays where it is: D109."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lamplighter.checks.loading import slice_that_stays
from lamplighter.checks.splits import fingerprints
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.lineage import lineage_of_call
from lamplighter.watch.source.place import Place

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FEWEST = 20  # steps on the same samples
ROOM = 4  # times as many rows has the array, at least
MOST = 2**17  # rows of it


class StillSlices(Watcher):
    """Follows the first batch that is cut out of an array between two names."""

    codes = ("D109",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.batch: Tensor | None = None
        self.steps = self.rows = self.run = self.moves = 0
        self.name = ""
        self.place: Place | None = None
        self.unused: set[bytes] = set()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        feeds = self.world.feeds
        given = feeds.fed_now() if feeds is not None else None
        if not self.world.steps and given is not None and given.place is not None:
            line = _line_that_cuts(given.place)
            origin = self.world.in_sight().origin_of(given.inputs) if line is not None else None
            if origin is not None and origin.in_a_row:
                values = origin.array.values
                if ROOM * len(given.inputs) <= len(values) <= MOST:
                    self.batch, self.place = given.inputs.clone(), line
                    self.name, self.rows = origin.array.name, len(values)
                    shaped = origin.array.shaped(given.inputs)
                    rest = values if shaped is None else shaped
                    self.unused = set(fingerprints(rest)) - set(fingerprints(given.inputs))
        if self.batch is None:
            return
        if given is None or not torch.equal(given.inputs, self.batch):
            if given is None or not self._creeps(given.inputs):
                self.batch = None
                return
            self.unused -= set(fingerprints(given.inputs))
            self.batch, self.run = given.inputs.clone(), 0
            self.moves += 1
        self.run += 1
        self.steps += 1

    def _creeps(self, batch: Tensor) -> bool:
        """Whether the slice stayed for as long as a walk over all rows takes, and then moved by a few."""
        if self.batch is None or self.run * len(self.batch) < self.rows // 2:
            return False
        return bool(set(fingerprints(batch)) & set(fingerprints(self.batch)))

    def ended(self) -> None:
        if self.batch is None or self.steps < FEWEST or self.world.feeds is None:
            return
        for one in self.world.feeds.evaluated.values():
            self.unused -= set(one.samples.prints)
        if len(self.unused) > self.rows // 2:
            steps = self.steps // (self.moves + 1)
            told = slice_that_stays(len(self.batch), steps, self.rows, where=f"`{self.name}`")
            self.world.adopt(told, self.place)


def _line_that_cuts(place: Place) -> Place | None:
    """The statement on a batch's way to its network that takes it from one name to another."""
    for link in lineage_of_call(place, None).inputs:
        for node in link.nodes():
            if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
                continue
            if isinstance(node.slice.lower, ast.Name) and node.slice.upper is not None:
                return Place(place.file, link.line)
    return None
