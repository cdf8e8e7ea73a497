"""Errors that are sent back with a minus, so that training makes them large: L118."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.turned import error_is_maximised
from lamplighter.watch.data.samples import is_among
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
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

    def __init__(self, world: World) -> None:
        self.world = world
        self.batch: list[Tensor] = []
        self.differences: ByIdentity[bool] = ByIdentity()
        self.errors: list[tuple[str, Tensor, Place | None]] = []
        self.waiting: tuple[str, Place | None] | None = None
        self.looks = self.hits = 0
        self.over = False

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.batch = list(tensors_in(batch))[1:]

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
        if varied and isinstance(result, Tensor) and result.numel() == 1:
            self._keep(name, result)

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
            self._keep("a difference", result)

    def _keep(self, name: str, result: Tensor) -> None:
        if len(self.errors) < MOST and result.requires_grad:
            self.errors.append((name, result, here()))

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        errors, self.errors, self.waiting = self.errors, [], None
        root = roots[0]
        if self.over or not errors or root.numel() != 1 or not root.requires_grad:
            return
        self.looks += 1
        with torch.enable_grad():
            slopes = torch.autograd.grad(
                root, [e for _, e, _ in errors], retain_graph=True, allow_unused=True
            )
        known = [(e, s) for e, s in zip(errors, slopes, strict=True) if s is not None]
        falls = [bool((slope <= 0).all()) and bool(slope.any()) for _, slope in known]
        alone = len(self.world.optimizers) < 2 and self.world.steps < LONG
        self.over |= self.looks >= LOOKS or not all(falls) or not alone
        if known and not self.over:
            self.waiting = known[0][0][0], known[0][0][2]

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        error, self.waiting = self.waiting, None
        if error is None or any(g.get("maximize") for g in optimizer.param_groups):
            return
        mine = {id(p) for g in optimizer.param_groups for p in g["params"]}
        modules = [m.module for m in self.world.models.values()]
        held = (p for m in modules if m is not None for p in m.parameters())
        if not any(id(p) in mine for p in held):
            return  # a picture is altered, or something else than a network
        self.hits += 1
        if self.hits == SURE:
            self.over = True
            self.world.adopt(error_is_maximised(error[0], SURE), error[1])
