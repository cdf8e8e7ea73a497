"""Divisions in the source of the running functions, with the divisor's value now."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from lamplighter.watch.source.place import Place, frames, tree_of
from lamplighter.watch.source.values import length_given


@dataclass(frozen=True, slots=True)
class Division:
    """`… / divisor` on one line."""

    place: Place
    divisor: int


def divisions_in_sight() -> list[Division]:
    """The divisions of the files that are running, by a length or a number known by name.

    Those nearest to the running line come first. Nothing is evaluated but names, attributes,
    entries, and their length.
    """
    found: list[tuple[int, Division]] = []
    for frame in frames():
        file = frame.f_code.co_filename
        for node in ast.walk(tree_of(file) or ast.Module([], [])):
            divisor = _divisor(node)
            if divisor is None:
                continue
            value = length_given(divisor, frame)
            if value is not None and isinstance(node, ast.BinOp | ast.AugAssign):
                distance = abs(node.lineno - frame.f_lineno)
                found.append((distance, Division(Place(file, node.lineno), value)))
    return [division for _, division in sorted(found, key=lambda pair: pair[0])]


def _divisor(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return node.right
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div):
        return node.value
    return None
