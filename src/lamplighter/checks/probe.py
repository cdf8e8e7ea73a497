"""Some training steps that are tried and undone, and what was seen in them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lamplighter.checks.batches import Batch, tensors_in
from lamplighter.checks.guess import LossFunction, answer_in, guess_loss, loss_value, own_loss
from lamplighter.checks.losses_seen import LossCall, LossesSeen
from lamplighter.checks.observed import Forward, observed
from lamplighter.checks.snapshot import Snapshot, seed_all
from lamplighter.checks.structure import hidden_members

STEPS = 6
FIRST_ROWS, LARGE_ROWS, LATER_ROWS = 32, 16, 8
LARGE = 6_000  # numbers in a sample from which fewer samples do, such as a picture of 64 pixels


class ProbeStopped(Exception):
    """The user's own code raised while it was tried.

    Args:
        part: "model" or "loss".
        error: what it raised.
    """

    def __init__(self, part: str, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.part = part
        self.error = error


@dataclass
class Evidence:
    """What the probe steps showed.

    Args:
        batch: the batch of the first step.
        output: the model's output at the first step, without graph.
        calls: the loss functions seen at the first step.
        later_calls: those seen at the last step.
        forward: the record of the first forward pass.
        losses: the loss at each step.
        gradients: parameter name → for each step None (no gradient) or its norm.
        called: names of modules that were called in any step.
        reached: (layer, which call) → whether a gradient came back in any step.
        dead: ReLUs of the last step whose outputs are all 0.
        live_hidden: ids of unregistered parameters that got a gradient.
        steps: steps made.
    """

    batch: Batch
    output: Any = None
    calls: list[LossCall] = field(default_factory=list)
    later_calls: list[LossCall] = field(default_factory=list)
    forward: Forward = field(default_factory=Forward)
    losses: list[float] = field(default_factory=list)
    gradients: dict[str, list[float | None]] = field(default_factory=dict)
    bad_gradient: tuple[str, Tensor] | None = None
    loss: Tensor | None = None
    called: set[str] = field(default_factory=set)
    reached: dict[tuple[str, int], bool] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    live_hidden: set[int] = field(default_factory=set)
    first_moves: dict[str, float] = field(default_factory=dict)
    rounded: list[tuple[str, Tensor, Tensor, Tensor, float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    rate_was_raised: bool = False
    steps: int = 0

    @property
    def answer(self) -> Tensor | None:
        """The prediction of the first step."""
        return answer_in(self.output)


class Prober:
    """Tries training steps on the user's own objects; the caller restores the snapshot.

    Args:
        model: the network, on its device.
        loss: the user's loss, or None to guess one.
        optimizers: the user's optimizers; without any, Adam at 1e-3 is used for the probe.
        snapshot: what was kept before.

    Attributes:
        takes_fewer: whether batches may be cut; False once a cut batch failed to go through.
        forward: the record of the last forward pass, also of one that raised.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: LossFunction | None,
        optimizers: Sequence[Optimizer],
        snapshot: Snapshot,
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimizers = list(optimizers)
        self.snapshot = snapshot
        self.named = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.hidden = [m for _, m in hidden_members(model)]
        self.forward = Forward()
        self.takes_fewer = True

    def cut(self, batch: Batch, count: int) -> Batch:
        """Fewer samples, where the network takes any number of them."""
        return batch.rows(count) if self.takes_fewer else batch

    def answer(self, batch: Batch) -> Any:
        """The model's output for a batch, with the user's own exceptions marked as such."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return batch.into(self.model)
        except Exception as error:
            raise ProbeStopped("model", error) from error

    def compute_loss(self, output: Any, batch: Batch) -> Tensor | None:
        """The loss of an output, by the user's function or by a guess."""
        targets = batch.inputs if batch.targets is None else batch.targets
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if self.loss is None:
                    return guess_loss(output, targets)
                if isinstance(output, Tensor) or own_loss(output) is None:
                    return loss_value(self._try_loss(output, targets))
                return own_loss(output)
        except Exception as error:
            raise ProbeStopped("loss", error) from error

    def _try_loss(self, output: Any, targets: Any) -> Any:
        assert self.loss is not None
        try:
            return self.loss(output, targets)
        except (TypeError, AttributeError):
            answer = answer_in(output)
            if isinstance(output, Tensor) or answer is None:
                raise
            # a network with auxiliary outputs: their losses are usually added with a smaller weight
            others = [t for t in tensors_in(output) if t is not answer and t.shape == answer.shape]
            total = loss_value(self.loss(answer, targets))
            if total is None:
                return None
            return total + 0.3 * sum(self.loss(other, targets) for other in others)

    def run(self, batches: Sequence[Batch], steps: int, *, step: bool) -> Evidence:
        """Makes probe steps.

        Args:
            batches: used in turn; the first is also used for the loss seen again.
            steps: how many.
            step: whether the optimizer steps.
        """
        if not self.model.training:
            self.model.train()
        evidence = Evidence(batches[0])
        optimizers = self.optimizers if step else []
        if step and not optimizers and self.named:
            optimizers = [torch.optim.Adam(list(self.named.values()), lr=1e-3)]
        evidence.rate_was_raised = raise_rates(optimizers)
        evidence.rates = [float(g["lr"]) for o in optimizers for g in o.param_groups]
        handles = [
            module.register_forward_hook(_marking(evidence.called, name))
            for name, module in self.model.named_modules()
        ]
        try:
            for number in range(steps):
                whole = batches[number % len(batches)]
                batch = self.cut(whole, _rows_for(whole) if number == 0 else LATER_ROWS)
                try:
                    self._one_step(evidence, batch, number, steps)
                except ProbeStopped:
                    if batch is whole:
                        raise
                    self.takes_fewer = False  # it may be made for one batch size alone
                    batch = whole
                    self._one_step(evidence, batch, number, steps)
                if optimizers and evidence.loss is not None and evidence.loss.requires_grad:
                    self._update(evidence, optimizers, batch, number)
                evidence.steps += 1
                if evidence.loss is None or evidence.bad_gradient is not None:
                    break
        finally:
            for handle in handles:
                handle.remove()
        return evidence

    def put_back(self) -> None:
        """Gives weights and buffers their values from before the steps, in the middle of a check."""
        for tensor in [*self.named.values(), *self.model.buffers()]:
            if id(tensor) in self.snapshot.values:
                tensor.data.copy_(self.snapshot.before(tensor))

    def _one_step(self, evidence: Evidence, batch: Batch, number: int, steps: int) -> None:
        seed_all(number)
        for parameter in self._all_parameters():
            parameter.grad = None
        targets = list(tensors_in(batch.targets))
        with LossesSeen(targets) as seen, observed(self.model) as forward:
            self.forward = forward
            output = self.answer(batch)
            loss = self.compute_loss(output, batch)
        if number == 0:
            evidence.batch, evidence.forward, evidence.output = batch, forward, output
            evidence.calls, evidence.loss = seen.calls, loss
        if number == steps - 1:
            evidence.later_calls = seen.calls
            evidence.dead = [n for n, out in forward.rectified if not bool(out.any())]
        if loss is None or loss.numel() != 1:
            evidence.loss = None
            return
        evidence.losses.append(float(loss.detach()))
        if loss.requires_grad:
            try:
                loss.backward()
            except Exception as error:
                raise ProbeStopped("backward", error) from error
        self._note_gradients(evidence)
        for key, was_reached in forward.reached.items():
            evidence.reached[key] = evidence.reached.get(key, False) or was_reached

    def _all_parameters(self) -> list[Tensor]:
        hidden = [
            p for m in self.hidden for p in (m.parameters() if isinstance(m, nn.Module) else [m])
        ]
        held = [p for o in self.optimizers for g in o.param_groups for p in g["params"]]
        return [*self.model.parameters(), *hidden, *held]

    def _note_gradients(self, evidence: Evidence) -> None:
        for name, parameter in self.named.items():
            gradient = parameter.grad
            norm = None if gradient is None else float(gradient.detach().float().norm())
            evidence.gradients.setdefault(name, []).append(norm)
            finite = norm is None or math.isfinite(norm)
            if not finite and evidence.bad_gradient is None and gradient is not None:
                evidence.bad_gradient = (name, gradient.detach().clone())
        known = {id(p) for p in self.named.values()}
        for tensor in self._all_parameters():
            if tensor.grad is not None and id(tensor) not in known:
                evidence.live_hidden.add(id(tensor))

    def _update(
        self, evidence: Evidence, optimizers: Sequence[Optimizer], batch: Batch, number: int
    ) -> None:
        coarse = {
            name: parameter.detach().clone()
            for name, parameter in self.named.items()
            if number == 0 and parameter.dtype in (torch.float16, torch.bfloat16)
        }
        for optimizer in optimizers:
            if isinstance(optimizer, torch.optim.LBFGS):
                optimizer.step(self._closure(optimizer, batch))
            else:
                optimizer.step()
        if number:
            return
        rate = max(evidence.rates, default=0.0)
        for name, before in coarse.items():
            parameter = self.named[name]
            if parameter.grad is not None:
                row = (name, before, parameter.detach().clone(), parameter.grad.clone(), rate)
                evidence.rounded.append(row)
        for name, parameter in self.named.items():
            if parameter.dim() > 1 and parameter.grad is not None and not parameter.grad.is_sparse:
                moved = parameter.detach() - self.snapshot.before(parameter)
                evidence.first_moves[name] = float(moved.float().norm())

    def _closure(self, optimizer: Optimizer, batch: Batch) -> Callable[[], Any]:
        def closure() -> Any:
            optimizer.zero_grad()
            loss = self.compute_loss(self.answer(batch), batch)
            assert loss is not None
            loss.backward()
            return loss

        return closure


def _rows_for(batch: Batch) -> int:
    """How many samples the first step takes: enough for a verdict, few enough for seconds."""
    first = batch.first
    large = first is not None and first.dim() > 1 and first[0].numel() > LARGE
    return LARGE_ROWS if large else FIRST_ROWS


def raise_rates(optimizers: Sequence[Optimizer]) -> bool:
    """Sets a learning rate that a warm-up begins low to the schedule's own full rate.

    Returns:
        Whether any rate was raised; the snapshot puts it back.
    """
    raised = False
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            full = max(
                float(group.get(name, 0.0) or 0.0) for name in ("initial_lr", "max_lr", "lr")
            )
            if full > float(group["lr"]):
                group["lr"] = full
                raised = True
    return raised


def largest_relative_move(named: dict[str, nn.Parameter], snapshot: Snapshot) -> float:
    """The largest change of any parameter since the snapshot, as a share of its norm."""
    largest = 0.0
    for parameter in named.values():
        before = snapshot.before(parameter).float()
        size = float(before.norm())
        moved = float((parameter.detach().float() - before).norm())
        largest = max(largest, moved / size if size else (1.0 if moved else 0.0))
    return largest


def _marking(called: set[str], name: str) -> Any:
    def hook(_module: nn.Module, _args: Any, _output: Any) -> None:
        called.add(name)

    return hook
