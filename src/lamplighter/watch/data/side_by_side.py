"""Two loaders walked side by side, each of which moves other weights, that hold other classes: Y103."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.labels import unknown_classes
from lamplighter.watch.data.comparisons import place_in_data
from lamplighter.watch.data.loaders import record_of
from lamplighter.watch.data.samples import are_classes
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByAddress
from lamplighter.watch.source.descent import shallow

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 24  # steps whose batches are followed to the optimizer
SURE = 4  # steps by which each of the two must have moved weights
FEWEST = 32  # labels of either
HALF = 0.5  # of a network's weights


@dataclass(eq=False)
class Moved:
    """What the batches of a loader move.

    Args:
        mine: its record.
        batch: the newest, while its numbers are there.
        weights: ids of the weights that steps have moved by its gradients → how many numbers each.
        steps: how many steps.
    """

    mine: SeenLoader
    batch: ByAddress
    weights: dict[int, int] = field(default_factory=dict)
    steps: int = 0


class SideBySide(Watcher):
    """Follows the batches of loaders that are walked together through backward() to the steps."""

    codes = ("Y103",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.moved: dict[int, Moved] = {}
        self.entered: set[int] = set()
        self.behind: dict[int, set[int]] = {}  # optimizer → loaders that its gradients come from
        self.networks: dict[int, weakref.ref[torch.nn.Module]] = {}
        self.looks = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        several = self.looks < LOOKS and len(self.world.live) > 1
        loader = current.loader() if several else None
        if loader is None:
            return
        mine = record_of(self.world, loader)
        known = self.moved.setdefault(id(mine), Moved(mine, ByAddress()))
        known.batch = ByAddress(*shallow((batch,)))

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        if self.looks >= LOOKS or len(self.world.live) < 2 or not torch.is_grad_enabled():
            return
        given = list(shallow((*args, *kwargs.values())))
        for key, one in self.moved.items():
            if any(tensor in one.batch for tensor in given):
                self.entered.add(key)
                self.networks[id(module)] = weakref.ref(module)

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        entered, self.entered = self.entered, set()
        for key in self.world.optimizers if entered else ():
            self.behind.setdefault(key, set()).update(entered)

    def cleared(self, owner: Any) -> None:
        if self.behind:
            if isinstance(owner, torch.optim.Optimizer):
                self.behind.pop(id(owner), None)
            else:
                self.behind.clear()

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        if self.looks >= LOOKS:
            return
        self.looks += len(self.world.live) > 1
        for key in self.behind.get(id(optimizer), ()):
            one = self.moved[key]
            one.steps += 1
            one.weights |= {
                id(p): p.numel()
                for group in optimizer.param_groups
                for p in group["params"]
                if p.grad is not None
            }

    def ended(self) -> None:
        several = [one for one in self.moved.values() if one.steps >= SURE]
        for one in several:
            for other in several:
                if one is not other and not self.world.found("Y103"):
                    self._judge(one, other)

    def _judge(self, train: Moved, held_out: Moved) -> None:
        """Whether one moves most weights, the other none of these, and is what is scored."""
        comparisons = self.world.comparisons
        scored = held_out.mine.evaluations > 0 or held_out.mine.role == "evaluation"
        if comparisons is None or not scored or train.weights.keys() & held_out.weights.keys():
            return
        if not self._moves_most(train):
            return
        known = [comparisons.rows.get(id(one.mine)) for one in (train, held_out)]
        mine, theirs = (one[1].labels if one is not None else None for one in known)
        if not mine or not theirs or min(len(mine), len(theirs)) < FEWEST:
            return
        if are_classes(mine) and are_classes(theirs) and max(theirs) < self.world.classes:
            found = unknown_classes(mine, theirs, where=held_out.mine.name)
            self.world.adopt(found, place_in_data("Y103", held_out.mine))

    def _moves_most(self, one: Moved) -> bool:
        for ref in self.networks.values():
            network = ref()
            weights = [p for p in network.parameters() if p.requires_grad] if network else []
            moved = sum(p.numel() for p in weights if id(p) in one.weights)
            if moved > HALF * sum(p.numel() for p in weights) > 0:
                return True
        return False
