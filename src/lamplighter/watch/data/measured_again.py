"""Data on which batch norm was measured anew: that they differ from train is known to the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.transforms import preprocessed_differently
from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.data.rows import Rows
    from lamplighter.watch.world import World

PREPARED = ("T102", "T103")  # differences between two ways to prepare samples
FEWEST = 16  # samples that show how they were prepared
MOST_CALLS = 64  # in evaluation mode
MOST_SETS = 8
MOST_ROWS = 512  # of each
MOST_BYTES = 2**24  # of each, and of one call


class MeasuredAgain(Watcher):
    """Keeps what networks got after training, in training mode and without gradients.

    Such a call moves the running statistics of batch norm and nothing else. Who then evaluates what
    is prepared alike, in evaluation mode, has adapted a network to another domain. Who evaluates in
    training mode by mistake never does so.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        world.measured_again = self
        self.sets: dict[tuple[int, int], list[torch.Tensor]] = {}
        self.evaluated: set[tuple[int, int]] = set()  # of those, the ones that proved useful
        self.calls = 0

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if torch.is_grad_enabled() or not self.world.steps:
            return
        if not module.training and (not self.sets or self.calls >= MOST_CALLS):
            return
        inputs = next(tensors_in([*args, *kwargs.values()]), None)
        if inputs is None or inputs.dim() < 2 or not inputs.is_floating_point():
            return
        if inputs.numel() * inputs.element_size() > MOST_BYTES:
            return
        if module.training:
            self._keep((id(module), self.world.steps), module, inputs)
        else:
            self.calls += 1
            given = inputs.detach().cpu()
            self.evaluated.update(key for key in self._unproved() if self._are(key, given))

    def _keep(self, key: tuple[int, int], module: nn.Module, inputs: torch.Tensor) -> None:
        rows = self.sets.get(key)
        if rows is None:
            if len(self.sets) >= MOST_SETS or not _measures(module):
                return
            rows = self.sets[key] = []
        room = MOST_ROWS - sum(map(len, rows))
        size = sum(part.numel() * part.element_size() for part in rows)
        if room > 0 and size < MOST_BYTES:
            rows.append(inputs[:room].detach().cpu().clone())

    def _unproved(self) -> list[tuple[int, int]]:
        return [key for key in self.sets if key not in self.evaluated]

    def _are(self, key: tuple[int, int], samples: torch.Tensor) -> bool:
        """Whether samples are prepared like those of one measurement."""
        alike = [part for part in self.sets[key] if part.shape[1:] == samples.shape[1:]]
        if min(len(samples), sum(map(len, alike))) < FEWEST:
            return False
        return not any(True for _ in preprocessed_differently(torch.cat(alike), samples))

    def knows(self, samples: torch.Tensor) -> bool:
        """Whether a network was adapted to such samples, and evaluated with such."""
        return any(self._are(key, samples) for key in self.evaluated)


def differs_knowingly(world: World, rows: Rows) -> bool:
    """Whether the program has adapted a network to the samples that it evaluates."""
    known, samples = world.measured_again, rows.numbers
    return known is not None and samples is not None and known.knows(samples)


def _measures(module: nn.Module) -> bool:
    """Whether a layer of it keeps running statistics of what it is given."""
    kind = nn.modules.batchnorm._BatchNorm
    norms = (layer for layer in module.modules() if isinstance(layer, kind))
    return any(norm.training and norm.track_running_stats for norm in norms)
