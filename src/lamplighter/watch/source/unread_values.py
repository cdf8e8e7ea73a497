"""Assignments whose value nobody reads: it is replaced first, or the variable is never asked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lamplighter.watch.source.place import is_users, tree_of
from lamplighter.watch.source.statements import HIDDEN

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LEAVING = (ast.Break, ast.Continue)


@dataclass(frozen=True, slots=True)
class UnreadValue:
    """A value that a statement gives to a variable.

    Args:
        name: the variable.
        line: of the statement.
        replaced: the line that gives the variable another value before anybody read it; None: the
            variable is read nowhere.
    """

    name: str
    line: int
    replaced: int | None


@cache
def unread_values(file: str) -> dict[int, UnreadValue]:
    """Line → what is assigned there in vain, for each line of such a statement."""
    tree = tree_of(file) if is_users(file) else None
    found: dict[int, UnreadValue] = {}
    for scope in _scopes(tree) if tree is not None else ():
        borrowed = _read_by_functions_in(scope)
        for block in _blocks(scope):
            for at, statement in enumerate(block):
                one = _in_vain(statement, block[at + 1 :], scope)
                if one is not None and one.name not in borrowed:
                    last = statement.end_lineno or one.line
                    found |= dict.fromkeys(range(one.line, last + 1), one)
    return found


def _in_vain(
    statement: ast.stmt, after: list[ast.stmt], scope: ast.Module | ast.FunctionDef
) -> UnreadValue | None:
    name = _assigned(statement)
    if not name or name.startswith("_"):
        return None
    for later in after:
        nodes = list(ast.walk(later))
        if any(isinstance(n, _LEAVING) for n in nodes):
            break  # whoever leaves the loop here may read it behind
        if not any(isinstance(n, ast.Name) and n.id == name for n in nodes):
            continue
        again = isinstance(later, ast.Assign) and _assigned(later) == name
        if again and not _reads(later, name):
            return UnreadValue(name, statement.lineno, later.lineno)
        break
    if isinstance(scope, ast.Module) or _reads(scope, name):
        return None  # a variable of a module may be read by another one
    outside = any(
        isinstance(n, ast.Global | ast.Nonlocal) and name in n.names for n in ast.walk(scope)
    )
    return None if outside else UnreadValue(name, statement.lineno, None)


def _assigned(statement: ast.stmt) -> str:
    """The only variable that a statement gives a value to, or an empty text."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign) and statement.value is not None:
        target = statement.target
    else:
        return ""
    return target.id if isinstance(target, ast.Name) else ""


def _reads(node: ast.AST, name: str) -> bool:
    """Whether a name is read, or everything may be."""
    return any(
        isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and (n.id == name or n.id in HIDDEN)
        for n in ast.walk(node)
    )


def _read_by_functions_in(scope: ast.Module | ast.FunctionDef) -> set[str]:
    """The names that functions within a scope read and do not set: they may run at any line."""
    found: set[str] = set()
    for inner in ast.walk(scope):
        if inner is scope or not isinstance(inner, (*_FUNCTIONS, ast.Lambda)):
            continue
        nodes = list(ast.walk(inner))
        names = [n for n in nodes if isinstance(n, ast.Name)]
        outer = {m for n in nodes if isinstance(n, ast.Global | ast.Nonlocal) for m in n.names}
        own = {n.arg for n in nodes if isinstance(n, ast.arg)}
        own |= {n.id for n in names if not isinstance(n.ctx, ast.Load)}
        found |= {n.id for n in names if isinstance(n.ctx, ast.Load)} - (own - outer)
    return found


def _scopes(tree: ast.Module) -> Iterator[ast.Module | ast.FunctionDef]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            yield node  # type: ignore[misc]


def _blocks(scope: ast.AST) -> Iterator[list[ast.stmt]]:
    """The blocks of a scope, but not those of functions and classes within it."""
    for part in ("body", "orelse", "finalbody", "handlers"):
        inside = getattr(scope, part, None)
        if not isinstance(inside, list) or not inside:
            continue
        if isinstance(inside[0], ast.stmt) and not isinstance(scope, ast.Try):
            yield inside
        for inner in inside:
            if not isinstance(inner, (*_FUNCTIONS, ast.ClassDef)):
                yield from _blocks(inner)
