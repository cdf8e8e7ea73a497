"""Targets of training and of evaluation that are in different units: T102."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.transforms import targets_scaled_differently
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.world import World

LOSSES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
MOST = 20_000  # targets that are kept of each kind


@dataclass(eq=False)
class Seen:
    """The targets that one network's answers were compared with, in training or without a graph."""

    parts: list[Tensor] = field(default_factory=list)
    size: int = 0
    place: Place | None = None

    def take(self, target: Tensor) -> None:
        """Adds those of a batch, until enough is known."""
        if self.size < MOST:
            self.parts.append(target.detach().reshape(-1).float())
            self.size += target.numel()
            self.place = self.place or here()


class TargetScales(Watcher):
    """Reads the targets of losses that a network's answers enter as they came from it."""

    codes = ("T102",)

    def __init__(self, world: World) -> None:
        self.world = world
        # held, not only their addresses: what an answer becomes may come to lie where it lay
        self.answers: list[torch.UntypedStorage] = []
        self.owner = 0
        self.seen: dict[tuple[int, bool], Seen] = {}

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        self.answers, self.owner = [t.untyped_storage() for t in tensors_in(output)], id(module)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        self.answers = []

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        entered, target = given.get("input"), given.get("target")
        if name not in LOSSES or not isinstance(entered, Tensor) or not isinstance(target, Tensor):
            return
        entered_at = entered.untyped_storage().data_ptr()
        if all(one.data_ptr() != entered_at for one in self.answers):
            return
        if target.requires_grad or not target.is_floating_point():
            return
        trains = isinstance(result, Tensor) and result.requires_grad
        self.seen.setdefault((self.owner, trains), Seen()).take(target)

    def ended(self) -> None:
        for owner, trains in list(self.seen):
            one, other = self.seen.get((owner, True)), self.seen.get((owner, False))
            if trains and one is not None and other is not None:
                self.world.adopt(self._told(one, other), other.place)

    def _told(self, one: Seen, other: Seen) -> Iterator[Any]:
        if not self.world.found("T102"):
            train, held_out = torch.cat(one.parts).cpu(), torch.cat(other.parts).cpu()
            yield from targets_scaled_differently(train, held_out)
