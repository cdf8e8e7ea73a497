"""Probes on a copy of the network, after a few real steps: what `lamp.check` finds, with lines."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.check import check
from lamplighter.checks.finding import Finding
from lamplighter.checks.observed import observed
from lamplighter.checks.snapshot import kept
from lamplighter.watch.events import Watcher
from lamplighter.watch.models import line_of_layer
from lamplighter.watch.place import Place, here
from lamplighter.watch.sources import thrown_away

if TYPE_CHECKING:
    from lamplighter.watch.passes import Pass
    from lamplighter.watch.world import World

STEPS = 3  # real steps whose batches are kept for the probe
LARGEST = 2**31  # bytes of a network that is still copied

# what can be read off the forward pass alone, whatever the loss
OF_FORWARD = frozenset({"M104", "M106", "M109", "E105", "I102", "D101", "D102", "D105"})
# what needs the loss that the program really uses
OF_LOSS = frozenset(
    (
        *("M105", "M107", "M108", "M114", "M117", "I101", "I103", "L105", "L109"),
        *("O103", "O104", "O106", "Y102", "Y105", "Y106", "Y107", "D103", "D104", "T105"),
    )
)


@dataclass(eq=False)
class Trial:
    """What is kept of the first steps of one network.

    Args:
        double: network and optimizers, copied together so that they still belong to each other.
        plain: whether every step was one forward, one loss on its answer, one backward.
        rows: batch size of the loader that gave the inputs; None without a loader.
    """

    double: tuple[nn.Module, list[torch.optim.Optimizer]]
    model: nn.Module
    name: str
    place: Place | None
    loader_place: Place | None = None
    loss_place: Place | None = None
    optimizer_place: Place | None = None
    batches: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    loss: tuple[str, dict[str, Any]] | None = None
    plain: bool = True
    rows: int | None = None

    def rows_are_samples(self) -> bool:
        """Whether dimension 0 is plainly the samples that a loader laid together."""
        return self.rows is not None and all(
            x.dim() > 0 and y.dim() > 0 and len(x) == len(y) == self.rows for x, y in self.batches
        )


class Probes(Watcher):
    """Keeps the first batches and tries the network on them when training has begun."""

    codes = (*OF_FORWARD, *OF_LOSS)

    def __init__(self, world: World) -> None:
        self.world = world
        self.trial: Trial | None = None
        self.done = False
        self.calls: list[tuple[nn.Module, torch.Tensor, Any]] = []
        self.losses: list[tuple[str, dict[str, Any], torch.Tensor | None]] = []
        self.roots: list[torch.Tensor] = []

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.done or not torch.is_grad_enabled():
            return
        if len(self.calls) > 8:
            self._forget()  # these outputs hold graphs; nobody steps with so many at once
        single = len(args) == 1 and isinstance(args[0], torch.Tensor)
        self.calls.append((module, args[0] if single else torch.empty(0), output))
        if self.trial is None and single and module.training and len(self.calls) == 1:
            self._begin(module)

    def batch_given(self, current: Pass, batch: Any) -> None:  # noqa: ARG002
        if not self.done:
            self._forget()

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.done or not torch.is_grad_enabled():
            return
        self.losses.append((name, given, result if isinstance(result, torch.Tensor) else None))
        if self.trial is not None and self.trial.loss_place is None:
            self.trial.loss_place = here()

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if not self.done:
            self.roots += roots

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        if self.done:
            return
        trial = self.trial
        if trial is not None:
            self._take_step(trial, optimizer)
            if len(trial.batches) >= STEPS or self.world.steps > 4 * STEPS:
                self._try()
        elif self.world.steps > 4 * STEPS:
            self.done = True
        self._forget()

    def ended(self) -> None:
        if not self.done and self.trial is not None and self.world.steps:
            self._try()

    def _forget(self) -> None:
        self.calls, self.losses, self.roots = [], [], []

    def _begin(self, module: nn.Module) -> None:
        size = sum(p.numel() * p.element_size() for p in module.parameters())
        if size > LARGEST:
            return
        mine = {id(p) for p in module.parameters()}
        records = [
            record
            for record in self.world.optimizers.values()
            if any(id(p) in mine for p in record.parameters())
        ]
        optimizers = [o for record in records if (o := record.ref()) is not None]
        try:
            with kept(()):
                double = copy.deepcopy((module, optimizers))
        except Exception:
            self.done = True  # a network that cannot be copied is watched and not probed
            return
        current = self.world.current()
        loader = current.loader() if current is not None else None
        self.trial = Trial(
            double,
            module,
            self.world.seen(module).name,
            here(),
            loader_place=self.world.loaders.get(id(loader)) if loader is not None else None,
            optimizer_place=records[0].place if records else None,
            rows=loader.batch_size if loader is not None else None,
        )

    def _take_step(self, trial: Trial, optimizer: torch.optim.Optimizer) -> None:
        held = {id(p) for g in optimizer.param_groups for p in g["params"]}
        if not any(id(p) in held for p in trial.model.parameters()):
            trial.plain = False
            return
        plain = len(self.calls) == len(self.losses) == len(self.roots) == 1
        if not plain:
            trial.plain = False
        if not self.calls or not self.losses:
            return
        (module, inputs, output), (name, given, result) = self.calls[0], self.losses[0]
        target = given.get("target")
        if module is not trial.model or not isinstance(target, torch.Tensor) or not inputs.numel():
            trial.plain = False
            return
        if plain and (given.get("input") is not output or self.roots[0] is not result):
            trial.plain = False
        options = {k: v for k, v in given.items() if k not in ("input", "target")}
        trial.loss = (name, options)
        trial.batches.append((inputs.detach(), target.detach()))

    def _try(self) -> None:
        trial, self.trial, self.done = self.trial, None, True
        if trial is None or not trial.batches:
            return
        wanted = OF_FORWARD | (OF_LOSS if trial.plain else frozenset())
        sure = trial.rows_are_samples()
        if not sure:
            wanted -= {"M104", "E105", "D101"}
        model, optimizers = trial.double
        name, options = trial.loss or ("", {})

        def loss(output: Any, target: Any) -> Any:
            return getattr(F, name)(output, target, **options)

        with kept(()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            report = check(
                model,
                _as_loader(trial.batches) if sure else trial.batches,
                loss=loss,
                optimizer=[o for o in optimizers if not isinstance(o, torch.optim.LBFGS)] or None,
            )
        for finding in report:
            if finding.code not in wanted or self.world.found(finding.code):
                continue
            if finding.code == "M114" and _is_told_by_source(trial.model):
                continue
            if finding.code == "M109" and not _holds_at_evaluation(finding, trial):
                continue
            self.world.adopt([finding], _place_of(finding, trial))


def _is_told_by_source(model: nn.Module) -> bool:
    return any(True for m in model.modules() for _ in thrown_away(type(m), m))


def _holds_at_evaluation(finding: Finding, trial: Trial) -> bool:
    """Whether two layers also meet without dropped blocks, which only training skips.

    Layers of different parents are left out: what enters a residual block goes around it too.
    """
    one, _, other = finding.where.partition(" → ")
    if finding.level == "error" or not other:
        return True
    if one.rpartition(".")[0] != other.rpartition(".")[0]:
        return False
    model = trial.double[0].eval()
    with kept(()), torch.no_grad(), observed(model) as forward:
        model(trial.batches[0][0])
    return (one, other) in forward.adjacent


def _as_loader(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> Any:
    """The kept batches as a loader of samples, where they can be laid together."""
    first_x, first_y = batches[0]
    alike = all(
        x.shape[1:] == first_x.shape[1:] and y.shape[1:] == first_y.shape[1:] and len(x) == len(y)
        for x, y in batches
        if x.dim() and y.dim()
    )
    if not alike or not first_x.dim() or not first_y.dim():
        return batches
    inputs, targets = (torch.cat([batch[i] for batch in batches]) for i in (0, 1))
    return DataLoader(TensorDataset(inputs, targets), batch_size=len(first_x))


def _place_of(finding: Finding, trial: Trial) -> Place | None:
    family = finding.code[0]
    if family == "L":
        return trial.loss_place
    if family == "O":
        return trial.optimizer_place or trial.place
    if family in "DYT":
        return trial.loader_place or trial.place
    return line_of_layer(trial.model, finding.where) or trial.place
