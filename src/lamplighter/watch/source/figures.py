"""Figures and lengths that the user's running functions hold, and the lines that made them."""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lamplighter.watch.source.place import Place, frames, is_users, locals_of, statements

MOST = 300  # figures of one look
DEPTH = 3  # functions, from the innermost outwards


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that the program holds.

    Args:
        name: of the variable, attribute or list.
        value: as it is now.
        file: the source that holds it.
    """

    name: str
    value: float
    file: str

    def is_plain(self) -> bool:
        """Whether it is a short decimal such as 0.1, as settings are."""
        return len(repr(self.value)) < 9


def in_sight() -> tuple[list[Figure], set[int]]:
    """Figures of the user's running functions, and the lengths of what they hold."""
    figures: list[Figure] = []
    sizes: set[int] = set()
    for name, thing, file in things_near():
        figures += [Figure(name, value, file) for value in _numbers(thing)]
        size = _size(thing)
        if size > 1:
            sizes.add(size)
        if len(figures) >= MOST:
            break
    return figures, sizes


def things_near() -> Iterator[tuple[str, Any, str]]:
    """What the innermost running functions of the user and the program itself hold.

    Yields:
        Name, thing, and the file that names it.
    """
    spaces = [(locals_of(f), f.f_code.co_filename) for f in list(frames(3))[:DEPTH]]
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if main is not None and file and is_users(file) and all(file != f for _, f in spaces):
        spaces.append((dict(vars(main)), file))
    elif spaces:
        outer = list(frames(3))[-1]
        spaces.append((dict(outer.f_globals), spaces[-1][1]))
    for space, source in spaces:
        for name, thing in list(space.items()):
            if name.startswith("__") or isinstance(thing, ModuleType | type | FrameType):
                continue
            yield name, thing, source
            yield from _within(name, thing, source, 2)


def _within(name: str, thing: Any, source: str, depth: int) -> Iterator[tuple[str, Any, str]]:
    """What the user's own objects keep as attributes."""
    if depth == 0 or isinstance(thing, nn.Module | Tensor | torch.optim.Optimizer | Dataset):
        return
    module = sys.modules.get(type(thing).__module__)
    if module is None or not is_users(getattr(module, "__file__", None) or "<"):
        return
    kept = getattr(thing, "__dict__", None)
    for key, value in list(kept.items())[:40] if isinstance(kept, dict) else ():
        yield f"{name}.{key}", value, source
        yield from _within(f"{name}.{key}", value, source, depth - 1)


def _numbers(thing: Any, depth: int = 2) -> Iterator[float]:
    if isinstance(thing, bool | int | str | bytes):
        return
    if isinstance(thing, float | np.floating):
        yield float(thing)
    elif isinstance(thing, Tensor):
        if thing.numel() == 1 and thing.is_floating_point() and not thing.is_meta:
            yield float(thing.detach())
    elif depth and isinstance(thing, list | tuple | deque):
        for inner in list(thing)[-3:]:
            yield from _numbers(inner, depth - 1)
    elif depth and isinstance(thing, dict):
        for inner in list(thing.values())[:20]:
            yield from _numbers(inner, depth - 1)


def _size(thing: Any) -> int:
    kinds = (DataLoader, Dataset, Tensor, np.ndarray, list, tuple)
    if isinstance(thing, Tensor) and not thing.dim():
        return 0
    try:
        return len(thing) if isinstance(thing, kinds) and isinstance(thing, Sized) else 0
    except (TypeError, NotImplementedError):
        return 0


def line_that_divides(figure: Figure) -> Place | None:
    """The line that divides what a figure holds, or that returns it divided, or None."""
    base = figure.name.split(".")[-1]
    found, callers = [], set()
    for node in statements(figure.file):
        if isinstance(node, ast.AugAssign) and _base(node.target) == base:
            if isinstance(node.op, ast.Div):
                found.append(node.lineno)
        elif isinstance(node, ast.Assign) and any(base in _bases(t) for t in node.targets):
            if _divides(node.value):
                found.append(node.lineno)
            callers |= {_base(n.func) for n in ast.walk(node.value) if isinstance(n, ast.Call)}
        elif isinstance(node, ast.Expr) and base in _bases(node.value) and _divides(node.value):
            found.append(node.lineno)
    if not found:
        found = _in_functions(figure.file, callers)
    return Place(figure.file, found[-1]) if found else None


def _in_functions(file: str, names: set[str]) -> list[int]:
    """Lines of these functions that divide, those that return first to be left."""
    lines: list[int] = []
    for node in statements(file):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
            inner = [n for n in ast.walk(node) if isinstance(n, ast.stmt) and n is not node]
            divided = [
                n.lineno
                for n in inner
                if (isinstance(n, ast.AugAssign) and isinstance(n.op, ast.Div))
                or (isinstance(n, ast.Assign | ast.Return) and n.value and _divides(n.value))
            ]
            lines += sorted(divided)
    return lines


def _divides(node: ast.expr) -> bool:
    return any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div) for n in ast.walk(node))


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _bases(node: ast.AST) -> set[str]:
    return {_base(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)}
