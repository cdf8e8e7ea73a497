"""Whether the user's source cuts rows at the very length that they have: `words[:MAX_LENGTH]`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from lamplighter.watch.source.place import Place, frames, locals_of, tree_of


def line_that_cuts_at(length: int, dataset: Any = None) -> Place | None:
    """The first slice up to a number that is this length now, in the files that are running.

    Args:
        length: of the rows.
        dataset: whose attributes the number may be.
    """
    known = _numbers(dataset)
    for file in {frame.f_code.co_filename: None for frame in frames()}:
        tree = tree_of(file)
        for node in ast.walk(tree) if tree is not None else ():
            bound = _upper_bound(node)
            if bound is not None and length in _values_of(bound, known):
                return Place(file, node.lineno)  # type: ignore[attr-defined]
    return None


def _upper_bound(node: ast.AST) -> ast.expr | None:
    """`n` of `words[:n]`."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return None
    return node.slice.upper if node.slice.lower is None and node.slice.step is None else None


def _values_of(bound: ast.expr, known: dict[str, set[int]]) -> set[int]:
    if isinstance(bound, ast.Constant):
        return {bound.value} if isinstance(bound.value, int) else set()
    name = bound.attr if isinstance(bound, ast.Attribute) else getattr(bound, "id", "")
    return known.get(name, set())


def _numbers(dataset: Any) -> dict[str, set[int]]:
    """Whole numbers that the program can name now, by their names."""
    found: dict[str, set[int]] = {}
    for name, value in _names(dataset):
        if isinstance(value, int) and not isinstance(value, bool):
            found.setdefault(name, set()).add(value)
    return found


def _names(dataset: Any) -> Iterator[tuple[str, Any]]:
    for frame in frames():
        yield from list(frame.f_globals.items())
        yield from list(locals_of(frame).items())
    while dataset is not None:
        yield from list(getattr(dataset, "__dict__", {}).items())
        dataset = getattr(dataset, "dataset", None)
