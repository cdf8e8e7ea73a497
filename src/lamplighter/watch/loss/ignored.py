"""Classes that a loss leaves out, and that count where the network is scored: L112."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.ignored import class_is_left_out, share_among_others
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here, running_module
from lamplighter.watch.taps.names import CONVERTING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # losses and comparisons that are read
SURE = 3  # losses that must leave the class out
COUNTS = frozenset(("sum", "mean", "count_nonzero"))


class IgnoredClasses(Watcher):
    """Follows the comparisons of an evaluation to where their hits are counted."""

    codes = ("L112",)
    operations = CONVERTING | COUNTS | {"eq"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = self.hits = self.compares = 0
        self.rows: list[Tensor] = []
        self.number = self.classes = -1
        self.share = 0.0
        self.place: Place | None = None
        self.compared: ByIdentity[float] = ByIdentity()

    def batch_given(self, current: Any, batch: Any) -> None:
        if self.looks < LOOKS:
            things = batch.values() if isinstance(batch, dict) else batch
            several = things if isinstance(batch, dict | list | tuple) else ()
            self.rows = [t for t in shallow(several) if t.dim() == 2 and t.dtype == torch.int64]

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target, entered = given.get("target"), given.get("input")
        number = given.get("ignore_index", -100)
        if name not in ("cross_entropy", "nll_loss") or self.looks >= LOOKS:
            return
        if not isinstance(target, Tensor) or not isinstance(entered, Tensor) or entered.dim() < 2:
            return
        if not 0 <= number < entered.shape[1] or not getattr(result, "requires_grad", False):
            return
        self.looks += 1
        rows = next((t for t in (target, *self.rows) if _holds(t, target)), None)
        share = share_among_others(rows, number) if rows is not None else 0.0
        if share:
            self.hits += 1
            self.number, self.classes, self.share = number, entered.shape[1], share
            criterion = running_module(nn.CrossEntropyLoss) or running_module(nn.NLLLoss)
            born = self.world.origins.birth(criterion) if criterion is not None else None
            self.place = born or here()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.hits < SURE or torch.is_grad_enabled() or not isinstance(result, Tensor):
            return
        if name == "eq" and len(args) == 2 and self.compares < 4 * LOOKS:
            self._compare(args[0], args[1], result)
        elif name in CONVERTING and args and (share := self.compared.get(args[0])):
            self.compared[result] = share
        elif name in COUNTS and args and self.compared.get(args[0]):
            found = class_is_left_out(self.number, self.share)
            if not self.world.found("L112"):
                self.world.adopt(found, self.place)

    def _compare(self, one: Any, other: Any, result: Tensor) -> None:
        if not isinstance(one, Tensor) or not isinstance(other, Tensor):
            return
        if one.dtype != torch.int64 or one.shape != other.shape or other.dtype != torch.int64:
            return
        self.compares += 1
        inside = all(int(t.min()) >= 0 and int(t.max()) < self.classes for t in (one, other))
        if one.numel() < 4 or not inside:
            return
        # the network hardly ever answers with the class: the one that holds it is the truth
        share = max(share_among_others(t, self.number) for t in (one, other))
        if share:
            self.compared[result] = share


def _holds(rows: Tensor, target: Tensor) -> bool:
    """Whether rows of sequences are what a loss got, perhaps end to end."""
    if rows.dim() != 2 or rows.numel() != target.numel():
        return False
    return torch.equal(rows.flatten(), target.flatten())
