"""Layers that took the place of trained ones and were frozen as they were made: M110."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks.freezing import new_layer_frozen
from lamplighter.checks.structure import is_random
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import line_that_freezes

if TYPE_CHECKING:
    from lamplighter.watch.world import World

ENOUGH = 3  # steps of the network
MOST = 4096  # weights of a network that are remembered

Weights = dict[str, weakref.ref[torch.Tensor]]


class Replaced(Watcher):
    """Remembers which weight was where when a network was loaded, or began to learn."""

    codes = ("M110",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.first: ByIdentity[Weights] = ByIdentity()
        self.models = 0

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        self.first[module] = _weights_of(module)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if len(self.world.models) == self.models:
            return
        self.models = len(self.world.models)
        for _, module in self.world.networks():
            if self.first.get(module) is None and self.world.moves(optimizer, module):
                self.first[module] = _weights_of(module)

    def ended(self) -> None:
        if self.world.found("M110"):
            return
        for model, module in self.world.networks():
            learns = any(p.requires_grad for p in module.parameters())
            if model.trained < ENOUGH or not learns:
                continue
            names = list(self._fresh_and_frozen(module))
            if names:
                mine = {id(p) for p in module.parameters()}
                records = self.world.optimizers.values()
                built = [r.place for r in records if any(id(p) in mine for p in r.parameters())]
                place = line_that_freezes([model.place, *built])
                birth = self.world.origins.birth(module.get_submodule(names[0]))
                self.world.adopt(new_layer_frozen(names), place or birth)

    def _fresh_and_frozen(self, module: nn.Module) -> list[str]:
        """Names of layers that were put in, are called, and hold what they were filled with."""
        origins, called = self.world.origins, self.world.noted
        found = []
        for prefix, part in module.named_modules():
            before = self.first.get(part)
            if before is not None and _goes_on_learning(part, before):
                continue  # around a layer that is fixed at random on purpose the rest learns
            for name, weight in part.named_parameters() if before is not None else ():
                path, _, own = name.rpartition(".")
                layer = part.get_submodule(path)
                old = before.get(name) if before is not None else None
                if old is None or old() is weight or weight.requires_grad or weight.dim() < 2:
                    continue
                # a table of random vectors tells its rows apart without learning
                if own != "weight" or isinstance(layer, nn.Embedding) or id(layer) not in called:
                    continue
                if origins.is_as_filled(weight) and is_random(weight):
                    found.append(f"{prefix}.{path}".strip("."))
        return list(dict.fromkeys(found))


def _goes_on_learning(module: nn.Module, before: Weights) -> bool:
    """Whether a weight that was there before learns."""
    named = module.named_parameters()
    return any(p.requires_grad and (was := before.get(n)) and was() is p for n, p in named)


def _weights_of(module: nn.Module) -> Weights:
    named = list(module.named_parameters())[:MOST]
    return {name: weakref.ref(weight) for name, weight in named}
