"""One network that goes through the folds of a cross-validation: E103."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lamplighter.checks.evaluation import trained_in_an_earlier_fold
from lamplighter.watch.data.feeds import versions_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.world import SeenModel, World

MOST = 64  # folds of one splitter


@dataclass(eq=False)
class Fold:
    """One fold, and what was done while it was the newest.

    Args:
        train, held_out: numbers of its rows.
        before: network → torch's counters of its weights when the fold began.
        trained: networks that stepped, and whether they went on from the fold before.
        scored: network → the counters when it last answered without gradients.
    """

    train: set[int]
    held_out: set[int]
    place: Place | None
    before: dict[SeenModel, list[int]] = field(default_factory=dict)
    trained: dict[SeenModel, bool] = field(default_factory=dict)
    scored: dict[SeenModel, list[int]] = field(default_factory=dict)


class Folds(Watcher):
    """Follows networks from fold to fold of scikit-learn's splitters, by their own row numbers.

    Rows that each fold scales by itself are other numbers every time, so it is the splitter that
    says which they are.
    """

    codes = ("E103",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.folds: list[Fold] = []

    def fold_given(self, splitter: Any, number: int, train: Any, held_out: Any) -> None:
        if number == 0 or self.world.found("E103"):
            self.folds = []
        if len(self.folds) >= MOST:
            return
        rows = [{int(i) for i in np.asarray(part).ravel()} for part in (train, held_out)]
        fold = Fold(rows[0], rows[1], here())
        fold.before = {m: versions_of(net) for m, net in self.world.networks()}
        self.folds.append(fold)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        fold = self.folds[-1] if self.folds else None
        if fold is None:
            return
        last = self.folds[-2] if len(self.folds) > 1 else None
        for model, network in self.world.networks():
            if model in fold.trained or not self.world.moves(optimizer, network):
                continue
            start = fold.before.get(model)
            went_on = last is not None and start == versions_of(network)
            fold.trained[model] = went_on and last is not None and last.scored.get(model) == start

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        fold = self.folds[-1] if self.folds else None
        model = self.world.seen(module) if fold is not None else None
        if fold is None or model is None or model not in fold.trained:
            return
        if torch.is_grad_enabled() and module.training:
            return
        fold.scored[model] = versions_of(module)
        if fold.trained[model] and not self.world.found("E103"):
            self._judge(model, fold)

    def _judge(self, model: SeenModel, fold: Fold) -> None:
        """Holds the rows that are set aside now against those of the folds that it came through."""
        known: set[int] = set()
        for earlier in reversed(self.folds[:-1]):
            known |= earlier.train if model in earlier.trained else set()
            if not earlier.trained.get(model):
                break
        seen = len(fold.held_out & known)
        told = trained_in_an_earlier_fold(seen, len(fold.held_out), where=f"`{model.name}`")
        self.world.adopt(told, fold.place)
