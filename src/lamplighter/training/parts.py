"""What a training is made of, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lamplighter.data.batches import Batches, PictureBatches
from lamplighter.data.focus import Focus
from lamplighter.recipe import Recipe
from lamplighter.tasks.tally import Tally, WithMetrics
from lamplighter.tasks.task import Task
from lamplighter.training.precision import Precision
from lamplighter.training.schedule import Schedule

LossFunction = Callable[[Any, Any], Tensor]


class Watcher:
    """Looks at steps while they happen; this one looks at nothing."""

    def forward(self, step: int) -> AbstractContextManager[Any]:  # noqa: ARG002
        """Wraps the forward pass of step `step` (from 1 over the whole run)."""
        return NOTHING

    def after_backward(self, step: int) -> None:
        """The gradients are there, the weights have not moved."""

    def after_step(self, step: int) -> None:
        """The weights have moved, the gradients are still there."""

    def after_epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch is validated; `row` is its line of metrics.jsonl."""


NOTHING: AbstractContextManager[Any] = nullcontext()
UNWATCHED = Watcher()


def limits_of(recipe: Recipe) -> dict[str, Any]:
    """What a recipe says of the loop itself, in the units of `Parts`."""
    return {
        "epochs": recipe.epochs,
        "accumulate": recipe.accumulate,
        "clip": recipe.clip,
        "patience": recipe.patience,
        "time_limit": recipe.time_limit * 60,
        "save_every": recipe.save_every * 60,
        "stall_after": recipe.stall_after,
    }


@dataclass
class Parts:
    """Everything that the loop works with.

    Args:
        module: the network, on `device`.
        task: counts answers and says which epoch is better.
        loss: (outputs, targets) → 0-d loss, mean over the batch.
        optimizer: over the module's parameters.
        schedule: moves its learning rates.
        precision: the arithmetic of the step.
        train: batches to learn from.
        val: batches to choose by; None if there are none.
        epochs: passes over `train`.
        accumulate: batches per optimizer step.
        micro: examples that go through the network at once; 0 is the whole batch. Lowered when
            memory runs out; the step stays the same.
        largest: examples in the largest batch seen; what is halved first.
        clip: largest gradient norm; 0 is off.
        patience: epochs without a better one before stopping; 0 is off.
        time_limit: seconds after which no new epoch begins and the present one ends; 0 is off.
        save_every: seconds between checkpoints within an epoch; 0 is off.
        stall_after: seconds without a batch after which it is said where the readers stand; 0 is off.
        metrics: the user's own, by name.
        watcher: looks at steps while they happen.
        set_mode: puts the module into training mode for an epoch (from 1, and how much of the training
            lies before it, 0 to 1), where `module.train()` would not do; freezing lives here.
        compiled: the network as torch.compile made it, for training steps alone; None: plain.
        compiled_for: examples that go through it at once; all others go through the plain network.
            0: compiling was asked for, and the network stayed plain; None: it was not asked for.
    """

    module: nn.Module
    task: Task
    loss: LossFunction
    optimizer: Optimizer
    schedule: Schedule
    precision: Precision
    train: Batches
    val: Batches | None
    device: torch.device
    epochs: int
    accumulate: int = 1
    micro: int = 0
    largest: int = 0
    clip: float = 0.0
    patience: int = 0
    time_limit: float = 0.0
    save_every: float = 600.0
    stall_after: float = 120.0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    watcher: Watcher = UNWATCHED
    set_mode: Callable[[int, float], None] | None = None
    compiled: nn.Module | None = None
    compiled_for: int | None = None

    @property
    def focus(self) -> Focus | None:
        """What chooses the pictures of an epoch by their newest losses; None: each is shown once."""
        return self.train.focus if isinstance(self.train, PictureBatches) else None

    def network(self, size: int) -> nn.Module:
        """What a training step of this many examples goes through."""
        if self.compiled is None or size != self.compiled_for:
            return self.module
        return self.compiled

    def moved(self) -> list[nn.Parameter]:
        """What the optimizer moves, as the network names it; the last digits of a norm that is
        clipped hang on the order, and `clip_grad_norm_(net.parameters(), …)` sums in this one."""
        owned = dict.fromkeys(p for group in self.optimizer.param_groups for p in group["params"])
        named = dict.fromkeys(p for p in self.module.parameters() if p in owned)
        return [*named, *(p for p in owned if p not in named)]

    def tally(self) -> Tally:
        """A fresh count for validation, with the user's metrics."""
        inner = self.task.tally()
        return WithMetrics(inner, self.metrics) if self.metrics else inner


@dataclass
class Progress:
    """How far a training has come; all of it is saved.

    Args:
        epoch: epochs completed.
        batch: batches done of the epoch under way.
        step: optimizer steps taken.
        best_epoch: the epoch with the best value; 0 before the first.
        best_value: its figure, by the task's metric; None where the outputs cannot be counted, and
            the loss alone decides.
        best_loss: its validation loss; breaks ties.
        stale: epochs since the best.
        seconds: of training, over all sittings.
        by_clock: whether the learning rate follows the clock, since the time is limited (`pace`).
        retries: times the training went back after a divergence.
        ended: why it ended early, if it did.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_value: float | None = None
    best_loss: float | None = None
    stale: int = 0
    seconds: float = 0.0
    by_clock: bool = False
    retries: int = 0
    ended: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    def best(self, metric: str) -> dict[str, Any]:
        """The best epoch and its figures as status.json and `--json` name them, also meanwhile."""
        if not self.best_epoch:
            return {"epoch": self.epoch, f"val_{metric}": None, "val_loss": None}
        return {
            "epoch": self.best_epoch,
            f"val_{metric}": self.best_value,
            "val_loss": self.best_loss,
        }

    def see(self, task: Task, figures: Mapping[str, float]) -> bool:
        """Takes note of an epoch's validation; returns whether it is the best so far."""
        value, loss = figures.get(task.metric), figures.get("loss", float("nan"))
        lower = self.best_loss is None or loss < self.best_loss
        if value is None:  # outputs that only the user's own loss can read, such as a tuple
            better = lower
        else:
            better = task.better(value, self.best_value) or (value == self.best_value and lower)
        # a loss that is not a number cannot be the best, whatever the accuracy says
        if loss == loss and better:
            self.best_epoch, self.best_value, self.best_loss, self.stale = (
                self.epoch, value, loss, 0,
            )  # fmt: skip
            return True
        self.stale += 1
        return False
