"""Where a program keeps the best of several, read from its source."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache

from lamplighter.watch.source.place import Place, is_users, tree_of


def kept_as_best(file: str) -> Iterator[tuple[str, str, int]]:
    """Where a loop keeps a variable each time that a figure is better than the best so far.

        if accuracy > best:
            best = accuracy
            kept = model

    Yields:
        What it is kept as, what is kept, and the line.
    """
    for loop in ast.walk(tree_of(file) or ast.Module([], [])):
        if not isinstance(loop, ast.For | ast.While):
            continue
        inside = list(_of_this_loop(loop))
        # `model = build()` in each round: candidates, of which the best may be the last
        made = {ast.unparse(n) for n in inside if isinstance(getattr(n, "ctx", None), ast.Store)}
        for node in inside:
            if not isinstance(node, ast.If):
                continue
            pairs = [pair for s in node.body for pair in _assigned(s)]
            asked = [n for n in ast.walk(node.test) if isinstance(n, ast.Compare)]
            sides = [{ast.unparse(n.left), *map(ast.unparse, n.comparators)} for n in asked]
            if any({target, value} in sides for target, value, _ in pairs):
                yield from (pair for pair in pairs if pair[1] not in made)


def _of_this_loop(loop: ast.For | ast.While) -> Iterator[ast.AST]:
    """What lies in a loop and in no loop within it, its own variables with it."""
    waiting: list[ast.AST] = [*loop.body, *([loop.target] if isinstance(loop, ast.For) else [])]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.For | ast.While | ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, str, int]]:
    """What a statement assigns, also side by side as in `best, kept = score, model`."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = statement.targets[0], statement.value
    both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
    left = target.elts if both else [target]  # type: ignore[attr-defined]
    right = value.elts if both else [value]  # type: ignore[attr-defined]
    if len(left) == len(right):
        for one, other in zip(left, right, strict=True):
            yield ast.unparse(one), ast.unparse(other), statement.lineno


def keepers_of(kind: type) -> list[tuple[str, str, Place]]:
    """Where a method of the program's own keeps what it was given each time that it is better.

        def __call__(self, loss, model):
            if loss < self.best_loss:
                self.best_loss = loss
                self.best_model = model

    Only where something else reads it afterwards; what is saved on the spot needs no copy.

    Returns:
        The attribute, what is kept, and where.
    """
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return _keepers_in(file, kind.__name__) if file and is_users(file) else []


@cache
def _keepers_in(file: str, name: str) -> list[tuple[str, str, Place]]:
    tree = tree_of(file)
    if tree is None:
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for method in (n for n in node.body if isinstance(n, ast.FunctionDef)):
                for attribute, source, line in _kept_from_arguments(method):
                    if _is_read(tree, attribute):
                        found.append((attribute, source, Place(file, line)))
    return found


def _kept_from_arguments(method: ast.FunctionDef) -> Iterator[tuple[str, str, int]]:
    given = {argument.arg for argument in method.args.args}
    for node in ast.walk(method):
        if not isinstance(node, ast.If):
            continue
        several = [*node.body, *node.orelse]
        pairs = [pair for statement in several for pair in _assigned(statement)]
        asked = [n for n in ast.walk(method) if isinstance(n, ast.Compare)]
        sides = [{ast.unparse(n.left), *map(ast.unparse, n.comparators)} for n in asked]
        if any({target, value} in sides for target, value, _ in pairs):
            for target, value, line in pairs:
                if value in given and target.startswith("self."):
                    yield target.removeprefix("self."), value, line


def _is_read(tree: ast.Module, attribute: str) -> bool:
    return any(
        isinstance(n, ast.Attribute) and n.attr == attribute and isinstance(n.ctx, ast.Load)
        for n in ast.walk(tree)
    )
