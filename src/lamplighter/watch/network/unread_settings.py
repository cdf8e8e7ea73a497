"""Settings that a network is made with, keeps, and never reads: X101."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, function_of
from lamplighter.watch.source.program import sources_of
from lamplighter.watch.source.sight import is_own, things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 32  # optimizers whose networks are looked for
HIDDEN = ("vars", "getattr", "__dict__", "asdict", "save_hyperparameters", "hparams")


class UnreadSettings(Watcher):
    """Reads how the classes of trained networks begin, and with which numbers they were made."""

    codes = ("X101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: set[int] = set()
        self.looks = 0
        self.values: dict[tuple[type, str], set[float]] = defaultdict(set)
        self.places: dict[type, dict[str, Place]] = {}

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.seen.discard(id(optimizer))  # another one had its place in memory

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if id(optimizer) in self.seen or self.looks >= LOOKS:
            return
        self.looks += 1
        self.seen.add(id(optimizer))
        record = self.world.owner_record(optimizer)
        for _, network in self.world.networks({id(p) for p in record.parameters()}):
            self._look(network)
        for network in _owners(optimizer):
            self._look(network)

    def _look(self, network: nn.Module) -> None:
        kind = type(network)
        if kind not in self.places:
            self.places[kind] = dict(only_kept(kind))
        for name in self.places[kind]:
            value = vars(network).get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                self.values[kind, name].add(float(value))

    def ended(self) -> None:
        trees: list[ast.Module] | None = None
        for (kind, name), values in self.values.items():
            default = _default_of(kind, name)
            chosen = isinstance(default, float) and values != {default}
            if len(values) < 2 and not chosen:
                continue
            trees = trees or list(sources_of(kind.__module__ for kind in self.places))
            if any(_reads(tree, name) for tree in trees):
                continue
            several = " and ".join(f"{v:g}" for v in sorted(values)[:3])
            self.world.report(
                "X101",
                "warning",
                f"`{name}`",
                f"{kind.__name__} is made with {name} = {several}, keeps it and never reads it: it "
                "has no effect",
                f"use self.{name} where it was meant, or leave it away",
                self.places[kind][name],
            )


def only_kept(kind: type) -> Iterator[tuple[str, Place]]:
    """Arguments of a class's `__init__` that it does nothing with but keep them.

    Args:
        kind: class of the user, all of whose bases are the user's or torch's own `Module`.

    Yields:
        The attribute, which has the argument's name, and the line that sets it.
    """
    code = getattr(kind.__dict__.get("__init__"), "__code__", None)
    init = function_of(code) if code is not None else None
    if code is None or init is None:
        return
    if not all(base in (nn.Module, object) or is_own(base) for base in kind.__mro__):
        return
    names = {a.arg for a in (*init.args.args[1:], *init.args.kwonlyargs)}
    read = [n.id for n in ast.walk(init) if isinstance(n, ast.Name) and n.id in names]
    for statement in init.body:
        name = _kept_in(statement)
        if name in names and read.count(name) == 1:
            yield name, Place(code.co_filename, statement.lineno)


def _kept_in(statement: ast.stmt) -> str:
    """`name` of `self.name = name`, else nothing."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Attribute) or not isinstance(value, ast.Name):
        return ""
    of_self = isinstance(target.value, ast.Name) and target.value.id == "self"
    return value.id if of_self and target.attr == value.id else ""


def _reads(tree: ast.Module, name: str) -> bool:
    """Whether a file reads an attribute of this name, or may do so by a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr in HIDDEN or (node.attr == name and not isinstance(node.ctx, ast.Store)):
                return True
        elif (isinstance(node, ast.Name) and node.id in HIDDEN) or (
            isinstance(node, ast.Constant) and node.value == name
        ):
            return True
    return False


def _default_of(kind: type, name: str) -> Any:
    known = inspect.signature(kind).parameters.get(name)
    return known.default if known is not None else None


def _owners(optimizer: torch.optim.Optimizer) -> Iterator[nn.Module]:
    """Networks that a program never calls as a whole, found by the weights that an optimizer holds."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    seen: set[int] = set()
    for _, thing in things_in_sight():
        if isinstance(thing, nn.Module) and id(thing) not in seen:
            seen.add(id(thing))
            if is_own(type(thing)) and any(id(p) in held for p in thing.parameters()):
                yield thing
