"""Networks wrapped for several processes: G101, G102."""

from __future__ import annotations

import hashlib
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World


class Replicas(Watcher):
    """Keeps a digest of wrapped networks at steps 1, 2, 4, 8, …, to be compared over processes."""

    codes = ("G101", "G102")

    def __init__(self, world: World) -> None:
        self.world = world
        self.wrapped: dict[int, weakref.ref[DistributedDataParallel]] = {}
        self.digests: dict[str, str] = {}
        self.bypassed = 0
        self.bypass: tuple[int, Place | None] | None = None

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if isinstance(module, DistributedDataParallel):
            self.wrapped[id(module.module)] = weakref.ref(module)
            self.always = frozenset({"step_ended"})
            self.bypass = None
        elif self.wrapped and id(module) in self.wrapped and torch.is_grad_enabled():
            self.bypass = (id(module), here())

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        if not self.wrapped:
            return
        if self.bypass is not None:
            self._count_bypass(*self.bypass)
            self.bypass = None
        step = self.world.steps
        if step & (step - 1):
            return
        for number, ref in enumerate(self.wrapped.values()):
            wrapper = ref()
            if wrapper is not None:
                self.digests[f"{type(wrapper.module).__name__} {number} {step}"] = digest(wrapper)

    def _count_bypass(self, key: int, place: Place | None) -> None:
        self.bypassed += 1
        if self.bypassed == 2 and self.wrapped[key]() is not None:
            self.world.report(
                "G102",
                "error",
                "DistributedDataParallel",
                "the network inside is called and trained directly: its gradients are not averaged "
                "over the processes, and the replicas drift apart",
                "call the DDP object itself in training",
                place,
            )


def digest(module: nn.Module) -> str:
    """A short text that is equal for equal weights."""
    made = hashlib.blake2b(digest_size=12)
    for parameter in module.parameters():
        made.update(parameter.detach().float().cpu().numpy().tobytes())
    return made.hexdigest()
