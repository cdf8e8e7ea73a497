"""Class names beside class numbers, wherever the program keeps the two: Y104."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.labels import class_numbers_differ
from lamplighter.checks.numbering import numbering, tables_differ, tables_within
from lamplighter.watch.data.comparisons import place_in_data
from lamplighter.watch.data.name_lists import names_in, whole_numbers_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.pointing import pointed_from_name
from lamplighter.watch.source.roles import likely_role
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.data.rows import Rows
    from lamplighter.watch.world import World

LOOKS = 6  # at the program's variables
MOST_LISTS = 64


@dataclass(eq=False)
class Column:
    """What the program keeps for each sample, as names or as numbers."""

    name: str
    values: list[Any]


class NamesSeen(Watcher):
    """Gathers lists of names and of numbers, and lays those of equal length side by side."""

    codes = ("Y104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.names: list[Column] = []
        self.numbers: list[Column] = []
        self.known: dict[int, Any] = {}  # kept, so that an id stays its object's own
        self.looks = 0
        self.tables: dict[int, dict[str, dict[str, int]]] = {}

    def pass_starts(self, current: Pass) -> None:
        loader = current.loader()
        mine = self.world.walked.get(id(loader))
        if loader is None or mine is None or current.number > 1 or self.world.comparisons is None:
            return
        if id(mine) in self.world.comparisons.rows:
            self.tables[id(mine)] = tables_within(loader.dataset)
            self._look()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if not self.world.steps:
            self._look()

    def text_written(self, text: str) -> None:
        if self.world.steps and self.looks < LOOKS:
            self._look()

    def _look(self) -> None:
        if self.looks >= LOOKS:
            return
        self.looks += 1
        for name, thing in things_in_sight(dotted=True):
            if id(thing) in self.known:
                continue
            for names in names_in(thing) if len(self.names) < MOST_LISTS else ():
                self.names.append(Column(name, names))
                self.known[id(thing)] = thing
            numbers = whole_numbers_in(thing) if len(self.numbers) < MOST_LISTS else None
            if numbers is not None:
                self.numbers.append(Column(name, numbers))
                self.known[id(thing)] = thing

    def ended(self) -> None:
        comparisons = self.world.comparisons
        if self.world.found("Y104") or comparisons is None:
            return
        for mine, rows in comparisons.tested():
            for other, theirs in comparisons.trained():
                if mine.meets(other) and self._differ(other, theirs, mine, rows):
                    return
        self._by_hand()

    def _differ(self, train: SeenLoader, theirs: Rows, mine: SeenLoader, rows: Rows) -> bool:
        one, other = (self.tables.get(id(m), {}) for m in (train, mine))
        found = list(tables_differ(one, other, mine.name))
        if not found and theirs.labels and rows.labels:
            found = list(self._conflict(theirs.labels, rows.labels, mine.name))
        self.world.adopt(found, place_in_data("Y104", mine))
        return bool(found)

    def _conflict(self, train: list[int], held_out: list[int], where: str) -> Iterator[Any]:
        for one in self._numberings(train):
            for other in self._numberings(held_out):
                told = list(class_numbers_differ(one, other, where=where))
                # a name of each that stands for the other's number is no accident
                if told and len(set(one) & set(other)) >= 2:
                    yield from told
                    return

    def _numberings(self, numbers: list[int]) -> Iterator[dict[str, int]]:
        encoded = self.world.numbered.known if self.world.numbered is not None else []
        yield from (one.table for one in encoded if one.is_of(numbers))
        for column in self.names:
            read = numbering(column.values, numbers)
            if read is not None:
                yield read

    def _by_hand(self) -> None:
        """Class numbers that no loader gave: those of training, and those of a held-out part."""
        feeds = self.world.feeds
        if feeds is None:
            return
        sizes = {len(one.samples.prints) for one in feeds.evaluated.values()}
        for _, gathered in feeds.trained.values():
            answers = gathered.answers()
            if answers is None or answers.dim() != 1 or answers.is_floating_point():
                continue
            known = set(answers.tolist())
            count = len(gathered.prints)
            mine = [c for c in self.numbers if len(c.values) == count]
            mine = [c for c in mine if set(c.values) == known]
            for column in mine:
                for other in self.numbers:
                    held_out = likely_role([other.name], None) == "evaluation"
                    if other is column or not (held_out or len(other.values) in sizes):
                        continue
                    told = list(self._conflict(column.values, other.values, f"`{other.name}`"))
                    if told:
                        line = pointed_from_name("Y104", other.name, gathered.place)
                        self.world.adopt(told, line or gathered.place)
                        return
