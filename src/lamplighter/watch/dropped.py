"""Lines that compute a result and drop it, in whatever of the user's functions runs: M114."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from lamplighter.checks.finding import Finding
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, frames, function_of, is_users, locals_of, tree_of
from lamplighter.watch.source.results import only_gives
from lamplighter.watch.source.wrapping import arithmetic_of, wraps_in

if TYPE_CHECKING:
    import torch

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 3  # steps and batches at which the running functions are read


@dataclass(frozen=True)
class Dropped:
    """A statement that is nothing but a call."""

    name: str
    line: int
    call: ast.Call = field(compare=False, hash=False)


class DroppedResults(Watcher):
    """Reads the functions that are running when a step or an evaluation is made."""

    codes = ("M114",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = {"step": 0, "call": 0}

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        self._look("step")

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        self._look("call")

    def pass_starts(self, current: Pass) -> None:
        if current.number > 1:
            self.looks["call"] = min(self.looks["call"], LOOKS - 1)  # the evaluation after it

    def ended(self) -> None:
        for place, name in self.world.dropped:
            tell_thrown(self.world, name, place)

    def _look(self, kind: str) -> None:
        if self.looks[kind] >= LOOKS:
            return
        self.looks[kind] += 1
        for place, name in self.world.dropped:
            tell_thrown(self.world, name, place)
        for frame in frames():
            for name, line in dropped_in(frame):
                if line < frame.f_lineno:
                    tell_thrown(self.world, name, Place(frame.f_code.co_filename, line))


def tell_thrown(world: World, name: str, place: Place) -> None:
    """M114: a line computes a new thing with `name` and does nothing with it."""
    world.report(
        "M114",
        "error",
        f"`{name}`",
        "its result is computed and thrown away: the line changes nothing",
        f"assign the result: x = {name}(…)",
        place,
    )


def dropped_in(frame: FrameType, line: int | None = None) -> Iterator[tuple[str, int]]:
    """Statements of a running function, or the one on a line, that only give a result.

    Yields:
        What is called, and the line.
    """
    statements = calls_alone(frame.f_code)
    if line is not None:
        statements = tuple(s for s in statements if s.line == line)
    if not statements:
        return
    # within a trace function the frame's dictionary is its variables: emptying it unbinds them
    mine = locals_of(frame) if line is None else dict(frame.f_locals)
    names = frame.f_globals | mine
    for statement in statements:
        if only_gives(statement.call, names):
            yield statement.name, statement.line


@cache
def calls_alone(code: CodeType) -> tuple[Dropped, ...]:
    """The statements of a function's own that are nothing but a call."""
    alone = results_alone(code)
    return tuple(
        Dropped(ast.unparse(c.func), c.lineno, c) for c in alone if isinstance(c, ast.Call)
    )


@cache
def results_alone(code: CodeType) -> tuple[ast.expr, ...]:
    """What a function's own statements compute that are nothing but an expression."""
    if not is_users(code.co_filename):
        return ()
    whole = code.co_name == "<module>"
    scope = tree_of(code.co_filename) if whole else function_of(code)
    if scope is None:
        return ()
    return tuple(s.value for s in _own(scope) if isinstance(s, ast.Expr))


def _own(scope: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _own(node)


class Reading:
    """Notes dropped results, and sums that wrap round, while a data set reads a sample for us.

    Python's trace function is ours meanwhile, and afterwards what it was before.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[Place, str], None] = {}
        self.wrapped: dict[Place, Finding] = {}
        self.before: Any = None

    def __enter__(self) -> Reading:
        self.before = sys.gettrace()
        if self.before is None:  # a debugger is left alone
            sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            sys.settrace(None)

    def _called(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        return self._ran if calls_alone(code) or arithmetic_of(code) else None

    def _ran(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any]:
        if event == "line":
            for name, line in dropped_in(frame, frame.f_lineno):
                self.found[Place(frame.f_code.co_filename, line), name] = None
            for finding in wraps_in(frame, frame.f_lineno):
                self.wrapped.setdefault(Place.of(frame), finding)
        return self._ran
