"""Arithmetic that leaves the range of unsigned numbers and comes in again at its other end: T109."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 64  # numbers of a picture
SHARE = 0.01  # of them, that must wrap round
OPERATIONS = {"sub": np.subtract, "add": np.add, "mul": np.multiply}
SIGNS = {"sub": "-", "add": "+", "mul": "*"}


def wraps_round(operation: str, one: Any, other: Any, *, where: str) -> Iterator[Finding]:
    """T109: a sum or difference of unsigned pictures has left their range.

    Args:
        operation: "sub", "add" or "mul".
        one: an array or tensor, or a number.
        other: another one.
        where: the expression.
    """
    known = _stays_unsigned(one, other)
    if known is None or operation not in OPERATIONS:
        return
    mine, theirs, highest = known
    exact = OPERATIONS[operation](mine.astype(np.int64), theirs.astype(np.int64))
    outside = (exact < 0) | (exact > highest)
    if float(outside.mean()) < SHARE:
        return
    at = tuple(int(axis[0]) for axis in np.nonzero(outside))
    left, right = (int(np.broadcast_to(v, exact.shape)[at]) for v in (mine, theirs))
    yield found(
        "T109",
        where,
        f"{float(outside.mean()):.0%} of the numbers leave the range 0 to {highest} of their type "
        f"and come in again at its other end, such as {left} {SIGNS[operation]} {right} = "
        f"{int(exact[at]) % (highest + 1)}",
        "convert before the arithmetic: image.astype(np.float32), or image.float()",
    )


def _stays_unsigned(one: Any, other: Any) -> tuple[Any, Any, int] | None:
    """Both as arrays and the largest number of their type, where the result keeps that type."""
    arrays = [_array(v) for v in (one, other)]
    if any(a is None for a in arrays):
        return None
    mine, theirs = (np.asarray(a) for a in arrays)
    large = max((mine, theirs), key=lambda a: a.size)
    if large.dtype.kind != "u" or large.ndim < 2 or large.size < FEWEST:
        return None
    if mine.size > 2**24 or theirs.size > 2**24 or len(np.unique(large.reshape(-1)[:4096])) < 8:
        return None
    small = theirs if large is mine else mine
    if small.ndim == 0 and (small.dtype.kind not in "iu" or abs(int(small)) < 2):
        return None  # a class map whose 0 becomes the number that is ignored
    if small.ndim and small.dtype != large.dtype:
        return None
    return mine, theirs, int(np.iinfo(large.dtype).max)


def _array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Tensor):
        plain = value.dtype in (torch.uint8, torch.int64, torch.int32) and not value.is_cuda
        return value.detach().numpy() if plain and not value.is_sparse else None
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return np.asarray(value)
    return None
