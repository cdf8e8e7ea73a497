"""States of recurrent layers that go from batch to batch of a shuffled loader: M104."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import RandomSampler

from lamplighter.checks.catalogue import found
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 64  # calls that are looked at
SURE = 3  # batches that must get the state of the one before


class HandedStates(Watcher):
    """Knows the states that a network gave, and looks whether the next batch begins with them."""

    codes = ("M104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = self.hits = 0
        self.states: list[Tensor] = []
        self.batch: tuple[int, int] | None = None

    def _now(self) -> tuple[int, int] | None:
        """Which batch of which walk is the newest, where their order is chance."""
        current = self.world.current()
        if current is None or not isinstance(current.sampler(), RandomSampler):
            return None
        return current.number, current.given

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.looks >= LOOKS or not self.states or not torch.is_grad_enabled():
            return
        now = self._now()
        if now is None or now == self.batch:
            return
        known = {t.data_ptr() for t in self.states}
        given = [t for t in shallow((*args, *kwargs.values())) if t.data_ptr() in known]
        shapes = {t.shape for t in self.states}
        if not module.training or not any(t.shape in shapes for t in given):
            return
        self.hits += 1
        if self.hits != SURE:
            return
        told = found(
            "M104",
            "state",
            f"{SURE} batches of a shuffled loader begin with the state that the batch before "
            "ended with: each sequence goes on from one that it has nothing to do with",
            "begin each batch without a state, or give the sequences in their order, "
            "shuffle=False, each row the continuation of the same row before",
        )
        self.world.adopt([told], here())

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.looks >= LOOKS or not isinstance(output, tuple | list):
            return
        self.looks += 1
        sizes = {m.hidden_size for m in module.modules() if isinstance(m, nn.RNNBase)}
        now = self._now() if sizes else None
        if now is None or not torch.is_grad_enabled():
            return
        several = [t for t in shallow(output) if t.dim() == 3 and t.shape[-1] in sizes]
        # held, so that no later tensor lies at the same place
        self.states = [t.detach() for t in several]
        self.batch = now
