"""Our own training under the checks that run while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch

from lamplighter.checks.finding import Finding
from lamplighter.checks.running import RunningChecks
from lamplighter.data.batches import PictureBatches
from lamplighter.listener import Listener
from lamplighter.recipe import Recipe
from lamplighter.training.parts import Parts, Watcher


class RunningWatcher(Watcher):
    """Feeds `RunningChecks` from the loop.

    Args:
        parts: what trains.
        recipe: `allow` marks findings as meant so.
        listener: hears each finding once.
        majority: share of the commonest class in validation; 0 where there are no classes.
        count: validation examples.
    """

    def __init__(
        self, parts: Parts, recipe: Recipe, listener: Listener, *, majority: float, count: int
    ) -> None:
        self.checks = RunningChecks(
            parts.module,
            [parts.optimizer],
            allow=dict.fromkeys(recipe.allow, "allowed by the user"),
            listener=listener,
        )
        self.majority, self.count = majority, count

    @property
    def findings(self) -> list[Finding]:
        """What was found so far."""
        return self.checks.findings

    def forward(self, step: int) -> AbstractContextManager[Any]:
        return self.checks.forward(step)

    def after_backward(self, step: int) -> None:
        self.checks.after_backward(step)

    def after_step(self, step: int) -> None:
        self.checks.after_step(step)

    def after_epoch(self, row: Mapping[str, Any]) -> None:
        accuracy = row.get("val_accuracy")
        known = accuracy is not None and self.majority > 0
        correct = round(accuracy * self.count) if known and accuracy is not None else None
        self.checks.after_epoch(int(row["epoch"]), correct, self.count, self.majority)


def watch_training(parts: Parts, recipe: Recipe, listener: Listener) -> list[Finding]:
    """Puts a watcher into the parts, unless checks are off.

    Returns:
        The list that findings are added to while the training runs.
    """
    if recipe.checks == "off":
        return []
    majority, count = 0.0, 0
    if parts.task.name == "classification" and isinstance(parts.val, PictureBatches):
        counts = torch.bincount(parts.val.targets.cpu())
        count = int(counts.sum())
        majority = float(counts.max()) / max(1, count)
    watcher = RunningWatcher(parts, recipe, listener, majority=majority, count=count)
    parts.watcher = watcher
    return watcher.findings
