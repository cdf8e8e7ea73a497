"""Boxes of centre and size in arithmetic for corners: T108."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamplighter.checks.transforms import boxes_are_no_corners
from lamplighter.watch.events import Watcher
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LARGER, SMALLER = ("max", "maximum"), ("min", "minimum")
SURE = 2  # overlaps that must show it
RECENT = 8  # parts of boxes whose larger values were taken


class Boxes(Watcher):
    """Follows the arithmetic of an overlap: the larger of two beginnings, the smaller of two ends.

    Whoever writes or calls it, what lies two places further on in the same four numbers is taken
    for the other corner.
    """

    codes = ("T108",)
    operations = frozenset((*LARGER, *SMALLER))

    def __init__(self, world: World) -> None:
        self.world = world
        self.begins: list[tuple[weakref.ref[Tensor], int]] = []
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        given = list(shallow(args)) if name in LARGER or name in SMALLER else []
        if len(given) < 2:  # the largest of one tensor is no corner
            return
        parts = [p for t in given if (p := _part(t)) is not None]
        if name in LARGER:
            begins = [(weakref.ref(base), offset) for base, offset in parts]
            self.begins = (self.begins + begins)[-RECENT:]
            return
        for base, offset in parts:
            if any(ref() is base and offset - before == 2 for ref, before in self.begins):
                self._judge(base)

    def _judge(self, boxes: Tensor) -> None:
        if boxes.requires_grad or self.world.found("T108"):
            return
        told = list(boxes_are_no_corners(boxes))
        if told and self.hits.again():
            self.world.adopt_new(told, here())


def _part(tensor: Tensor) -> tuple[Tensor, int] | None:
    """The boxes that a tensor is a part of, and where in their four numbers it begins."""
    base = tensor._base
    if base is None or base.dim() < 2 or base.shape[-1] != 4 or not base.is_contiguous():
        return None
    return base, int(tensor.storage_offset() - base.storage_offset()) % 4
