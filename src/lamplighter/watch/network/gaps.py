"""Inputs with gaps that no network is given: M114."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.gaps import asks_for_gaps, gaps_between, gaps_in_sight
from lamplighter.watch.events import Watcher
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # losses that are read
SURE = 3  # of them must show it
LOSSES = frozenset(("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss"))
MOST = 16  # inputs that are held; a program that only predicts never steps
LARGEST = 2**22  # values of an input that is compared


class Gaps(Watcher):
    """Looks, at a loss, for a twin of the network's input in which the answers are hidden."""

    codes = ("M114",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.given: list[Tensor] = []
        self.place: Place | None = None
        self.hits = Often(SURE)

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.looks < LOOKS and torch.is_grad_enabled() and len(self.given) < MOST:
            self.given += [t for t in shallow((*args, *kwargs.values())) if t.dim() > 1]
            self.place = here()

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.given = []

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target = given.get("target")
        if self.looks >= LOOKS or name not in LOSSES or not isinstance(target, Tensor):
            return
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        self.looks += 1
        for whole in self.given[:3]:
            if not whole.requires_grad and whole.numel() <= LARGEST:
                self._compare(whole, target, given.get("ignore_index", -100))

    def _compare(self, whole: Tensor, target: Tensor, ignored: int) -> None:
        near = [(n, t) for n, t in things_in_sight() if isinstance(t, Tensor) and t is not whole]
        near = [(n, t) for n, t in near if t.shape == whole.shape and not t.requires_grad]
        masks = [t for _, t in near if t.dtype == torch.bool]
        for called, shown in near:
            gaps = gaps_between(shown, whole)
            if gaps is None or any(shown is t for t in self.given):
                continue
            if not asks_for_gaps(target, whole, gaps, masks, ignored):
                continue
            if self.hits.again((called, self.place)):
                share = float(gaps.float().mean())
                self.world.adopt(gaps_in_sight(called, share), self.place)
            return
