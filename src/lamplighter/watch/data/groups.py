"""Columns that say which patient, speaker or film a row is of, and splits across them: S105."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from lamplighter.checks.groups import group_on_both_sides
from lamplighter.watch.data.arrays import FEWEST, prints_of, table_of
from lamplighter.watch.data.name_lists import MOST_SAMPLES, whole_numbers_in
from lamplighter.watch.data.sides import Side, evaluated, trained_on
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.pointing import pointed, pointed_from_call
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

# a fine class within a coarse one looks just the same: only its name tells a group from it
GROUP = re.compile(
    r"(^|[_.\W])(p|s|u|g)?("
    r"patient|subject|person|participant|speaker|user|customer|client|author|writer|driver|donor|"
    r"animal|mouse|rat|group|session|recording|video|clip|film|movie|scene|slide|specimen|case|study|"
    r"scan|exam|visit|household|family|hospital|site|station|well|plot|machine|engine|device|unit|"
    r"source|document|doc|article|song|track|id|owner|player|worker|house|building|farm|ship|"
    r"vehicle|runner|child|student|teacher|school|bird|whale|tree|cell_line|volunteer|rider"
    r")(s|_?ids?|_?nrs?|_?nums?|_?numbers?)?([_\W\d]|$)",
    re.I,
)
IN_FILES = re.compile(
    r"(^|[_\-. ])((patient|pat|subject|subj|sub|person|speaker|spk|case|session|study|scan|slide|scene|"
    r"video|vid|clip|movie|animal|mouse|donor|user|writer)[_\-]?\d+)(?!\d)",
    re.I,
)
MOST_COLUMNS = 12
MOST_INDICES = 8
COVERED = 0.95  # of the rows of a set have a known group


@dataclass(eq=False)
class Column:
    """One column of groups: the program's name for it, and the group of each row."""

    name: str
    groups: list[Hashable]


class Groups(Watcher):
    """Looks for such columns before the first step, and for their rows on both sides in the end."""

    codes = ("S105",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.columns: list[Column] = []
        self.known: list[tuple[str, dict[bytes, Hashable]]] = []
        self.before: dict[bytes, bytes] = {}
        self.looked = False

    def scaled_rows(self, scaler: Any, rows: Any, result: Any) -> None:
        if self.world.steps or len(self.before) >= MOST_SAMPLES:
            return
        before, after = table_of(rows), table_of(result)
        if before is not None and after is not None and len(before) == len(after) <= MOST_SAMPLES:
            self.before |= dict(zip(prints_of(after), prints_of(before), strict=True))

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.looked:
            return
        self.looked = True
        indices: list[list[int]] = []
        for name, thing in things_in_sight(dotted=True):
            if len(self.columns) < MOST_COLUMNS:
                self.columns += columns_of(name, thing)
            if len(indices) < MOST_INDICES and (index := _index(thing)) is not None:
                indices.append(index)
        if not self.columns:
            return
        for column in list(self.columns):
            size = len(column.groups)
            for index in indices:
                if len(index) < size and max(index) < size:
                    self.columns.append(Column(column.name, [column.groups[i] for i in index]))
        for array in self.world.in_sight().arrays:
            if array.values.dim() < 2 or not array.values.is_floating_point():
                continue
            mine = [c for c in self.columns if len(c.groups) == len(array.values)]
            prints = prints_of(array.values) if mine else []
            for column in mine:
                self.known.append((column.name, dict(zip(prints, column.groups, strict=True))))

    def ended(self) -> None:
        if not self.columns or self.world.found("S101") or self.world.found("S104"):
            return
        held_out = [side for side in evaluated(self.world) if _is_usable(side)]
        for train in trained_on(self.world):
            for other in held_out if _is_usable(train) else ():
                if train.records & other.records and self._judge(train, other):
                    return

    def _judge(self, train: Side, other: Side) -> bool:
        seen, theirs = set(prints_of(train.rows)), prints_of(other.rows)
        new = [at for at, print_ in enumerate(theirs) if print_ not in seen]
        if len(new) < 0.5 * len(theirs):
            return False
        for mine in self._groups(train):
            for column in self._groups(other):
                told = list(
                    group_on_both_sides(
                        train.rows,
                        mine.groups,
                        train.targets,
                        other.rows[new],
                        [column.groups[at] for at in new],
                        name=mine.name,
                        where=other.name,
                    )
                )
                if told:
                    if train.loader is not None:
                        place = pointed("S105", train.place)
                    else:
                        place = pointed_from_call("S105", train.place, train.loss_place)
                    self.world.adopt(told, place or train.place)
                    return True
        return False

    def _groups(self, side: Side) -> Iterator[Column]:
        """Columns that give each row of a side its group."""
        if side.loader is not None and side.complete:
            yield from self._of_data_set(getattr(side.loader.ref(), "dataset", None))
        prints = prints_of(side.rows)
        for name, known in self.known:
            groups = [known.get(p, known.get(self.before.get(p, b""))) for p in prints]
            if sum(group is not None for group in groups) >= COVERED * len(groups):
                yield Column(name, groups)

    def _of_data_set(self, dataset: Any) -> Iterator[Column]:
        """Columns as long as a data set, or as the one of which it is a part."""
        taken: list[int] | None = None
        if dataset is None:
            return
        while True:
            size = len(dataset)
            for column in self.columns:
                if len(column.groups) == size:
                    groups = column.groups
                    yield Column(
                        column.name, groups if taken is None else [groups[i] for i in taken]
                    )
            if not isinstance(dataset, Subset):
                return
            inner = [int(i) for i in dataset.indices]
            taken = inner if taken is None else [inner[i] for i in taken]
            dataset = dataset.dataset


def _is_usable(side: Side) -> bool:
    return side.rows.is_floating_point() and (side.loader is None or len(side.rows) >= 16)


def columns_of(name: str, thing: Any) -> Iterator[Column]:
    """The columns of groups in a thing of the program: itself, or fields of its records."""
    if hasattr(thing, "columns") and hasattr(thing, "to_numpy"):  # a data frame
        for label in list(thing.columns)[:64]:
            if isinstance(label, str) and GROUP.search(label):
                yield from columns_of(label, np.asarray(thing[label]))
        return
    if isinstance(thing, list) and thing and isinstance(thing[0], dict):
        if FEWEST <= len(thing) <= MOST_SAMPLES:
            for key in thing[0]:
                named = isinstance(key, str) and GROUP.search(key)
                if named and all(isinstance(row, dict) and key in row for row in thing):
                    yield from columns_of(key, [row[key] for row in thing])
        return
    in_files = _groups_in_files(thing)
    if in_files:
        yield Column(name, list(in_files))
        return
    if not GROUP.search(name.rsplit(".", 1)[-1]) and not _are_numbered(thing):
        return
    if isinstance(thing, Tensor):
        plain = thing.dim() == 1 and not thing.is_floating_point() and not thing.is_cuda
        thing = thing.tolist() if plain else []
    elif isinstance(thing, np.ndarray):
        thing = thing.tolist() if thing.ndim == 1 and thing.dtype.kind in "iuUO" else []
    if not isinstance(thing, list) or not FEWEST <= len(thing) <= MOST_SAMPLES:
        return
    if all(isinstance(value, str | int) for value in thing) and 1 < len(set(thing)) < len(thing):
        yield Column(name, list(thing))


def _groups_in_files(thing: Any) -> list[str]:
    """The part of each file's name that says whose it is, `sub012` of `sub012_slice3.png`.

    Empty where not all have one, or where hardly two files have the same.
    """
    if not isinstance(thing, list | tuple) or not FEWEST <= len(thing) <= MOST_SAMPLES:
        return []
    firsts = [one[0] if isinstance(one, tuple) and one else one for one in thing]
    if not all(isinstance(one, str | PurePath) for one in firsts[:4]):
        return []
    found = [IN_FILES.search(PurePath(str(one)).name) for one in firsts]
    groups = [match.group(2).lower() for match in found if match is not None]
    known = len(groups) == len(thing) and 1 < len(set(groups)) <= 0.7 * len(groups)
    return groups if known else []


def _are_numbered(thing: Any) -> bool:
    """Whether a list consists of one word with a number each, `speaker07`, that says what they are."""
    if not isinstance(thing, list | np.ndarray) or not FEWEST <= len(thing) <= MOST_SAMPLES:
        return False
    if not all(isinstance(value, str) for value in thing):
        return False
    words = {re.sub(r"\d+", "", value) for value in thing}
    return len(words) == 1 and bool(GROUP.search(words.pop())) and len(set(thing)) > 2


def _index(thing: Any) -> list[int] | None:
    """A list of different row numbers."""
    rows = whole_numbers_in(thing, FEWEST // 2)
    return rows if rows and min(rows) >= 0 and len(set(rows)) == len(rows) else None
