"""BatchNorm layers whose weights are frozen while their statistics still move: M112."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks import structure
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World


FEW = 16  # weights of a layer that are remembered


class FrozenNorms(Watcher):
    """Counts the batches that a BatchNorm takes in while it is frozen; those before do not count."""

    codes = ("M112",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.entered: set[int] = set()
        self.training: set[int] = set()
        self.counted: dict[int, tuple[int, torch.Tensor]] = {}
        self.switched: dict[int, Place | None] = {}
        self.told: set[int] = set()
        self.soon = False

    def mode_set(self, module: nn.Module, training: bool) -> None:
        if training:
            place = here()
            self.switched.update((id(norm), place) for _, norm in norms_of(module))

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if module.training:
            self.training.add(id(module))
        if id(module) not in self.entered:
            self.entered.add(id(module))
            self._remember(module)

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self._remember_all()

    def woken(self) -> None:
        self._remember_all()
        self.soon = True

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        steps = self.world.owner_record(optimizer).steps
        if self.soon or is_due(steps):
            self.soon = False
            self._look()
        if is_due(steps + 1):
            self._remember_all()

    def _remember_all(self) -> None:
        for _, module in self.world.networks():
            self._remember(module)

    def _remember(self, module: nn.Module) -> None:
        """Notes the count of each frozen layer; what is not frozen now may move."""
        for _, norm in norms_of(module):
            self.counted.pop(id(norm), None)
            if is_frozen(norm):
                self.counted[id(norm)] = count_of(norm), weights_of(norm)

    def _look(self) -> None:
        for model, module in self.world.networks():
            if id(module) not in self.training:
                continue  # whoever follows another network's average writes its buffers by hand
            # A network and a part of it that is called by itself share their layers.
            moved = {
                name: norm
                for name, norm in norms_of(module)
                if id(norm) not in self.told and self._has_moved(norm)
            }
            if not moved:
                continue
            self.told.update(id(norm) for norm in moved.values())
            place = self.switched.get(id(next(iter(moved.values())))) or model.place
            self.world.adopt(structure.frozen_norm_learns(module, set(moved)), place)

    def _has_moved(self, norm: nn.modules.batchnorm._BatchNorm) -> bool:
        before = self.counted.get(id(norm))
        moves = norm.training and norm.momentum != 0 and is_frozen(norm)
        if not moves or before is None or count_of(norm) == before[0]:
            return False
        # weights that are written by hand follow another network, so they are not frozen at all
        return torch.equal(weights_of(norm), before[1])


def norms_of(module: nn.Module) -> list[tuple[str, nn.modules.batchnorm._BatchNorm]]:
    """Names and layers of the BatchNorms that keep running statistics."""
    return [
        (name, inner)
        for name, inner in module.named_modules()
        if isinstance(inner, nn.modules.batchnorm._BatchNorm)
        and inner.num_batches_tracked is not None
    ]


def is_frozen(norm: nn.modules.batchnorm._BatchNorm) -> bool:
    """Whether a layer's weights exist and cannot learn."""
    return norm.affine and not any(p.requires_grad for p in norm.parameters(recurse=False))


def weights_of(norm: nn.modules.batchnorm._BatchNorm) -> torch.Tensor:
    """A copy of a few weights and biases; these begin at 0, so that the smallest move shows."""
    parts = [p.detach()[:FEW] for p in norm.parameters(recurse=False)]
    return torch.cat(parts) if parts else torch.zeros(0)


def count_of(norm: nn.modules.batchnorm._BatchNorm) -> int:
    """How often the layer's count of batches was written; its value would cost a wait on a GPU."""
    # running_mean has no such count: the kernels write it without telling autograd.
    return norm.num_batches_tracked._version if norm.num_batches_tracked is not None else 0


def is_due(steps: int) -> bool:
    """Whether an optimizer's step is looked at: more and more seldom.

    Not the first: what follows another network by hand has not moved yet when it ends.
    """
    return steps == 3 or (steps > 1 and steps & (steps - 1) == 0)
