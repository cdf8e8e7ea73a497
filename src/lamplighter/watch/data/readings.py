"""What reading a data set does to it, and what of it is never read: D104, D109."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch.utils.data import RandomSampler, SequentialSampler

from lamplighter.checks.batches import is_map_style
from lamplighter.checks.loading import drawn_by
from lamplighter.checks.reading import only_the_first_are_drawn
from lamplighter.checks.snapshot import kept
from lamplighter.watch.data.passes import base_of
from lamplighter.watch.data.rows import generators_near
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place, function_of, is_users

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST = 12  # data sets that are looked at


class Readings(Watcher):
    """Looks at the data sets of the user's own classes when they are first walked over."""

    codes = ("D104", "D109")

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked: ByIdentity[bool] = ByIdentity()
        self.count = 0

    def pass_starts(self, current: Pass) -> None:
        loader = current.loader()
        dataset = base_of(loader)
        if loader is None or dataset is None or current.number > 1 or self.count >= MOST:
            return
        method = getattr(type(dataset), "__getitem__", None)
        file = inspect.getsourcefile(method) if inspect.isfunction(method) else None
        if file is None or not is_users(file) or not is_map_style(dataset):
            return
        if self.looked.get(dataset):
            return
        self.looked[dataset] = True
        self.count += 1
        mine = self.world.walked.get(id(loader))
        where = mine.name if mine is not None else "the data set"
        stays = loader.num_workers == 0 or loader.persistent_workers
        rows = self.world.comparisons.rows.get(id(mine)) if self.world.comparisons else None
        for finding in rows[1].altered if rows is not None and stays else ():
            if self.world.found("D104"):
                break
            line = _line_that_writes(method, file)
            self.world.adopt([replace(finding, where=where)], line or current.place)
        if type(drawn_by(loader)) in (SequentialSampler, RandomSampler):
            with kept((), (dataset, *generators_near(dataset))):
                found = list(only_the_first_are_drawn(dataset, where=where))
            line = _line_that_returns(getattr(type(dataset), "__len__", None))
            self.world.adopt(found, line or current.place)


def _body_of(method: Any) -> list[ast.AST]:
    """The nodes of a method in the order of its lines."""
    function = function_of(method.__code__)
    if function is None:
        return []
    inner = [n for n in ast.walk(function) if hasattr(n, "lineno")]
    return sorted(inner, key=lambda n: n.lineno)


def _line_that_writes(method: Any, file: str) -> Place | None:
    """The first statement that changes something in place."""
    for node in _body_of(method):
        if isinstance(node, ast.AugAssign):
            return Place(file, node.lineno)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if name.endswith("_") and not name.endswith("__"):
                return Place(file, node.lineno)
    return Place(file, method.__code__.co_firstlineno)


def _line_that_returns(method: Any) -> Place | None:
    if not inspect.isfunction(method):
        return None
    file = inspect.getsourcefile(method) or ""
    returns = [n.lineno for n in _body_of(method) if isinstance(n, ast.Return)]
    return Place(file, returns[-1] if returns else method.__code__.co_firstlineno)
