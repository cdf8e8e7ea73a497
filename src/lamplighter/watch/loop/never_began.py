"""A training loop that was come to, and of which no round was ever made: D110."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Function, Place, here, tree_of

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.world import World

MOST = 4  # lines that set a network to training
LOOPS = ast.For | ast.While


class NeverBegan(Watcher):
    """Knows where a network was set to training, and whether any gradient followed."""

    codes = ("D110",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.places: dict[Place, None] = {}

    def mode_set(self, module: nn.Module, training: bool) -> None:
        if not training or self.world.backwards or len(self.places) >= MOST:
            return
        if (place := here()) is not None:
            self.places[place] = None

    def ended(self) -> None:
        if not self.world.whole or self.world.steps or self.world.backwards:
            return
        if self.world.found("D110") or not self.world.optimizers:
            return
        for place in self.places:
            loop = loop_that_learns(place)
            if loop is not None:
                self.world.report(
                    "D110",
                    "error",
                    "the training loop",
                    "the program came to its end without a single training step: the network was set "
                    "to training, and the loop with backward() was gone through not once",
                    "look at what the loop counts: with a batch larger than the data, "
                    "len(data) // batch_size is 0",
                    Place(place.file, loop.lineno),
                )
                return


def loop_that_learns(place: Place) -> ast.For | ast.While | None:
    """The innermost loop with a call of `backward` in the function of a line."""
    tree = tree_of(place.file)
    if tree is None:
        return None
    holders = [n for n in ast.walk(tree) if isinstance(n, Function) and _covers(n, place.line)]
    scope: ast.AST = max(holders, key=lambda n: n.lineno) if holders else tree
    loops = [n for n in ast.walk(scope) if isinstance(n, LOOPS) and _calls_backward(n)]
    return max(loops, key=lambda n: n.lineno, default=None)


def _covers(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _calls_backward(loop: ast.AST) -> bool:
    named = [n.func for n in ast.walk(loop) if isinstance(n, ast.Call)]
    return any(isinstance(f, ast.Attribute) and f.attr == "backward" for f in named)
