"""Targets that hold the number of the best action where its value belongs: Q107."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.reinforcement import number_for_value
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

CARRYING = KEEPING | RESHAPING  # what leaves a value or a number what it is
TAKING = frozenset(("gather", "take_along_dim", "__getitem__", "index_select"))
MEETING = frozenset(("mul", "div", "add", "sub", "rsub"))
WHOLE = frozenset(("factor", "sum"))
LOSSES = ("mse_loss", "smooth_l1_loss", "huber_loss", "l1_loss")


class ActionNumbers(Watcher):
    """Follows the places of the largest answers: as numbers of actions they add up to nothing."""

    codes = ("Q107",)
    operations = CARRYING | TAKING | MEETING | {"argmax", "max"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: ByIdentity[bool] = ByIdentity()
        self.taken: ByIdentity[bool] = ByIdentity()  # answers for the actions that were taken
        self.places: ByIdentity[frozenset[str]] = ByIdentity()  # and what they went through
        self.lines: ByIdentity[Place | None] = ByIdentity()

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        for tensor in shallow((output,)):
            if tensor.is_floating_point() and tensor.dim() > 1:
                self.answers[tensor] = True

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not args or not (len(self.answers) or len(self.places)):
            return
        first = args[0]
        if name in ("argmax", "max") and self.answers.get(first):
            for place in shallow((result,)):
                if place.dtype == torch.int64:
                    self.places[place] = frozenset()
        elif name in CARRYING and isinstance(result, Tensor):
            for known in (self.answers, self.taken):
                if known.get(first):
                    known[result] = True
            if (steps := self.places.get(first)) is not None:
                self.places[result] = steps
                self.lines[result] = self.lines.get(first)
        elif name in TAKING and isinstance(result, Tensor) and self.answers.get(first):
            if result.requires_grad:
                self.taken[result] = True
        elif name in MEETING and isinstance(result, Tensor):
            self._meet(name, args, result)

    def _meet(self, name: str, args: tuple[Any, ...], result: Tensor) -> None:
        known = [steps for a in args if (steps := self.places.get(a)) is not None]
        if len(known) != 1:
            return
        if name in ("sub", "rsub") and any(self.taken.get(a) for a in args):
            target = next(a for a in args if self.places.get(a) is not None)
            self._judge(target)
            return
        if not result.is_floating_point() or result.requires_grad:
            return
        kind = "factor" if name in ("mul", "div") else "sum"
        self.places[result] = known[0] | {kind}
        self.lines[result] = here()

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if name in LOSSES and self.taken.get(given.get("input")):
            self._judge(given.get("target"))

    def _judge(self, target: Any) -> None:
        if self.places.get(target) == WHOLE and not self.world.found("Q107"):
            self.world.adopt(number_for_value(), self.lines.get(target) or here())
