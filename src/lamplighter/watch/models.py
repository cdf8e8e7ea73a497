"""The networks against their optimizers, once training runs: M101–M103, M110, M112, M113, O101–O105."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks import optimizer as ownership
from lamplighter.checks import structure
from lamplighter.watch.events import Watcher
from lamplighter.watch.place import Place, line_of_attribute, line_of_class

if TYPE_CHECKING:
    from lamplighter.watch.world import SeenModel, SeenOptimizer, World


class Models(Watcher):
    """Looks at each model that is trained: at its first step, and when all is over."""

    codes = ("M101", "M102", "M103", "M110", "M112", "M113", "O101", "O102", "O105")

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked: set[int] = set()
        self.with_gradient: dict[int, set[int]] = {}
        self.learning: set[int] = set()
        self.steps = 0

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:  # noqa: ARG002
        self.steps += 1
        if self.steps & (self.steps - 1) and self.steps != 3:
            return
        # Gradients are only there now: a later look finds them cleared.
        for key, model in self.world.models.items():
            module = model.module
            if module is None:
                continue
            norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
            self.learning.update(id(m) for m in norms if m.training and m.momentum != 0)
            live = self.with_gradient.setdefault(key, set())
            live.update(id(p) for p in module.parameters() if p.grad is not None)
            live.update(
                id(p)
                for _, member in structure.hidden_members(module)
                for p in (member.parameters() if isinstance(member, nn.Module) else [member])
                if p.grad is not None
            )

    def ended(self) -> None:
        stepping = [o for o in self.world.optimizers.values() if o.steps and o.ref() is not None]
        optimizers = [o for record in stepping if (o := record.ref()) is not None]
        held = ownership.owned(optimizers)
        for key, model in list(self.world.models.items()):
            module = model.module
            if module is None or not model.trained:
                continue
            live = self.with_gradient.get(key, set())
            self._structure(model, module, held, live)
            self._ownership(module, stepping, live)

    def _structure(
        self, model: SeenModel, module: nn.Module, held: set[int], live: set[int]
    ) -> None:
        report = self.world.adopt
        for finding in structure.layers_not_registered(module, held=held, live=live):
            report([finding], line_of_layer(module, finding.where))
        for finding in structure.tensors_as_weights(module, held=held):
            report([finding], line_of_layer(module, finding.where))
        for finding in structure.layers_repeated(module):
            report([finding], line_of_layer(module, finding.where))
        for finding in structure.output_frozen(module):
            report([finding], line_of_layer(module, finding.where))
        self._norms(model, module)

    def _norms(self, model: SeenModel, module: nn.Module) -> None:
        names = {name for name, m in module.named_modules() if id(m) in self.learning}
        for finding in structure.statistics_never_learned(module, trained=self.world.steps >= 20):
            inner = module.get_submodule(finding.where)
            if id(inner) in self.learning or getattr(inner, "momentum", None) == 0.0:
                self.world.adopt([finding], line_of_layer(module, finding.where))
        for finding in structure.frozen_norm_learns(module, names):
            self.world.adopt([finding], model.train_place or model.place)

    def _ownership(self, module: nn.Module, stepping: list[SeenOptimizer], live: set[int]) -> None:
        optimizers = [o for record in stepping if (o := record.ref()) is not None]
        others = [m for s in self.world.models.values() if (m := s.module) is not None]
        mine = {id(p) for p in module.parameters()}
        owners = [r for r in stepping if any(id(p) in mine for p in r.parameters())]
        place = owners[0].place if owners else None
        strangers = list(
            ownership.foreign_parameters(
                module, [o for r in owners if (o := r.ref())], others=others
            )
        )
        held = ownership.owned(optimizers)
        missing = [n for n, p in module.named_parameters() if id(p) in live and id(p) not in held]
        if missing:
            found = ownership.parameters_without_optimizer(module, optimizers)
            self.world.adopt(found, place)
            self.world.adopt(strangers, place)
        names = {id(p): n for n, p in module.named_parameters()}
        self.world.adopt(ownership.two_owners(optimizers, names), place)


def line_of_layer(module: nn.Module, where: str) -> Place | None:
    """The line that builds the layer a finding names, else the line of its class."""
    first = where.split(" and ")[0].split(", ")[0].split("[")[0]
    owner: Any = module
    *path, attribute = first.split(".")
    for part in path:
        inner = getattr(owner, part, None)
        if not isinstance(inner, nn.Module):
            break
        if line_of_class(type(inner)) is None and line_of_class(type(owner)) is not None:
            attribute = part
            break
        owner = inner
    return line_of_attribute(type(owner), attribute) or line_of_class(type(owner))
