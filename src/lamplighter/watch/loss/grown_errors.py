"""Errors that are sent back with a minus, so that training makes them large: L118."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.turned import error_is_maximised
from lamplighter.watch.data.samples import is_among, targets_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.factors import Factor, Held, HeldFactors
from lamplighter.watch.loss.graphs import is_loss
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.taps.data import LOSSES

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 12  # backward passes with an error that are looked at
SURE = 3  # steps that must show it, and none the contrary
LONG = 8  # steps after which something else has been learned first
MOST = 8  # errors of one loss
DISTANCES = frozenset(("pow", "square", "abs", "norm", "linalg_norm", "linalg_vector_norm"))


class GrownErrors(Watcher):
    """Asks the graph of the loss whether it falls as the answers get further from their targets."""

    codes = ("L118",)
    operations = DISTANCES | {"sub", "rsub", "mul"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.batch: list[Tensor] = []
        self.differences: ByIdentity[bool] = ByIdentity()
        self.errors = HeldFactors(MOST)
        self.waiting: Held | None = None
        self.looks = self.hits = 0
        self.over = False

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.batch = targets_in(batch)

    def state_loaded(self, module: torch.nn.Module, state: dict[str, Any]) -> None:
        self.over = True  # a network that knows something may be meant to forget it

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        answer, target = given.get("input"), given.get("target")
        if self.over or name not in LOSSES or not isinstance(answer, Tensor):
            return
        if not isinstance(target, Tensor) or target.requires_grad or not answer.requires_grad:
            return
        # a constant target is the side that a critic shall take, and one may play against it
        varied = target.numel() > 1 and bool((target != target.flatten()[0]).any())
        plain = isinstance(result, Tensor) and result.numel() == 1 and result.requires_grad
        if varied and plain:
            self.errors.hold(Factor(name), result)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.over or not self.batch or not isinstance(result, Tensor):
            return
        if not result.requires_grad:
            return
        given = list(shallow((*args, *kwargs.values())))
        if name in ("sub", "rsub") and len(given) == 2:
            target = given[1] if given[0].requires_grad else given[0]
            if not target.requires_grad and target.numel() > 1 and is_among(target, self.batch):
                self.differences[result] = True
            return
        measures = name in DISTANCES or (name == "mul" and len(given) == 2 and given[0] is given[1])
        if measures and given and self.differences.get(given[0]):
            self.errors.hold(Factor("a difference"), result)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        errors, self.errors, self.waiting = self.errors, HeldFactors(MOST), None
        if self.over or not len(errors) or not is_loss(roots[0]):
            return
        self.looks += 1
        known = errors.slopes(roots[0])
        falls = [bool((slope <= 0).all()) and bool(slope.any()) for _, slope in known]
        alone = len(self.world.optimizers) < 2 and self.world.steps < LONG
        self.over |= self.looks >= LOOKS or not all(falls) or not alone
        if known and not self.over:
            self.waiting = known[0][0]

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        error, self.waiting = self.waiting, None
        if error is None or not self.world.descends(optimizer):
            return
        self.hits += 1
        if self.hits == SURE:
            self.over = True
            self.world.adopt(error_is_maximised(error.factor.kind, SURE), error.place)
