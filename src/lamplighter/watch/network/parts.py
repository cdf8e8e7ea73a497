"""Networks that a training calls after its first one, tried on a copy: M104, M106, M109."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.check import check
from lamplighter.checks.snapshot import copied, kept, probing
from lamplighter.checks.structure import WEIGHTED
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.calls import Call, call_of
from lamplighter.watch.network.trial import Trial
from lamplighter.watch.source.pinpoint import place_of
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST = 2  # further networks
SMALL = 2  # layers with weights of which one is worth a look
LARGEST = 2**28  # numbers of weights that are still copied
CODES = frozenset({"M104", "M106", "M109"})


@dataclass(eq=False, slots=True)
class Part:
    """A network at its first call, and how many samples the newest batch had then."""

    module: nn.Module
    call: Call
    place: Place | None
    rows: int | None
    calls: int = 1


class Parts(Watcher):
    """Tries what is called once for each step and was given what another network has made."""

    codes = ("M104", "M106", "M109")

    def __init__(self, world: World) -> None:
        self.world = world
        self.first: int | None = None
        self.parts: dict[int, Part] = {}
        self.done = False
        self.rows: int | None = None

    def batch_given(self, current: Pass, batch: Any) -> None:
        if not self.done:
            first = next(tensors_in(batch), None)
            self.rows = len(first) if first is not None and first.dim() else None

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.done or not torch.is_grad_enabled() or not module.training:
            return
        if self.first is None:
            self.first = id(module)
        known = self.parts.get(id(module))
        if known is not None:
            known.calls += 1
        elif id(module) != self.first and len(self.parts) < MOST and _is_worth_it(module):
            call = call_of(module, args, kwargs)
            if call is not None:
                self.parts[id(module)] = Part(module, call, here(), self.rows)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.done:
            return
        self.done = True
        parts, self.parts = self.parts, {}
        held = self.world.held()
        for part in parts.values() if not closure else ():
            if part.calls == 1 and any(id(p) in held for p in part.module.parameters()):
                self._try(part)

    def _try(self, part: Part) -> None:
        try:
            with kept(()):
                double = copied(part.module, part.module)
        except Exception:
            return  # a network that cannot be copied is not tried
        part.call.prepare(double)
        name = self.world.seen(part.module).name
        trial = Trial((double, []), part.module, name, part.place, rows=part.rows, plain=False)
        tensors = tuple(t.detach() for t in part.call.tensors)
        trial.batches.append((*tensors, tensors[0]))
        wanted = CODES if trial.rows_are_samples() else CODES - {"M104"}
        with probing(double), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = check(double, trial.as_data(), loss=trial.compute_loss, only=wanted)
        for finding in report:
            if finding.code in wanted and not self.world.found(finding.code):
                self.world.adopt([finding], place_of(finding, trial, self.world.origins))


def _is_worth_it(module: nn.Module) -> bool:
    layers = sum(isinstance(m, WEIGHTED) for m in module.modules())
    return layers >= SMALL and sum(p.numel() for p in module.parameters()) <= LARGEST
