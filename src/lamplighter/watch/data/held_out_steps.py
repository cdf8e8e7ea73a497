"""Training steps on what is held out for evaluation: R105."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.watch.data.samples import targets_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

SURE = 2  # steps on one loader


class HeldOutSteps(Watcher):
    """Follows the labels of an evaluation loader to the gradients of the network that gets its inputs.

    Much else may be fitted there: one temperature for finished scores, a network that learns from
    the answers of others, or statistics that adapt to new inputs without their labels.
    """

    codes = ("R105",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.mine: SeenLoader | None = None  # what gave the newest batch, if it is for evaluation
        # labels of that batch, and what was made of them
        self.labels: ByIdentity[bool] | None = None
        self.untaught: dict[int, bool] = {}  # loader → whether operations met none of its labels

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.mine = self.labels = None
        if current.steps >= SURE or len(self.world.live) != 1:
            return
        mine = self.world.walked.get(id(current.loader()))
        if mine is None or mine.role != "evaluation":
            return
        known: ByIdentity[bool] = ByIdentity()
        for label in targets_in(batch):
            known[label] = True
        self.mine, self.labels = mine, known if len(known) else None

    def pass_ended(self, current: Pass) -> None:
        self.mine = self.labels = None

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        mine, labels = self.mine, self.labels
        if mine is None or labels is None or not isinstance(result, Tensor):
            return
        if not torch.is_grad_enabled():
            return
        met = any(labels.get(tensor) for tensor in shallow((*args, *kwargs.values())))
        taught = met and result.requires_grad
        self.untaught[id(mine)] = self.untaught.get(id(mine), True) and not taught
        if met and not taught:
            labels[result] = True

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        mine = self.mine
        if mine is None or mine.steps != SURE or self.untaught.get(id(mine), False):
            return
        given = mine.entered or {record for record, _ in mine.lives}
        called = [m for record, m in self.world.networks() if id(record) in given]
        if called and not any(self.world.moves(optimizer, network) for network in called):
            return
        others = [o for o in self.world.walked.values() if o is not mine and o.role == "train"]
        current = self.world.current()
        self.world.report(
            "R105",
            "error" if others else "warning",
            mine.name,
            "optimizer steps follow its batches, and its name or data set says that it is for "
            "evaluation: what is measured on it afterwards says nothing about new data",
            f"train on {others[0].name}" if others else "train on the training data",
            here() or (current.place if current is not None else None),
        )
