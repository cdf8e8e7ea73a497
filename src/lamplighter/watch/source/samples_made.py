"""The lines of the program's own code that make what a loader hands out."""

from __future__ import annotations

import ast
import inspect
from typing import Any, TypeGuard

from lamplighter.watch.source.place import Function, Place, function_of
from lamplighter.watch.source.statements import called_name

GATHERING = ("append", "extend")
JOINING = ("cat", "stack")


def line_of_target(dataset: Any) -> Place | None:
    """The statement that makes the last thing that the user's `__getitem__` returns, or None.

    Args:
        dataset: what a loader reads; parts of a data set are looked through.
    """
    while type(dataset).__module__.startswith("torch.") and hasattr(dataset, "dataset"):
        dataset = dataset.dataset
    function = _function_of(getattr(type(dataset), "__getitem__", None))
    return _line_of_part(function, -1) if function is not None else None


def line_of_collated(collate: Any, position: int) -> Place | None:
    """The statement of the user's `collate_fn` that gathers one part of the batch, or None.

    Args:
        collate: the function.
        position: of the part in what it returns.
    """
    function = _function_of(collate)
    return _line_of_part(function, position) if function is not None else None


def _function_of(thing: Any) -> tuple[str, Function] | None:
    code = getattr(inspect.unwrap(thing), "__code__", None) if callable(thing) else None
    function = function_of(code) if code is not None else None
    return (code.co_filename, function) if code is not None and function is not None else None


def _line_of_part(function: tuple[str, Function], position: int) -> Place | None:
    """Where a part of the last `return` is gathered or assigned, else the `return` itself."""
    file, node = function
    returns = [n for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None]
    if not returns:
        return None
    last = max(returns, key=lambda n: n.lineno)
    value = last.value
    if isinstance(value, ast.Tuple | ast.List):
        if not -len(value.elts) <= position < len(value.elts):
            return Place(file, last.lineno)
        value = value.elts[position]
    return Place(file, _origin(node, value, last.lineno, 3))


def _origin(function: Function, value: ast.expr | None, line: int, depth: int) -> int:
    """The line that gathers or assigns what a value is made from; this line where none does."""
    names = [n.id for n in ast.walk(value) if isinstance(n, ast.Name)] if value else []
    for name in names:
        nodes = list(ast.walk(function))
        gathering = next((n for n in nodes if _gathers(n, name)), None)
        if gathering is not None:
            return gathering.lineno
        before = [n for n in nodes if isinstance(n, ast.Assign) and n.lineno < line]
        assigned = [n for n in before if _is_set(name, n)]
        if assigned:
            last = max(assigned, key=lambda n: n.lineno)
            joins = isinstance(last.value, ast.Call) and called_name(last.value) in JOINING
            if joins and depth:
                return _origin(function, last.value, last.lineno, depth - 1)
            return last.lineno
    return line


def _gathers(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    return node.func.attr in GATHERING and isinstance(owner, ast.Name) and owner.id == name


def _is_set(name: str, node: ast.Assign) -> bool:
    return any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
