"""Inputs of one shuffled loader beside targets of another, each in an order of its own: Y101."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import RandomSampler

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.loading import drawn_in_two_orders
from lamplighter.watch.data.loaders import record_of
from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

SURE = 3  # steps that must show it


class TwoOrders(Watcher):
    """Notes which loader's batch a network is given, and which one's its loss is given.

    A loader of targets alone is meant to keep step with another: pairs are made of nothing else.
    """

    codes = ("Y101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.batches: dict[int, tuple[Pass, list[Tensor]]] = {}
        self.given: Pass | None = None
        self.hits = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        if self.hits < SURE:
            self.batches[id(current)] = (current, list(tensors_in(batch)))

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.given = None
        first = next(tensors_in([*args, *kwargs.values()]), None)
        if first is None or len(self.batches) < 2 or not torch.is_grad_enabled():
            return
        for walk, tensors in self.batches.values():
            if len(tensors) == 1 and _is_same(first, tensors[0]):
                self.given = walk
                return

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target, mine = given.get("target"), self.given
        if mine is None or not isinstance(target, Tensor) or self.hits >= SURE:
            return
        for walk, tensors in self.batches.values():
            if walk is mine or len(tensors) != 1 or not _is_same(target, tensors[0]):
                continue
            if _draw_their_own(mine, walk):
                self.hits += 1
                if self.hits == SURE:
                    names = [self._name_of(one) for one in (mine, walk)]
                    self.world.adopt(drawn_in_two_orders(*names), walk.place)
            return

    def _name_of(self, walk: Pass) -> str:
        loader = walk.loader()
        return "one loader" if loader is None else record_of(self.world, loader).name

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.batches, self.given = {}, None

    def woken(self) -> None:
        self.batches, self.given = {}, None


def _draw_their_own(one: Pass, other: Pass) -> bool:
    """Whether both shuffle as many samples, without a seed that would make their orders one."""
    samplers = [walk.sampler() for walk in (one, other)]
    if not all(isinstance(sampler, RandomSampler) for sampler in samplers):
        return False
    loaders = [loader for walk in (one, other) if (loader := walk.loader()) is not None]
    if any(thing.generator is not None for thing in (*samplers, *loaders)):
        return False
    return len(one.dataset()) == len(other.dataset())


def _is_same(entered: Tensor, given: Tensor) -> bool:
    """Whether a tensor is a loader's, but for its shape, device and precision."""
    if not entered.dim() or entered.numel() != given.numel() or len(entered) != len(given):
        return False
    plain = entered.detach().reshape(-1).cpu()
    return torch.equal(plain, given.detach().reshape(-1).cpu().to(plain.dtype))
