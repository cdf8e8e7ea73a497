"""Losses over all rows of a graph or table, those that a mask holds out among them: R105."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.evaluation import loss_over_held_out_rows
from lamplighter.watch.data.arrays import arrays_in_sight
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.roles import likely_role

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOSSES = (
    *("cross_entropy", "nll_loss"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
)
FEWEST = 32  # rows
SURE = 5  # steps in a row


class HeldOutRows(Watcher):
    """Counts the rows that each step's loss takes in, where masks of so many rows are in sight."""

    codes = ("R105",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts: set[int] = set()
        self.now: list[tuple[int, Place | None]] = []
        self.steps = 0
        self.place: Place | None = None
        self.masks: tuple[str, Tensor, str, Tensor] | None = None

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target = given.get("target")
        if name not in LOSSES or not isinstance(target, Tensor) or self.steps > SURE:
            return
        if not (isinstance(result, Tensor) and result.requires_grad) or target.dim() == 0:
            return
        whole = given.get("reduction", "mean") != "none" and not _ignores(given, target)
        self.now.append((len(target) if whole else 0, here()))

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        now, self.now = self.now, []
        if not now or self.steps > SURE:
            return
        self.steps += 1
        self.counts |= {count for count, _ in now}
        if len(self.counts) > 1 or min(self.counts) < FEWEST:
            self.masks = None
        elif self.steps == 1:
            self.place = now[0][1]
            self.masks = _masks_over(now[0][0])

    def ended(self) -> None:
        if self.masks is None or self.steps < SURE or len(self.counts) > 1:
            return
        mine, train, theirs, held_out = self.masks
        told = loss_over_held_out_rows(
            len(train), int(held_out.sum()), int(train.sum()), held_out=theirs, train=mine
        )
        self.world.adopt(told, self.place)


def _ignores(given: dict[str, Any], target: Tensor) -> bool:
    """Whether some rows are left out by the number that their target has."""
    if target.is_floating_point():
        return bool(target.isnan().any()) or given.get("weight") is not None
    return bool((target == given.get("ignore_index", -100)).any())


def _masks_over(count: int) -> tuple[str, Tensor, str, Tensor] | None:
    """Two masks of so many rows that share none, one called that of train and one of a test."""
    found: dict[str, list[tuple[str, Tensor]]] = {"train": [], "evaluation": [], "": []}
    for array in arrays_in_sight():
        mask = _as_mask(array.values, count)
        if mask is not None and 0 < int(mask.sum()) < count:
            found[likely_role([array.name], None)].append((array.name, mask))
    for name, mask in found["train"]:
        for other, held_out in reversed(found["evaluation"]):
            if not bool((mask & held_out).any()):
                return name, mask, other, held_out
    return None


def _as_mask(values: Tensor, count: int) -> Tensor | None:
    """`(count,)` of a mask, or of the numbers of rows."""
    if values.dim() != 1:
        return None
    if values.dtype == torch.bool:
        return values if len(values) == count else None
    if values.dtype != torch.int64 or len(values) >= count:
        return None
    if int(values.min()) < 0 or int(values.max()) >= count or len(values.unique()) < len(values):
        return None
    mask = torch.zeros(count, dtype=torch.bool)
    mask[values] = True
    return mask
