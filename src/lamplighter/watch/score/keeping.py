"""The comparison under which the state of a network is kept as the best, and the best it keeps: E107, E108."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.keeping import (
    best_is_forgotten,
    better_way,
    is_called_best,
    kept_by_training,
    worst_is_kept,
)
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.measured import FIGURING
from lamplighter.watch.score.walks import Walk, Walks
from lamplighter.watch.source.place import Place, frames, statement_at, statements
from lamplighter.watch.source.roles import is_of_the_test
from lamplighter.watch.source.values import number_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 12  # states that are asked why they are kept
SURE = 2  # states that must have been kept for a figure of the training
BESTS = ("best", "min", "max", "lowest", "highest", "record", "top", "minimum", "maximum")
WAYS: dict[type, int] = {ast.Gt: 1, ast.GtE: 1, ast.Lt: -1, ast.LtE: -1}


@dataclass(frozen=True, slots=True)
class Decision:
    """`figure > best` and the like.

    Args:
        place: the line of the comparison.
        name: of the figure.
        figure: its value, or None.
        kept: 1 where the state is kept when the figure is above the best, -1 when below.
        best_name: what holds the best so far.
        best: its value, or None.
        instead: where another variable that is called like it gets the figure.
    """

    place: Place
    name: str
    figure: float | None
    kept: int
    best_name: str = ""
    best: float | None = None
    instead: Place | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A state that was kept for its figure, at which step, and how often with the same best."""

    figure: float
    best: float
    steps: int
    times: int


class KeptStates(Watcher):
    """Asks about each state that is taken, saved or copied: three frames out is who does it."""

    def state_taken(self, module: torch.nn.Module, state: dict[str, Any]) -> None:
        self._ask()

    def saved(self, thing: Any) -> None:
        self._ask()

    def copied(self, thing: Any) -> None:
        if isinstance(thing, torch.nn.Module | dict):
            self._ask()

    def _ask(self) -> None:
        raise NotImplementedError


class Keeping(KeptStates):
    """Asks, when a state is taken or saved under a condition, which figure decided."""

    codes = ("E107", "E108")
    operations = FIGURING

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.kept: dict[Place, Kept] = {}
        self.walks = world.walks = Walks(world)
        self.by_training: dict[tuple[Place, str], int] = {}
        self.by_evaluation = False

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        self.walks.lost(given, result)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        self.walks.operated(name, args, result)

    def _ask(self) -> None:
        if self.looks >= LOOKS or not self.world.steps or self.world.found("E107"):
            return
        self.looks += 1
        decision, beside = None, False
        for frame in list(frames(3))[:4]:
            beside = beside or adds_to_others(Place.of(frame))
            if (decision := decision_at(frame)) is not None:
                break
        if decision is None:
            return
        if not beside:
            self._look_whether_it_is_remembered(decision)
        self._look_which_data_decide(decision)
        named = better_way(decision.name)
        seen = self.walks.direction(decision.figure)
        if seen * named < 0:
            return  # it is called a score, and has the value of a loss: nothing is sure
        told = worst_is_kept(
            decision.name, better=seen or named, kept=decision.kept, measured=bool(seen)
        )
        self.world.adopt(told, decision.place)

    def _look_which_data_decide(self, decision: Decision) -> None:
        """A figure of the batches that were trained on, while others are evaluated in each epoch."""
        walks = self.walks.tells_of(decision.figure or 0.0)
        if not walks or decision.figure is None:
            return
        if not any(walk.trains for walk in walks):
            self.by_evaluation = True
        elif all(walk.trains for walk in walks) and any(
            self._is_validation(walk) for walk in self.walks.walks
        ):
            key = decision.place, decision.name
            self.by_training[key] = self.by_training.get(key, 0) + 1

    def _is_validation(self, walk: Walk) -> bool:
        loader = walk.current.loader() if walk.current is not None else None
        mine = self.world.walked.get(id(loader))
        if mine is None or mine.steps or not walk.evaluates():
            return False
        # nothing may be chosen by a test set
        return not any(is_of_the_test(name) for name in (*mine.names, *mine.made_as))

    def ended(self) -> None:
        for (place, name), times in self.by_training.items():
            if times >= SURE and not self.by_evaluation and not self.world.found("E107"):
                self.world.adopt(kept_by_training(name), place)

    def _look_whether_it_is_remembered(self, decision: Decision) -> None:
        """The best so far has to be what the state was last kept for."""
        figure, best = decision.figure, decision.best
        if figure is None or best is None or not is_called_best(decision.best_name):
            return
        before = self.kept.get(decision.place)
        if before is not None and before.steps == self.world.steps:
            return  # taken and saved
        still = before is not None and best == before.best != before.figure
        times = before.times + 1 if before is not None and still else 1
        self.kept[decision.place] = Kept(figure, best, self.world.steps, times)
        if (figure - best) * decision.kept > 0 and not self.world.found("E108"):
            told = best_is_forgotten(decision.best_name, best, times)
            self.world.adopt(told, decision.instead or decision.place)


def adds_to_others(place: Place) -> bool:
    """Whether a running line puts its state beside those before: into a list, or a file of its own."""
    statement = statement_at(place)
    for node in ast.walk(statement) if isinstance(statement, ast.Expr) else ():
        if isinstance(node, ast.Call):
            appends = isinstance(node.func, ast.Attribute) and node.func.attr == "append"
            if appends or any(isinstance(argument, ast.JoinedStr) for argument in node.args):
                return True
    return False


def decision_at(frame: FrameType) -> Decision | None:
    """The comparison that the running line of a frame stands under, or None."""
    file, line = frame.f_code.co_filename, frame.f_lineno
    inner: tuple[ast.If, ast.Compare, int, int] | None = None
    for node in statements(file):
        if not isinstance(node, ast.If) or node.lineno < frame.f_code.co_firstlineno:
            continue
        side = side_of(node, line)
        read = comparison_in(node.test, frame) if side else None
        if read is not None and (inner is None or node.lineno >= inner[0].lineno):
            inner = (node, read[0], read[1], side)
    if inner is None:
        return None
    node, compare, way, side = inner
    one, other = compare.left, compare.comparators[0]
    if _is_best(other, node):
        figure, best, direction = one, other, _way(compare, other, 1)
    elif _is_best(one, node):
        figure, best, direction = other, one, _way(compare, one, -1)
    else:
        return None
    return Decision(
        Place(file, compare.lineno),
        _name(figure),
        number_of(figure, frame),
        direction * way * side,
        _name(best),
        number_of(best, frame),
        _set_instead(node, _name(best), _name(figure), file),
    )


def _way(compare: ast.Compare, best: ast.expr, side: int) -> int:
    """1 where a state is kept for a figure above the best, -1 below; `figure == min(figures)` is -1."""
    extreme = _extreme(best)
    return extreme if isinstance(compare.ops[0], ast.Eq) else side * WAYS[type(compare.ops[0])]


def _extreme(node: ast.expr) -> int:
    """1 for `max(…)`, -1 for `min(…)`, else 0."""
    name = _name(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return {"max": 1, "min": -1}.get(name, 0)


def _set_instead(under: ast.If, best: str, figure: str, file: str) -> Place | None:
    """Where a condition sets `best` to the figure and has asked `self.best`, or the like."""
    for node in (inner for part in under.body for inner in ast.walk(part)):
        if isinstance(node, ast.Assign) and _name(node.value) == figure:
            for target in node.targets:
                name = _name(target)
                if name != best and name.rpartition(".")[2] == best.rpartition(".")[2]:
                    return Place(file, node.lineno)
    return None


def side_of(node: ast.If, line: int) -> int:
    """1 where a line stands under the condition, -1 under its else, 0 outside."""
    for block, side in ((node.body, 1), (node.orelse, -1)):
        if block and block[0].lineno <= line <= (block[-1].end_lineno or 0):
            return side
    return 0


def comparison_in(test: ast.expr, frame: FrameType) -> tuple[ast.Compare, int] | None:
    """The comparison in a condition, and -1 where it is negated; names are looked up once."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = comparison_in(test.operand, frame)
        return None if inner is None else (inner[0], -inner[1])
    if isinstance(test, ast.BoolOp):
        found = [c for part in test.values if (c := comparison_in(part, frame)) is not None]
        return found[0] if len(found) == 1 else None
    if isinstance(test, ast.Name):
        given = [
            node.value
            for node in statements(frame.f_code.co_filename)
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == test.id for t in node.targets)
            and frame.f_code.co_firstlineno <= node.lineno <= test.lineno
        ]
        known = given and not isinstance(given[-1], ast.Name)
        return comparison_in(given[-1], frame) if known else None
    if isinstance(test, ast.Call) and _name(test.func) == "bool" and test.args:
        return comparison_in(test.args[0], frame)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    newest = isinstance(test.ops[0], ast.Eq) and any(
        _extreme(side) for side in (test.left, *test.comparators)
    )
    return (test, 1) if newest or type(test.ops[0]) in WAYS else None


def _is_best(node: ast.expr, under: ast.If) -> bool:
    """Whether an operand is what was best so far: by its name, or since it is set under the `if`."""
    words = [w for n in _names(node) for w in n.lower().replace(".", "_").split("_")]
    if any(word in BESTS for word in words):
        return True
    mine = set(_names(node))
    return any(
        isinstance(inner, ast.Assign) and mine & {_name(t) for t in inner.targets}
        for part in (*under.body, *under.orelse)
        for inner in ast.walk(part)
    )


def _names(node: ast.expr) -> list[str]:
    return [_name(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else ""
        return f"{_name(node.value)}.{key!s}"
    if isinstance(node, ast.UnaryOp | ast.Call):
        inner = node.operand if isinstance(node, ast.UnaryOp) else node.func
        return _name(inner)
    return node.id if isinstance(node, ast.Name) else ""
