"""Optimizers that are built from parameter groups of another one: O112."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamplighter.checks.optimizer import groups_keep_settings
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    import torch

    from lamplighter.watch.world import World

SETTINGS = ("lr", "weight_decay", "momentum")


class SharedGroups(Watcher):
    """Compares the groups of a new optimizer with those of the others."""

    codes = ("O112",)

    def __init__(self, world: World) -> None:
        self.world = world

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        others = [r.ref() for r in self.world.optimizers.values()]
        for other in others:
            if other is None or other is optimizer or self.world.found("O112"):
                continue
            theirs = {id(group) for group in other.param_groups}
            for group in optimizer.param_groups:
                if id(group) in theirs:
                    self._compare(group, optimizer, other)

    def _compare(
        self,
        group: dict[str, Any],
        optimizer: torch.optim.Optimizer,
        other: torch.optim.Optimizer,
    ) -> None:
        for setting in SETTINGS:
            asked, before = optimizer.defaults.get(setting), other.defaults.get(setting)
            # a schedule has moved the rate since and kept what it was
            held = group.get("initial_lr", group["lr"]) if setting == "lr" else group.get(setting)
            values = (asked, before, held)
            if not all(isinstance(value, int | float) for value in values):
                continue
            if held == before != asked and asked is not None and held is not None:
                where = type(optimizer).__name__
                told = groups_keep_settings(setting, asked, held, where=where)
                self.world.adopt(told, here())
                return
