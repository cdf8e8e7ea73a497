"""The lines of the program's own code that make what a loader hands out."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from lamplighter.watch.source.place import Place, is_users, tree_of
from lamplighter.watch.source.statements import called_name

GATHERING = ("append", "extend")


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


def _function_of(thing: Any) -> tuple[str, ast.FunctionDef] | None:
    code = getattr(inspect.unwrap(thing), "__code__", None) if callable(thing) else None
    if code is None or not is_users(code.co_filename):
        return None
    tree = tree_of(code.co_filename)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if code.co_firstlineno == first:
                return code.co_filename, node
    return None


def _line_of_part(function: tuple[str, ast.FunctionDef], position: int) -> Place | None:
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


def _origin(function: ast.FunctionDef, value: ast.expr | None, line: int, depth: int) -> int:
    names = [n.id for n in ast.walk(value) if isinstance(n, ast.Name)] if value else []
    for name in names:
        best: tuple[int, ast.expr | None] | None = None
        for node in ast.walk(function):
            found: tuple[int, ast.expr | None] | None = None
            if isinstance(node, ast.Call) and called_name(node) in GATHERING:
                owner = node.func.value if isinstance(node.func, ast.Attribute) else None
                if isinstance(owner, ast.Name) and owner.id == name:
                    return node.lineno
            elif isinstance(node, ast.Assign) and node.lineno < line and _is_set(name, node):
                found = (node.lineno, node.value)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        if best is not None:
            plain = isinstance(best[1], ast.Call) and called_name(best[1]) in ("cat", "stack")
            return _origin(function, best[1], best[0], depth - 1) if plain and depth else best[0]
    return line


def _is_set(name: str, node: ast.Assign) -> bool:
    return any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
