"""Dropout between the last layer and the loss: M122."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.answers import answers_are_dropped
from lamplighter.checks.losses_seen import AMOUNTS
from lamplighter.checks.scores import made_by
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING, RESHAPING, TRANSPOSING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # losses that must show it
KINDS = frozenset(("dropout", "dropout1d", "dropout2d", "feature_dropout", "alpha_dropout"))
CARRYING = KEEPING | RESHAPING | TRANSPOSING
JUDGING = AMOUNTS | {"cross_entropy", "binary_cross_entropy_with_logits"}


class DroppedAnswers(Watcher):
    """Follows what a dropout gave to where it is compared with a target."""

    codes = ("M122",)
    operations = KINDS | CARRYING

    def __init__(self, world: World) -> None:
        self.world = world
        self.dropped: ByIdentity[tuple[Place | None, float]] = ByIdentity()
        self.answers: ByIdentity[bool] = ByIdentity()
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or not result.requires_grad or not args:
            return
        given = args[0]
        if name in KINDS:
            rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
            on = kwargs.get("training", args[2] if len(args) > 2 else True)
            if on and rate > 0 and isinstance(given, Tensor) and made_by(given) == "layer":
                self.dropped[result] = (here(), float(rate))
        elif name in CARRYING and (known := self.dropped.get(given)) is not None:
            self.dropped[result] = known
            if self.answers.get(given):
                self.answers[result] = True

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if module.training and torch.is_grad_enabled():
            for tensor in shallow((output,)):
                if self.dropped.get(tensor) is not None:
                    self.answers[tensor] = True

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        answer, target = given.get("input"), given.get("target")
        if name not in JUDGING or not isinstance(answer, Tensor) or not isinstance(target, Tensor):
            return
        known = self.dropped.get(answer)
        if known is None or target.requires_grad or not self.answers.get(answer):
            return
        place, rate = known
        if self.hits.again(place):
            self.world.adopt_new(answers_are_dropped(name, rate), place)
