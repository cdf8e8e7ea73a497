"""What an expression of the source stands for in a running function; nothing of the program's runs."""

from __future__ import annotations

import ast
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lamplighter.watch.source.place import locals_of
from lamplighter.watch.source.statements import called_name

SIZED = (DataLoader, Dataset, torch.Tensor, np.ndarray, list, tuple)


def number_of(node: ast.expr, frame: FrameType) -> float | None:
    """The number that an expression stands for, or None."""
    return plain_number(value_of(node, frame))


def plain_number(thing: Any) -> float | None:
    """A real number, or the only one of a tensor or an array; of anything else None."""
    if isinstance(thing, torch.Tensor):
        dense = thing.layout is torch.strided and not thing.is_meta
        single = dense and thing.numel() == 1 and not thing.is_complex()
        return float(thing.detach()) if single else None
    if isinstance(thing, np.ndarray):
        return (
            float(thing.reshape(-1)[0]) if thing.size == 1 and thing.dtype.kind in "fiub" else None
        )
    real = isinstance(thing, int | float | np.integer | np.floating)
    return float(thing) if real else None


def length_given(divisor: ast.expr, frame: FrameType) -> int | None:
    """The value of a divisor that is a whole number by its name, or `len()` of something; else None."""
    if isinstance(divisor, ast.Name):
        value = value_of(divisor, frame)
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    if not isinstance(divisor, ast.Call) or ast.unparse(divisor.func) != "len" or not divisor.args:
        return None
    thing = value_of(divisor.args[0], frame)
    if not isinstance(thing, SIZED) or (isinstance(thing, torch.Tensor) and not thing.dim()):
        return None
    try:
        return len(thing)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        return None


def value_of(node: ast.expr, frame: FrameType) -> Any:
    """What an expression stands for: names, attributes, entries, lengths, sums of numbers; else None.

    Args:
        node: of the frame's source.
        frame: of a running function.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return locals_of(frame).get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        return _attribute(value_of(node.value, frame), node.attr)
    if isinstance(node, ast.Subscript):
        return _entry(value_of(node.value, frame), value_of(node.slice, frame))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _counted(node.operand, frame)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        one, other = _counted(node.left, frame), _counted(node.right, frame)
        if one is None or other is None:
            return None
        return one + other if isinstance(node.op, ast.Add) else one - other
    return _called(node, frame) if isinstance(node, ast.Call) else None


def _counted(node: ast.expr, frame: FrameType) -> int | float | None:
    """A number; a whole one stays whole, as an index has to."""
    thing = value_of(node, frame)
    return thing if isinstance(thing, int | float) else plain_number(thing)


def _attribute(owner: Any, name: str) -> Any:
    for space in (owner, *type(owner).__mro__):  # a class may hold what its objects begin with
        kept = getattr(space, "__dict__", {})
        if name in kept:
            return kept[name]
    return None


def _entry(owner: Any, key: Any) -> Any:
    if isinstance(owner, dict) and isinstance(key, str | int):
        return dict.get(owner, key)
    is_row = isinstance(owner, list | tuple) or (
        isinstance(owner, np.ndarray | torch.Tensor) and owner.ndim == 1
    )
    if is_row and isinstance(key, int) and -len(owner) <= key < len(owner):
        return owner[key]
    return None


def _called(call: ast.Call, frame: FrameType) -> Any:
    """`x.item()`, `float(x)` and `len(x)`."""
    name = called_name(call)
    if name == "item" and isinstance(call.func, ast.Attribute):
        return value_of(call.func.value, frame)
    of = value_of(call.args[0], frame) if len(call.args) == 1 else None
    if name == "len" and isinstance(of, list | tuple | dict):
        return len(of)
    return of if name == "float" else None
