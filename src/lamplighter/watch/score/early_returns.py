"""Evaluations that return out of their loop after the first batch: E101."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lamplighter.checks.scoring import one_batch_scored
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, tree_of

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOPS = (ast.For, ast.AsyncFor)
GATHERING = ("append", "extend", "update", "add")
MOST = 64  # walks that are looked back at


class EarlyReturns(Watcher):
    """Looks back at walks that were left after one batch, and at the loop that they were left from."""

    codes = ("E101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.walks: list[Pass] = []

    def pass_starts(self, current: Pass) -> None:
        self._look_back()
        if len(self.walks) < MOST:
            self.walks.append(current)

    def ended(self) -> None:
        self._look_back()

    def _look_back(self) -> None:
        walks, self.walks = self.walks, []
        for walk in walks:
            if walk.alive():
                self.walks.append(walk)
            elif not walk.complete and walk.given == 1 and walk.place is not None:
                self._judge(walk, walk.place)

    def _judge(self, walk: Pass, place: Place) -> None:
        loader = walk.loader()
        trains = walk.backwards or walk.steps or not walk.calls
        if loader is None or trains or self.world.found("E101"):
            return
        batches, line = length_of(loader), _returns(place)
        if batches > 1 and line is not None:
            self.world.adopt(one_batch_scored(batches), Place(place.file, line))


def _returns(place: Place) -> int | None:
    """The line of a `return` that ends the first round of the loop at a place, which gathers."""
    tree = tree_of(place.file)
    for loop in ast.walk(tree) if tree is not None else ():
        if not isinstance(loop, LOOPS) or loop.lineno != place.line:
            continue
        inside = [node for part in loop.body for node in ast.walk(part)]
        if any(isinstance(node, ast.Continue | ast.Yield) for node in inside):
            return None
        if any(_gathers(node) for node in inside):
            return next((s.lineno for s in _straight(loop.body) if isinstance(s, ast.Return)), None)
    return None


def _gathers(node: ast.AST) -> bool:
    if isinstance(node, ast.AugAssign):
        return True
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr in GATHERING  # type: ignore[attr-defined]


def _straight(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that run in any case."""
    found: list[ast.stmt] = []
    for statement in body:
        found.append(statement)
        if isinstance(statement, ast.With):
            found += _straight(statement.body)
    return found
