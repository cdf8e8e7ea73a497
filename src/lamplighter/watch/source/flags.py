"""Which variables of the program say where an episode ends, and which it never asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import torch

from lamplighter.watch.source.place import function_around, locals_of, tree_of

LONGEST = 100_000  # entries of a list that are read
ENDS = re.compile(r"(^|_)(done|dones|terminal|terminals|terminated|finished|ended|game_?over)(_|$)")
KEEPING = ("append", "push", "add", "put", "store", "extend", "remember", "clear", "insert")
NOT = re.compile(r"(^|_)(not|non|continu|alive|mask)")


def numbers_in(thing: Any) -> np.ndarray[Any, Any] | None:
    """A row of plain numbers as an array, or None for anything else."""
    if isinstance(thing, torch.Tensor):
        if thing.requires_grad or thing.numel() != max(thing.shape, default=0) or not thing.is_cpu:
            return None
        return thing.detach().flatten().double().numpy()
    if isinstance(thing, np.ndarray):
        plain = thing.dtype.kind in "bif" and thing.size == max(thing.shape, default=0)
        return thing.ravel().astype(float) if plain else None
    if isinstance(thing, list | tuple) and 0 < len(thing) <= LONGEST:
        row = [_number(one) for one in thing]
        return None if any(one is None for one in row) else np.array(row, dtype=float)
    return None


def _number(thing: Any) -> float | None:
    if isinstance(thing, bool | int | float | np.number | np.bool_):
        return float(thing)
    if isinstance(thing, torch.Tensor | np.ndarray):
        whole = thing.numel() if isinstance(thing, torch.Tensor) else thing.size
        if whole != 1 or (isinstance(thing, torch.Tensor) and thing.requires_grad):
            return None
        return float(thing.item())
    return None


def things_in(frame: FrameType) -> Iterator[tuple[str, str, Any]]:
    """Variables of a frame, and what lies one level within them.

    Yields:
        How the program writes it, the name that a reader of it has to use, and the thing.
    """
    for name, thing in locals_of(frame).items():
        if name.startswith("__"):
            continue
        yield name, name, thing
        fields = getattr(type(thing), "_fields", None)
        if isinstance(thing, tuple) and fields:
            inner = dict(zip(fields, thing, strict=False))
        elif type(thing) is dict:
            inner = {k: v for k, v in thing.items() if isinstance(k, str)}
        else:
            inner = getattr(thing, "__dict__", {})
            if isinstance(thing, type) or type(thing).__module__ in ("builtins", "types"):
                continue
        for key, value in list(inner.items())[:64]:
            if not key.startswith("__"):
                yield f"{name}.{key}", key, value


def end_flags(frame: FrameType, rows: int) -> Iterator[tuple[str, int]]:
    """Rows of 0 and 1 that say where episodes end, and that nothing in the program asks.

    Args:
        frame: where a target is computed.
        rows: transitions of which the target is made; 1: of a single one.

    Yields:
        The variable, and how many of the rows are the last of an episode.
    """
    binary: dict[str, tuple[str, np.ndarray[Any, Any]]] = {}
    for shown, name, thing in things_in(frame):
        row = numbers_in(thing)
        if row is None or len(row) != rows or len(row) < 2:
            continue
        if set(np.unique(row)) == {0.0, 1.0}:
            binary[shown] = (name, row)
    for shown, (name, row) in binary.items():
        if is_asked(frame, name, {n for n, _ in binary.values()}):
            continue
        ended = int(row.sum())
        yield shown, rows - ended if NOT.search(name.lower()) else ended


def is_asked(frame: FrameType, name: str, others: set[str]) -> bool:
    """Whether a variable or field is read for more than to make another row that nobody reads.

    Args:
        frame: a local variable's own; a field is looked for in the whole file.
        name: of the variable or field.
        others: names of the rows of 0 and 1 there.
    """
    file, line = frame.f_code.co_filename, frame.f_lineno
    tree = tree_of(file)
    if tree is None:
        return True
    is_variable = name in frame.f_locals
    inside = function_around(file, line, line) if is_variable else None
    return _Readers(inside or tree, is_variable).asks(name, others, set())


class _Readers:
    """Who reads a name in one scope.

    Args:
        scope: a function, or the module.
        variable: whether it is a variable of that scope; else an attribute or key, wherever it is.
    """

    def __init__(self, scope: ast.AST, variable: bool) -> None:
        self.scope = scope
        self.variable = variable

    def asks(self, name: str, others: set[str], known: set[str]) -> bool:
        """Whether any statement uses it."""
        if name in known:
            return False
        known.add(name)
        for statement in self._statements(self.scope, name):
            if getattr(statement, "body", None):
                parts = [getattr(statement, part, None) for part in ("test", "iter", "subject")]
                parts += [item.context_expr for item in getattr(statement, "items", [])]
                if any(isinstance(part, ast.AST) and self._reads(part, name) for part in parts):
                    return True
            elif self._reads(statement, name) and not _only_keeps(statement):
                made = self._made_from(statement, name)
                if not made or not made <= others | {name}:
                    return True
                if any(self.asks(other, others, known) for other in made):
                    return True
        return False

    def _statements(self, scope: ast.AST, name: str) -> Iterator[ast.stmt]:
        for node in ast.iter_child_nodes(scope):
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if function and self.variable and _binds(node, name):
                continue  # another variable of that name
            if isinstance(node, ast.stmt):
                yield node
            yield from self._statements(node, name)

    def _reads(self, node: ast.AST, name: str) -> bool:
        for inner in ast.walk(node):
            if self.variable:
                found = isinstance(inner, ast.Name) and inner.id == name
            elif isinstance(inner, ast.Subscript):
                found = isinstance(inner.slice, ast.Constant) and inner.slice.value == name
            else:
                found = isinstance(inner, ast.Attribute) and inner.attr == name
            if found and isinstance(inner.ctx, ast.Load):  # type: ignore[attr-defined]
                return True
        return False

    def _made_from(self, statement: ast.stmt, name: str) -> set[str]:
        """The variables that a statement makes from a name; of `a, b = c, d` the right one."""
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            return set()
        target, value = statement.targets[0], statement.value
        pairs = [(target, value)]
        several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        if several and len(target.elts) == len(value.elts):  # type: ignore[attr-defined]
            pairs = list(zip(target.elts, value.elts, strict=True))  # type: ignore[attr-defined]
        mine = [one for one, given in pairs if self._reads(given, name)]
        return {n.id for one in mine for n in ast.walk(one) if isinstance(n, ast.Name)}


def _binds(function: ast.AST, name: str) -> bool:
    return any(
        (isinstance(n, ast.arg) and n.arg == name)
        or (isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store))
        for n in ast.walk(function)
    )


def _only_keeps(statement: ast.stmt) -> bool:
    """`memory.append((…, done))`, `self.dones.append(done)`: kept, and asked by nobody yet."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    return call.func.attr in KEEPING
