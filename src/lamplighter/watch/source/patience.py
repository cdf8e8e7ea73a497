"""Counts of epochs without progress that progress does not set back."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lamplighter.watch.source.place import Place, tree_of


def never_renewed(file: str) -> Iterator[tuple[str, Place]]:
    """Counts that end a training and only ever grow.

    `if loss < best: best = loss` with `else: count += 1`, a comparison of the count that leaves the
    loop or sets a flag, and nothing in the loop (or, for an attribute, in the class outside
    `__init__`) that gives the count another value.

    Args:
        file: a source of the program.

    Yields:
        The count as it is written, and the line that adds to it.
    """
    tree = tree_of(file) or ast.Module([], [])
    for scope in ast.walk(tree):
        if isinstance(scope, ast.For | ast.While):
            body = [n for part in scope.body for n in ast.walk(part)]
            yield from _in(body, file, ast.Name)
        elif isinstance(scope, ast.ClassDef):
            methods = [p for p in scope.body if getattr(p, "name", "") != "__init__"]
            yield from _in([n for p in methods for n in ast.walk(p)], file, ast.Attribute)


def _in(nodes: list[ast.AST], file: str, kind: type[ast.expr]) -> Iterator[tuple[str, Place]]:
    choices = [n for n in nodes if isinstance(n, ast.If)]
    for choice in choices:
        if not _renews_best(choice) or not choice.orelse:
            continue
        for statement in choice.orelse:
            if not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, ast.Add):
                continue
            if not isinstance(statement.target, kind) or not _is_one(statement.value):
                continue
            count = ast.unparse(statement.target)
            if not any(_ends(c, count) for c in choices):
                continue
            if not any(_sets(n, count) for n in nodes if n is not statement):
                yield count, Place(file, statement.lineno)


def _renews_best(choice: ast.If) -> bool:
    """`if figure < best:` with `best = figure` under it, and nothing asked besides."""
    test = choice.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    if not isinstance(test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
        return False
    sides = {ast.unparse(test.left), ast.unparse(test.comparators[0])}
    for statement in choice.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            pair = {ast.unparse(statement.targets[0]), ast.unparse(statement.value)}
            if pair == sides:
                return True
    return False


def _is_one(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value == 1


def _ends(choice: ast.If, count: str) -> bool:
    """Whether a count that has become large ends the loop, or sets something to True."""
    test = choice.test
    if not isinstance(test, ast.Compare) or ast.unparse(test.left) != count:
        return False
    if not isinstance(test.ops[0], ast.Gt | ast.GtE | ast.Eq):
        return False
    inner = [n for part in choice.body for n in ast.walk(part)]
    return any(isinstance(n, ast.Break | ast.Return) or _is_flag(n) for n in inner)


def _is_flag(node: ast.AST) -> bool:
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
        return False
    return node.value.value is True


def _sets(node: ast.AST, count: str) -> bool:
    """Whether a statement gives the count another value."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr | ast.For):
        targets = [node.target]
    flat = [n for t in targets for n in ast.walk(t)]
    return any(isinstance(n, ast.expr) and ast.unparse(n) == count for n in flat)
