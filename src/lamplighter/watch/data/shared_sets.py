"""Parts of one data set of which one is given a transform, and the other gets it too: T107."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset, Subset

from lamplighter.checks.transforms import set_for_all_parts
from lamplighter.watch.data.passes import base_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here, statement_at
from lamplighter.watch.source.roles import likely_role, sets_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST = 32


@dataclass(eq=False)
class Altered:
    """One assignment to an attribute of a data set from outside of it.

    Args:
        part: what the source calls the part through which it was reached; empty: it was by itself.
    """

    dataset: Dataset[Any]
    name: str
    old: Any
    new: Any
    part: str
    place: Place | None


class SharedSets(Watcher):
    """Follows what is set through `part.dataset`, until the first step and after it."""

    codes = ("T107",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.altered: list[Altered] = []
        self.waiting: list[Altered] = []
        self.switched: dict[int, Dataset[Any]] = {}

    def set_altered(self, dataset: Dataset[Any], name: str, old: Any, new: Any, own: bool) -> None:
        place = here()
        if self.world.steps:  # switched from epoch to epoch
            self.waiting = [a for a in self.waiting if a.dataset is not dataset or a.name != name]
            if len(self.switched) < MOST:
                self.switched[id(dataset)] = dataset
        elif len(self.altered) < MOST and place is not None and not own:
            self.altered.append(Altered(dataset, name, old, new, _part(place, name), place))

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        altered, self.altered = self.altered, []
        if not altered or self.world.steps:
            return
        trained = base_of(self.world.loader())
        parts = [s for s, _ in sets_in_sight().values() if isinstance(s, Subset)]
        for last in {(id(a.dataset), a.name): a for a in altered}.values():
            shared = [s for s in parts if base_of(s) is last.dataset]
            if last.dataset is not trained or len(shared) < 2:
                continue
            before = [a for a in altered if a.dataset is last.dataset and a.name == last.name]
            others = {a.part for a in before if a.part} - {last.part}
            is_held_out = likely_role([last.part], None) == "evaluation"
            if last.part and is_held_out and (others or last.old is not None):
                self.waiting.append(last)

    def ended(self) -> None:
        for mine in list(self.world.walked.values()) if self.switched else ():
            # it was read while it was switched to something else
            if id(base_of(mine.ref())) in self.switched:
                self.world.withdraw("T101", mine.name)
        for one in self.waiting:
            self.world.adopt(set_for_all_parts(one.part, one.name), one.place)


def _part(place: Place, name: str) -> str:
    """`val_set` in `val_set.dataset.transform = …`."""
    statement = statement_at(place)
    for node in ast.walk(statement) if statement is not None else ():
        through: ast.AST | None = None
        if (
            isinstance(node, ast.Attribute)
            and node.attr == name
            and isinstance(node.ctx, ast.Store)
        ):
            through = node.value
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setattr" and node.args:
            through = node.args[0]
        if isinstance(through, ast.Attribute) and through.attr == "dataset":
            while isinstance(through, ast.Attribute) and through.attr == "dataset":
                through = through.value
            if isinstance(through, ast.Subscript) and isinstance(through.slice, ast.Constant):
                return str(through.slice.value)
            return through.attr if isinstance(through, ast.Attribute) else ast.unparse(through)
    return ""
