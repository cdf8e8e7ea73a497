"""Evaluations that change their batches by chance before the network gets them: T101."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.splits import fingerprints
from lamplighter.checks.transforms import random_at_evaluation
from lamplighter.watch.data.samples import parts_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.checks.finding import Finding
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST = 16  # first batches that are remembered
ROWS = 4


class EvaluatedInputs(Watcher):
    """Holds what a network was given for the first batch of a walk against the last such walk."""

    codes = ("T101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.batch: torch.Tensor | None = None
        self.key: tuple[int, bytes] | None = None
        self.given: torch.Tensor | None = None
        self.place: Place | None = None
        self.calls = 0
        self.known: dict[tuple[int, bytes], tuple[int, torch.Tensor]] = {}
        self.several: set[tuple[int, bytes]] = set()
        self.told: dict[tuple[int, bytes], tuple[list[Finding], Place | None]] = {}

    def batch_given(self, current: Pass, batch: Any) -> None:
        self._settle()
        self.batch = self.key = None
        inputs, labels = parts_of(batch)
        loader = current.loader()
        if current.given > 1 or current.steps or current.backwards or labels is None:
            return
        if loader is None or inputs is None or not inputs.is_floating_point():
            return
        self.batch = inputs[:ROWS]
        self.key = (id(loader.dataset), b"".join(fingerprints(self.batch)))

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.batch is None:
            return
        self.calls += 1
        first = next(tensors_in([*args, *kwargs.values()]), None)
        plain = not torch.is_grad_enabled() and not module.training and first is not None
        if self.calls == 1 and plain and first is not None and first.dtype == self.batch.dtype:
            self.given, self.place = first[:ROWS].detach().clone(), here()

    def pass_ended(self, current: Pass) -> None:
        self._settle()

    def _settle(self) -> None:
        """The first batch is over: one call of one network, or several views of it on purpose."""
        key, given, calls = self.key, self.given, self.calls
        self.batch = self.key = self.given = None
        self.calls = 0
        if key is None or given is None or calls != 1 or self.world.classes < 2:
            return
        steps, before = self.known.get(key, (-1, None))
        if steps == self.world.steps:
            self.several.add(key)  # walked over again and again, as at several strengths of noise
        elif before is not None and before.shape == given.shape and key not in self.told:
            told = list(random_at_evaluation(before, given, where="what is evaluated", sure=False))
            if told:
                self.told[key] = (told, self.place)
        if steps != self.world.steps and (key in self.known or len(self.known) < MOST):
            self.known[key] = (self.world.steps, given)

    def ended(self) -> None:
        self._settle()
        for key, (told, place) in self.told.items():
            if key not in self.several and not self.world.found("T101"):
                self.world.adopt(told, place)
