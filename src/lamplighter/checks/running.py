"""What is watched while our own loop trains: cheap looks at a few steps, findings told once.

The loop calls three methods; none of them waits for the device except at the steps that `due`
names, so a step costs no synchronisation that the log points do not make anyway.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.checks import evaluation, initialise, labels, optimizer, precision
from lamplighter.checks.finding import Finding
from lamplighter.checks.finding import allow as mark_allowed
from lamplighter.checks.observed import observed
from lamplighter.checks.structure import statistics_never_learned
from lamplighter.listener import SILENT, Listener


class RunningChecks:
    """Watches a training that Lamplighter itself runs.

    The loop is::

        checks = RunningChecks(model, optimizers)
        for step, batch in enumerate(loader, 1):
            with checks.forward(step):
                loss = ...
            loss.backward()
            checks.after_backward(step)
            optimizer.step()
            checks.after_step(step, loss)
        checks.after_epoch(epoch, correct, count, majority)

    Args:
        model: the network that trains.
        optimizers: all optimizers that step.
        every: looks are taken at the first three steps and then at each `every`-th; the cost of a
            look is about one forward pass, so 200 keeps it well under 2 % of a step.
        allow: code → reason; findings of these codes are marked as allowed.
        listener: hears each finding once.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        *,
        every: int = 200,
        allow: dict[str, str] | None = None,
        listener: Listener = SILENT,
    ) -> None:
        self.model = model
        self.optimizers = list(optimizers)
        self.every = every
        self.allowed = allow or {}
        self.listener = listener
        self.findings: list[Finding] = []
        self.trained = False
        self._told: set[tuple[str, str]] = set()
        self._before: dict[str, Tensor] = {}
        self._watched = _weights_to_watch(model)
        self._still: dict[str, tuple[float, int]] = {}
        self._dead: dict[str, int] = {}

    def due(self, step: int) -> bool:
        """Whether this step, counted from 1 over the whole run, is looked at."""
        return step <= 3 or step % self.every == 0

    def forward(self, step: int) -> AbstractContextManager[None]:
        """A context for the forward pass; it records only at steps that are due."""
        return _Forward(self) if self.due(step) else NOTHING

    def after_backward(self, step: int) -> list[Finding]:
        """Gradients and the weights before the update; cheap, and only at due steps.

        Returns:
            What is new.
        """
        if not self.due(step):
            return []
        self._before = {
            name: parameter.detach().clone() for name, parameter in self._watched.items()
        }
        norms = [
            (name, p.grad.detach().float().norm())
            for name, p in self.model.named_parameters()
            if p.grad is not None and not p.grad.is_sparse
        ]
        if not norms:
            return []
        finite = torch.isfinite(torch.stack([norm for _, norm in norms]))
        if bool(finite.all()):
            return []
        name = norms[int((~finite).nonzero()[0])][0]
        gradient = dict(self.model.named_parameters())[name].grad
        assert gradient is not None
        return self._tell(precision.not_finite("gradient", gradient, where=name))

    def after_step(self, step: int, loss: float | Tensor | None = None) -> list[Finding]:
        """The loss, where it was fetched, and how far the update moved the weights.

        Args:
            step: counted from 1 over the whole run.
            loss: the loss of this step; a tensor is looked at only when the step is due.

        Returns:
            What is new.
        """
        self.trained = True
        new: list[Finding] = []
        if loss is not None and (self.due(step) or not isinstance(loss, Tensor)):
            value = float(loss)
            if not math.isfinite(value):
                new += self._tell(precision.not_finite("value", torch.tensor(value), where="loss"))
        if self.due(step) and self._before:
            new += self._look_at_moves(step)
            self._before = {}
        return new

    def after_epoch(
        self, epoch: int, correct: int | None = None, count: int = 0, majority: float = 0.0
    ) -> list[Finding]:
        """Validation against the commonest class, after the third epoch and later.

        Args:
            epoch: counted from 1.
            correct: right answers on validation; None where the task has none.
            count: validation samples.
            majority: share of the commonest class in validation.

        Returns:
            What is new.
        """
        new: list[Finding] = []
        if correct is not None and count:
            if epoch >= 3:
                new += self._tell(labels.no_better_than_majority(correct, count, majority))
            new += self._tell(evaluation.too_good(correct / count, count, epoch, classes=2))
        if epoch == 1 and self.trained:
            new += self._tell(statistics_never_learned(self.model, trained=True))
        return new

    def look_at_forward(self, record: Any) -> None:
        """Judges the record of a forward pass (called by the context of `forward`)."""
        if record.not_finite is not None:
            name, tensor = record.not_finite
            self._tell(precision.not_finite("output", tensor, where=name))
        for name, kind, outputs in record.squashed[:-1]:
            self._tell(initialise.saturated(name or kind, kind, outputs))
        self._look_for_dead(record)

    def _look_for_dead(self, record: Any) -> None:
        """A ReLU whose outputs were all 0 at three looks in a row is told."""
        for name, outputs in record.rectified:
            zero = not bool(outputs.sum())  # none is negative; one pass, where any() takes five
            self._dead[name] = self._dead.get(name, 0) + 1 if zero else 0
            if self._dead[name] == 3:
                self._tell(initialise.dead_rectifier(name or "relu", outputs))

    def _look_at_moves(self, step: int) -> list[Finding]:
        moves, norms, sizes, new = {}, {}, {}, []
        rates = {
            id(p): float(g["lr"])
            for o in self.optimizers
            for g in o.param_groups
            for p in g["params"]
        }
        for name, parameter in self._watched.items():
            before = self._before.get(name)
            gradient = parameter.grad
            rate = rates.get(id(parameter), 0.0)
            if before is None or gradient is None or rate <= 0:
                continue
            moves[name] = float((parameter.detach() - before).float().norm())
            norms[name], sizes[name] = float(before.float().norm()), optimizer.size_of(before)
            push = float(gradient.detach().float().norm())
            new += self._note_still(name, step, norms[name], moves[name], rate, push)
            new += self._tell(
                precision.updates_rounded_away(
                    name, before, parameter.detach(), gradient, rate=rate
                )
            )
        return new + self._tell(optimizer.learning_rate_too_high(moves, sizes))

    def _note_still(
        self, name: str, step: int, size: float, move: float, rate: float, push: float
    ) -> list[Finding]:
        """Counts for how many steps a watched weight has not moved by a bit."""
        known, since = self._still.get(name, (size, step))
        if move > 0 or known != size:
            self._still[name] = (size, step)
            return []
        self._still[name] = (known, since)
        return self._tell(optimizer.updates_stop(name, step - since, rate, push))

    def _tell(self, findings: Iterable[Finding]) -> list[Finding]:
        new = [
            f for f in mark_allowed(findings, self.allowed) if (f.code, f.where) not in self._told
        ]
        for finding in new:
            self._told.add((finding.code, finding.where))
            self.findings.append(finding)
            self.listener.finding(finding)
        return new


NOTHING = nullcontext()


class _Forward(AbstractContextManager[None]):
    """Observes one forward pass."""

    def __init__(self, checks: RunningChecks) -> None:
        self.checks = checks
        self.observing = observed(checks.model)
        self.record: Any = None

    def __enter__(self) -> None:
        self.record = self.observing.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.observing.__exit__(kind, error, trace)
        if kind is None:
            with torch.no_grad():
                self.checks.look_at_forward(self.record)


def _weights_to_watch(model: nn.Module, count: int = 8) -> dict[str, nn.Parameter]:
    """A few weight matrices from the beginning to the end of the network."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad and p.dim() > 1]
    step = max(1, len(named) // count)
    return dict([*named[::step][: count - 1], *named[-1:]])
