"""Divisions in the source of the running functions, with the divisor's value now."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import FrameType
from typing import Any

from torch.utils.data import DataLoader, Dataset

from lamplighter.watch.source.place import Place, frames, locals_of, tree_of


@dataclass(frozen=True, slots=True)
class Division:
    """`… / divisor` on one line."""

    place: Place
    divisor: int


def divisions_in_sight() -> list[Division]:
    """The divisions of the files that are running, by a length or a number known by name.

    Those nearest to the running line come first. Nothing is evaluated but names, attributes of
    loaders and data sets, and their length.
    """
    found: list[tuple[int, Division]] = []
    for frame in frames():
        file = frame.f_code.co_filename
        for node in ast.walk(tree_of(file) or ast.Module([], [])):
            divisor = _divisor(node)
            if divisor is None:
                continue
            value = _value(divisor, frame)
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


def _value(node: ast.expr, frame: FrameType) -> int | None:
    """The divisor as a whole number, or None where it is anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len":
        thing = _resolved(node.args[0], frame) if node.args else None
        if isinstance(thing, DataLoader | Dataset | list | tuple):
            try:
                return len(thing)  # type: ignore[arg-type]
            except TypeError:
                return None
        return None
    if isinstance(node, ast.Name):
        value = _resolved(node, frame)
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    return None


def _resolved(node: ast.expr, frame: FrameType) -> Any:
    if isinstance(node, ast.Name):
        return locals_of(frame).get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute) and node.attr in ("dataset", "sampler"):
        owner = _resolved(node.value, frame)
        return getattr(owner, node.attr, None) if isinstance(owner, DataLoader) else None
    return None
