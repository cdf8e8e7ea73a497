"""Cosines that are the scores of a choice: L121."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batches import is_dense
from lamplighter.checks.reach import cosines_too_small
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING, TRANSPOSING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 64  # products of matrices that are read
SURE = 3  # losses that must show it
LARGEST = 2**22  # values of a matrix
NEAR = 1e-3  # how far the length of a row may be from 1
ROWS_BY_COLUMNS = frozenset(("matmul", "mm"))
CARRYING = KEEPING | TRANSPOSING


class Cosines(Watcher):
    """Follows products of rows of length 1, times fixed numbers, to the loss."""

    codes = ("L121",)
    operations = ROWS_BY_COLUMNS | CARRYING | {"linear", "mul", "div"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.hits = Often(SURE)
        self.scores: ByIdentity[tuple[float, Place | None]] = ByIdentity()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or not result.requires_grad or result.dim() != 2:
            return
        if name in ROWS_BY_COLUMNS and len(args) == 2:
            self._look_at_product(args[0], args[1], result)
        elif name == "linear" and len(args) == 2 and not kwargs:
            self._look_at_product(args[0], args[1].T, result)
        elif self.scores:
            known = self.scores.get(args[0] if args else None)
            other = args[1] if len(args) > 1 else None
            if known is None and name == "mul" and isinstance(other, Tensor):
                known, other = self.scores.get(other), args[0]
            if known is not None and name in CARRYING:
                self.scores[result] = known
            elif known is not None and name in ("mul", "div"):
                number = _fixed(other)
                if number:
                    factor = abs(number) if name == "mul" else 1 / abs(number)
                    self.scores[result] = (known[0] * factor, here())

    def _look_at_product(self, rows: Any, columns: Any, result: Tensor) -> None:
        if self.looks >= LOOKS or not isinstance(rows, Tensor) or not isinstance(columns, Tensor):
            return
        if not is_dense(rows) or not is_dense(columns):
            return
        if rows.dim() != 2 or columns.dim() != 2 or max(rows.numel(), columns.numel()) > LARGEST:
            return
        self.looks += 1
        with torch.no_grad():
            if _are_units(rows[:1], 1) and _are_units(rows, 1) and _are_units(columns, 0):
                self.scores[result] = (1.0, here())

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        entered = given.get("input")
        if name != "cross_entropy" or not isinstance(entered, Tensor) or not self.scores:
            return
        known = self.scores.get(entered)
        if known is None or self.hits.is_settled():
            return
        for finding in cosines_too_small(known[0], entered.shape[1], where=name):
            if self.hits.again():
                self.world.adopt([finding], known[1])


def _are_units(matrix: Tensor, dim: int) -> bool:
    """Whether all rows, or columns, of a matrix have length 1."""
    return bool(((matrix.float().norm(dim=dim) - 1).abs() < NEAR).all())


def _fixed(thing: Any) -> float | None:
    """A number that no training changes, or None."""
    if isinstance(thing, int | float):
        return float(thing)
    if isinstance(thing, Tensor) and thing.numel() == 1 and not thing.requires_grad:
        return float(thing)
    return None
