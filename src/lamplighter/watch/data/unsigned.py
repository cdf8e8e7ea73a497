"""Differences of pictures in unsigned numbers, wherever the program computes them: T109."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.unsigned import wraps_round
from lamplighter.watch.data.arrays import Array
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import here, user_frame
from lamplighter.watch.source.pointing import pointed_from_name
from lamplighter.watch.source.wrapping import parts_at

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST = 64  # operations on unsigned tensors that are looked at
MOST_ARRAYS = 6
ROWS = 64


class Unsigned(Watcher):
    """Hears torch's arithmetic; of NumPy's it sees what data sets do, and what lies about."""

    codes = ("T109",)
    operations = frozenset({"sub", "rsub", "add", "mul"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name not in ("sub", "rsub", "add", "mul") or len(args) != 2:
            return
        if not isinstance(result, Tensor) or result.dtype != torch.uint8 or result is args[0]:
            return
        self.looks += 1
        if self.looks > MOST or self.world.found("T109"):
            return
        frame = user_frame()
        if frame is None or not any(parts_at(frame.f_code, frame.f_lineno)):
            return
        one, other = args[::-1] if name == "rsub" else args
        told = wraps_round(name.removeprefix("r"), one, other, where="a picture")
        self.world.adopt(told, here())

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.world.steps:
            return
        feeds = self.world.feeds
        given = feeds.fed_now() if feeds is not None else None
        if given is None:
            return
        arrays = self.world.in_sight().arrays
        plain = [a for a in arrays if a.values.dtype == torch.uint8 and a.values.dim() > 1]
        made = [a for a in arrays if a.values.is_floating_point() and a.values.dim() > 1]
        for one, other in permutations(plain[:MOST_ARRAYS], 2):
            if one.values.shape != other.values.shape:
                continue
            for array in made:
                if _is_difference(array, one, other):
                    where = f"`{one.name} - {other.name}`"
                    told = wraps_round("sub", one.values, other.values, where=where)
                    self.world.adopt(told, pointed_from_name("T109", array.name, given.place))
                    return

    def ended(self) -> None:
        comparisons = self.world.comparisons
        wrapped = comparisons.wrapped if comparisons is not None else {}
        for place, finding in wrapped.items():
            if not self.world.found("T109"):
                self.world.adopt([finding], place)


def _is_difference(made: Array, one: Array, other: Array) -> bool:
    """Whether an array is the wrapped difference of two others, as it is or as a part of 255."""
    rows, size = len(one.values), one.values[0].numel()
    if len(made.values) != rows or made.values[0].numel() != size:
        return False
    wrapped = (one.values[:ROWS] - other.values[:ROWS]).reshape(-1, size).float()
    whole = made.values[:ROWS].reshape(-1, size).float()
    return any(bool((whole * by - wrapped).abs().max() < 1e-2) for by in (1.0, 255.0))
