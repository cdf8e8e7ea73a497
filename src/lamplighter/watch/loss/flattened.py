"""Answers and targets that were laid out flat in two orders before the loss: D105."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.alignments import flattened_in_two_orders
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FLAT = ("reshape", "view", "flatten")
CARRYING = KEEPING | {"squeeze", "unsqueeze"}
SURE = 3  # losses in which it shows


class Flattened(Watcher):
    """Remembers which two dimensions became one, of what enters a loss and of its target."""

    codes = ("D105",)
    operations = CARRYING | {*FLAT}

    def __init__(self, world: World) -> None:
        self.world = world
        self.made: ByIdentity[tuple[torch.Size, Place | None]] = ByIdentity()
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not args or not isinstance(args[0], Tensor) or not isinstance(result, Tensor):
            return
        given = args[0]
        if name in FLAT and given.dim() > 1 and torch.is_grad_enabled():
            rows = given.shape[0] * given.shape[1]
            if result.shape[:1] == (rows,) and result.shape[1:] in (given.shape[2:], (1,)):
                self.made[result] = (given.shape, here())
        elif name in CARRYING and (known := self.made.get(given)) is not None:
            self.made[result] = known

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        entered, target = given.get("input"), given.get("target")
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        if not isinstance(entered, Tensor) or not isinstance(target, Tensor):
            return
        mine, theirs = self.made.get(entered), self.made.get(target)
        if mine is None or theirs is None or theirs[0].numel() == 0:
            return
        (first, second), other = mine[0][:2], tuple(theirs[0][:2])
        if other != (second, first) or first == second or min(first, second) < 2:
            return
        if self.hits.again():
            told = flattened_in_two_orders(mine[0], theirs[0], where=name)
            self.world.adopt(told, theirs[1])
