"""Learning rates that a program sets, and an optimizer that is made without any: X101."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.terms import only_shown
from lamplighter.watch.source.place import (
    Place,
    here_exactly,
    locals_of,
    statement_at,
    tree_of,
    user_frame,
)
from lamplighter.watch.source.program import sources_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World

RATE = re.compile(r"(^|_)(lr|learning_rate|learningrate|step_size)($|_)", re.IGNORECASE)
HIDDEN = ("vars", "locals", "globals", "eval", "exec", "getattr", "asdict")


class GivenRates(Watcher):
    """Looks, where an optimizer runs at its default rate, for a rate that nothing reads."""

    codes = ("X101",)

    def __init__(self, world: World) -> None:
        self.world = world

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        frame, place = user_frame(1), here_exactly()
        default = _default_rate(optimizer)
        tree = tree_of(place.file) if place is not None else None
        if frame is None or place is None or tree is None or default is None:
            return
        if any(group.get("lr") != default for group in optimizer.param_groups):
            return
        if not _is_made_without(place) or _reads_by_name([tree]):
            return
        for name, rate in _rates(frame, tree):
            if rate != default:
                self._report(name, rate, default, place)
                return

    def _report(self, name: str, rate: float, default: float, place: Place) -> None:
        self.world.report(
            "X101",
            "warning",
            f"`{name}`",
            f"it is {rate:g}, and nothing reads it but what is printed: the optimizer is made "
            f"without a rate and runs at its default of {default:g}",
            f"give it to the optimizer: lr={name}",
            Place(place.file, place.line),
        )


def _default_rate(optimizer: torch.optim.Optimizer) -> float | None:
    """The rate of a class of torch that is given none."""
    kind = type(optimizer)
    if not kind.__module__.startswith("torch.optim"):
        return None
    known = inspect.signature(kind).parameters.get("lr")
    return known.default if known is not None and isinstance(known.default, float) else None


def _is_made_without(place: Place) -> bool:
    """Whether the running call gives the optimizer its weights and no rate."""
    statement = statement_at(place)
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Call) and (node.lineno, node.col_offset) == (
            place.line,
            place.column,
        ):
            if node.end_col_offset != place.end:
                continue
            several = len(node.args) > 1 or any(isinstance(a, ast.Starred) for a in node.args)
            return not several and all(k.arg not in ("lr", None) for k in node.keywords)
    return False


def _reads_by_name(trees: Iterable[ast.Module]) -> bool:
    """Whether sources take variables or settings by their name, unseen by who reads them."""
    return any(
        (isinstance(n, ast.Name) and n.id in HIDDEN)
        or (isinstance(n, ast.Attribute) and n.attr == "__dict__")
        for tree in trees
        for n in ast.walk(tree)
    )


def _rates(frame: FrameType, tree: ast.Module) -> Iterator[tuple[str, float]]:
    """Numbers that are called a learning rate, and are read nowhere but where they are shown."""
    for space in (locals_of(frame), frame.f_globals):
        for name, value in list(space.items()):
            if RATE.search(name) and _is_rate(value) and only_shown(frame.f_code.co_filename, name):
                if _is_set_in(tree, name):
                    yield name, float(value)
            elif isinstance(value, argparse.Namespace):
                for key, inner in vars(value).items():
                    if RATE.search(key) and _is_rate(inner) and _nobody_reads(key, frame):
                        yield f"{name}.{key}", float(inner)


def _is_rate(value: Any) -> bool:
    return isinstance(value, float) and 0 < value < 10


def _is_set_in(tree: ast.Module, name: str) -> bool:
    """Whether the file itself gives the variable its value, or takes it as an argument."""
    return any(
        (isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store))
        or (isinstance(n, ast.arg) and n.arg == name)
        for n in ast.walk(tree)
    )


def _imported(space: dict[str, Any]) -> Iterator[str]:
    """The modules that a file knows: its own, and those from which it has a function or a class."""
    for thing in list(space.values()):
        if isinstance(thing, ModuleType):
            yield thing.__name__
        elif isinstance(thing, FunctionType | type):
            yield thing.__module__


def _nobody_reads(key: str, frame: FrameType) -> bool:
    """Whether no file of the program reads a setting, wherever the settings are handed to."""
    trees = list(sources_of(_imported(frame.f_globals)))
    read = any(
        isinstance(n, ast.Attribute) and n.attr == key for tree in trees for n in ast.walk(tree)
    )
    return not read and not _reads_by_name(trees)
