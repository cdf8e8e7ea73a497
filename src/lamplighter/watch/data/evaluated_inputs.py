"""Evaluations that change their batches by chance, or give the network another one: T101, E105."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.evaluation import old_batch_at_evaluation
from lamplighter.checks.splits import fingerprints
from lamplighter.checks.transforms import random_at_evaluation
from lamplighter.watch.data.samples import are_telling, parts_of
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
    """Holds what a network is given against the batch, and that of the first against the last walk."""

    codes = ("E105", "T101")

    def __init__(self, world: World) -> None:
        self.world = world
        self.batch: torch.Tensor | None = None
        self.key: tuple[int, bytes] | None = None
        self.given: torch.Tensor | None = None
        self.place: Place | None = None
        self.calls = 0
        self.known: dict[tuple[int, bytes], tuple[int, torch.Tensor]] = {}
        self.several: set[tuple[int, bytes]] = set()
        self.newest: dict[int, torch.Tensor] = {}  # of each loader the first rows that came last
        self.old: Counter[tuple[int, int]] = Counter()  # calls with those, by loader
        self.old_at: Place | None = None
        self.told: dict[tuple[int, bytes], tuple[list[Finding], Place | None]] = {}

    def batch_given(self, current: Pass, batch: Any) -> None:
        self._settle()
        self.batch = self.key = None
        inputs, labels = parts_of(batch)
        loader = current.loader()
        if current.given == 1:
            self.old.clear()
        if loader is not None and inputs is not None and (current.steps or current.number <= 2):
            known = id(loader) in self.newest or len(self.newest) < MOST
            if known:
                self.newest[id(loader)] = inputs[:ROWS].clone()
        if current.given > 1 or current.steps or current.backwards or labels is None:
            return
        if loader is None or inputs is None or not inputs.is_floating_point():
            return
        self.batch = inputs[:ROWS]
        self.key = (id(loader.dataset), b"".join(fingerprints(self.batch)))

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if not module.training and not torch.is_grad_enabled():
            self._look_for_an_old_batch(args)
        if self.batch is None:
            return
        self.calls += 1
        first = next(tensors_in([*args, *kwargs.values()]), None)
        plain = not torch.is_grad_enabled() and not module.training and first is not None
        if self.calls == 1 and plain and first is not None and first.dtype == self.batch.dtype:
            self.given, self.place = first[:ROWS].detach().clone(), here()

    def _look_for_an_old_batch(self, args: Any) -> None:
        """Whether a network is given the last batch of another loader than is walked over."""
        current = self.world.current() if self.newest else None
        if current is None or current.steps:
            return
        mine = id(current.loader())
        first = next(tensors_in(args), None)
        if first is None or not are_telling(first) or mine not in self.newest:
            return
        rows = first[:ROWS].detach().cpu()
        for owner, batch in self.newest.items():
            if batch.shape == rows.shape and torch.equal(batch, rows.to(batch.dtype)):
                self.old[mine, owner] += 1
                self.old_at = here()

    def pass_ended(self, current: Pass) -> None:
        mine = id(current.loader())
        for (walked, owner), times in self.old.items():
            other = self.world.walked.get(owner)
            if walked != mine or owner == mine or other is None or not current.is_evaluation():
                continue
            if times == current.given == current.calls >= 3 and not self.old[mine, mine]:
                self.told.pop(self.key or (0, b""), None)
                self.key = None
                self.world.adopt(old_batch_at_evaluation(other.name, times), self.old_at)
        self.old.clear()
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
            told_already = self.world.found("T101") or self.world.found("E105")
            if key not in self.several and not told_already:
                self.world.adopt(told, place)
