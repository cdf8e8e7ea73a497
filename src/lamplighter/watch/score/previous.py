"""States that are kept for beating the figure before, and replace a better one: E108."""

from __future__ import annotations

import ast
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lamplighter.checks.keeping import previous_for_best
from lamplighter.watch.score.keeping import WAYS, KeptStates, comparison_in, side_of
from lamplighter.watch.source.place import (
    Place,
    frames,
    function_around,
    statement_at,
    statements,
    tree_of,
)
from lamplighter.watch.source.statements import called_name
from lamplighter.watch.source.values import number_of, plain_number, value_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 64  # states that are asked why they are kept
FAR = 4  # calls outwards in which the comparison is looked for
LEAST = 1e-6  # relative: by how much the replaced figure was better
PATHS = (str, os.PathLike)
PLAIN = (*PATHS, int, float)
BUILDING = ("join", "Path", "str", "format")  # what a path is put together by


@dataclass(frozen=True, slots=True)
class Against:
    """`figures[i] < figures[i - 1]`, or `figure < before` where each round sets `before = figure`.

    Args:
        place: of the comparison.
        name: of the figure.
        figure: its value.
        previous: what it is compared with.
        way: -1 where a state is kept for a lower figure, 1 where for a higher one.
        earlier: all figures before this one, where the program lists them.
    """

    place: Place
    name: str
    figure: float
    previous: float
    way: int
    earlier: tuple[float, ...] | None = None

    def is_worse_than(self, other: float) -> bool:
        """Whether another figure is better by more than rounding."""
        return (other - self.figure) * self.way > LEAST * max(abs(self.figure), abs(other))


class PreviousFigures(KeptStates):
    """Asks, when a state is kept under a condition, whether it was compared with the best."""

    codes = ("E108",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.steps = -1
        self.kept: dict[tuple[Place, str], list[float]] = {}

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.kept.clear()  # another training, which has a best of its own

    def state_loaded(self, module: torch.nn.Module, state: dict[str, Any]) -> None:
        self.kept.clear()

    def _ask(self) -> None:
        if self.looks >= LOOKS or self.world.steps in (0, self.steps) or self.world.found("E108"):
            return  # at one step it is taken, copied and saved
        self.looks += 1
        self.steps = self.world.steps
        near = list(frames(3))[:FAR]
        for frame in near:
            for against in _against_the_last(frame):
                where = where_to(near[0]) or where_to(frame)
                if where:
                    self._look(against, where)
                return

    def _look(self, against: Against, where: str) -> None:
        kept = self.kept.setdefault((against.place, where), [])
        better = [figure for figure in kept if against.is_worse_than(figure)]
        if against.earlier is not None:  # only what this very list says of this training
            better = [figure for figure in better if figure in against.earlier]
        elif against.previous in kept or not math.isfinite(against.previous):
            better = []
        kept.append(against.figure)
        if better:
            best = (max if against.way > 0 else min)(better)
            told = previous_for_best(against.name, against.figure, against.previous, best)
            self.world.adopt(told, against.place)


def _against_the_last(frame: FrameType) -> Iterator[Against]:
    """The figure and the one before, where a condition above the running line compares these two."""
    file, line = frame.f_code.co_filename, frame.f_lineno
    above = [
        (node, side)
        for node in statements(file)
        if isinstance(node, ast.If)
        and node.lineno >= frame.f_code.co_firstlineno
        and (side := side_of(node, line))
    ]
    for node, side in reversed(above):
        branch = node.body if side > 0 else node.orelse
        for compare, way in _comparisons(node.test, frame):
            if type(compare.ops[0]) in WAYS:
                yield from _read(frame, branch, compare, way * side)


def _comparisons(test: ast.expr, frame: FrameType) -> Iterator[tuple[ast.Compare, int]]:
    """Each comparison in a condition, and -1 where it is negated."""
    if isinstance(test, ast.BoolOp):
        for part in test.values:
            yield from _comparisons(part, frame)
    elif (read := comparison_in(test, frame)) is not None:
        yield read


def _read(
    frame: FrameType, branch: list[ast.stmt], compare: ast.Compare, way: int
) -> Iterator[Against]:
    """What a comparison holds against what, if it is why the branch is taken and they are neighbours."""
    one, other = compare.left, compare.comparators[0]
    direction = WAYS[type(compare.ops[0])] * way
    place = Place(frame.f_code.co_filename, compare.lineno)
    for figure, before, turned in ((one, other, direction), (other, one, -direction)):
        value, last = number_of(figure, frame), number_of(before, frame)
        if value is None or last is None or (value - last) * turned < 0:
            continue  # where another part of the condition has decided, as `or epoch == last`
        name = ast.unparse(figure)
        listed = _listed(figure, before, frame)
        if listed is not None:
            yield Against(place, name, value, last, turned, listed)
        elif _is_set_each_round(figure, before, branch, place.file):
            yield Against(place, name, value, last, turned)


def _listed(figure: ast.expr, before: ast.expr, frame: FrameType) -> tuple[float, ...] | None:
    """The figures before one, where the other is the entry before it in the same list."""
    if not isinstance(figure, ast.Subscript) or not isinstance(before, ast.Subscript):
        return None
    if ast.unparse(figure.value) != ast.unparse(before.value):
        return None
    several = value_of(figure.value, frame)
    if not isinstance(several, list | tuple | np.ndarray | torch.Tensor):
        return None
    at, last = value_of(figure.slice, frame), value_of(before.slice, frame)
    if not isinstance(at, int) or not isinstance(last, int):
        return None
    count = len(several)
    at, last = (i + count if i < 0 else i for i in (at, last))
    if last != at - 1 or not 0 <= last < count:
        return None
    earlier = [number for value in several[:at] if (number := plain_number(value)) is not None]
    return tuple(earlier) if len(earlier) == at else None


def _is_set_each_round(
    figure: ast.expr, before: ast.expr, branch: list[ast.stmt], file: str
) -> bool:
    """Whether `before = figure` stands outside of the branch that keeps the state."""
    wanted, given = ast.unparse(before), _bare(figure)
    if not isinstance(before, ast.Name | ast.Attribute) or wanted == given:
        return False
    line = branch[0].lineno
    scope = function_around(file, line, line) or tree_of(file)
    inside = {node for part in branch for node in ast.walk(part)}
    return any(
        isinstance(node, ast.Assign)
        and node not in inside
        and any(ast.unparse(target) == wanted for target in node.targets)
        and _bare(node.value) == given
        for node in (ast.walk(scope) if scope is not None else ())
    )


def _bare(node: ast.expr) -> str:
    """A figure without `float()` and `.item()` around it."""
    if isinstance(node, ast.Call) and called_name(node) == "item" and not node.args:
        return _bare(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node, ast.Call) and called_name(node) == "float" and len(node.args) == 1:
        return _bare(node.args[0])
    return ast.unparse(node)


def where_to(frame: FrameType) -> str:
    """Where the running line of a frame puts a state; empty where each state has a place of its own."""
    statement = statement_at(Place.of(frame))
    if isinstance(statement, ast.Assign):
        targets = [t for t in statement.targets if isinstance(t, ast.Name | ast.Attribute)]
        return ast.unparse(targets[0]) if targets else ""
    for node in ast.walk(statement) if isinstance(statement, ast.Expr) else ():
        if isinstance(node, ast.Call) and called_name(node) in ("save", "save_file", "dump"):
            path = [*node.args[1:2], *(k.value for k in node.keywords if k.arg in ("f", "path"))]
            return _as_known(path[0], frame) if path else ""
    return ""


def _as_known(path: ast.expr, frame: FrameType) -> str:
    """How a path is written, with the values of the variables in it; empty for what is no path."""
    nodes = list(ast.walk(path))
    if any(isinstance(n, ast.Call) and called_name(n) not in BUILDING for n in nodes):
        return ""
    named = [n for n in nodes if isinstance(n, ast.Name | ast.Attribute)]
    values = {ast.unparse(n): value_of(n, frame) for n in named}
    if ast.unparse(path) in values and not isinstance(values[ast.unparse(path)], PATHS):
        return ""
    return ast.unparse(path) + "|".join(str(v) for v in values.values() if isinstance(v, PLAIN))
