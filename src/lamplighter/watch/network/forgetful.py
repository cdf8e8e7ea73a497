"""Norms that remember the last batch alone, and dropouts that drop what shall be kept: M121."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from lamplighter.checks.norm_settings import (
    JUMP,
    dropout_keeps,
    eps_is_a_momentum,
    is_forgetful,
    remembers_one_batch,
)
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.models import line_of_layer
from lamplighter.watch.network.norms import norms_of
from lamplighter.watch.source.arguments import number_given
from lamplighter.watch.source.place import Place

if TYPE_CHECKING:
    from lamplighter.watch.world import SeenModel, World

HALF = 0.5  # rate of a dropout; with less, nothing speaks for a mistake
SURE = 6  # steps in a row with a jump


class ForgetfulNorms(Watcher):
    """Measures how far running means move from one step to the next."""

    codes = ("M121",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked: set[SeenModel] = set()
        self.norms: list[tuple[SeenModel, str, nn.modules.batchnorm._BatchNorm]] = []
        self.before: list[torch.Tensor] = []
        self.jumps: list[float] = []

    def woken(self) -> None:
        self.before, self.jumps = [], []

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        for model, module in self.world.networks():
            if model not in self.looked and model.trained:
                self.looked.add(model)
                self._begin(model, module)
        if self.norms and not self.world.found("M121"):
            self._measure()

    def _begin(self, model: SeenModel, module: nn.Module) -> None:
        for finding in eps_is_a_momentum(module):
            if not self.world.found("M121"):
                self.world.adopt([finding], self._line(model, finding.where))
        self._look_at_dropouts(model, module)
        if not self.norms:
            self.norms = [(model, n, m) for n, m in norms_of(module) if is_forgetful(m)][:1]

    def _look_at_dropouts(self, model: SeenModel, module: nn.Module) -> None:
        """A dropout with a large rate that the program calls the share that is kept."""
        for name, layer in module.named_modules():
            if not isinstance(layer, nn.modules.dropout._DropoutNd) or layer.p <= HALF:
                continue
            place = self._line(model, name)
            written = number_given(place, "Dropout", "p")
            if "keep" in written.lower() and not self.world.found("M121"):
                self.world.adopt(dropout_keeps(name, layer.p, written), place)

    def _measure(self) -> None:
        model, name, norm = self.norms[0]
        if not norm.training or norm.running_mean is None or norm.running_var is None:
            return
        now = norm.running_mean.detach().clone()
        if self.before and self.before[0].shape == now.shape:
            width = norm.running_var.detach().clamp(min=1e-12).sqrt()
            jump = float(((now - self.before[0]).abs() / width).median())
            self.jumps = [*self.jumps, jump] if jump > JUMP else []
        self.before = [now]
        if len(self.jumps) == SURE and norm.momentum is not None:
            found = remembers_one_batch(name, norm.momentum, sum(self.jumps) / SURE)
            self.world.adopt(found, self._line(model, name))

    def _line(self, model: SeenModel, where: str) -> Place | None:
        """The line that made the layer, as its settings are written there."""
        module = model.module
        if module is None:
            return model.place
        made = self.world.origins.birth(module.get_submodule(where.split(" and ")[0]))
        return made or line_of_layer(module, where, self.world.origins) or model.place
