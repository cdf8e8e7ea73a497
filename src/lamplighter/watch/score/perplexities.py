"""Perplexities that are averaged over batches: E104."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.evaluation import mean_of_batches
from lamplighter.watch.events import Watcher
from lamplighter.watch.score.nearness import NEAR, NUMBER, half_a_place
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

FEWEST, MOST = 3, 2_000  # batches of an evaluation
DIGITS = 4  # of a figure that can hardly agree by chance
HIGHEST = 50.0  # a loss beyond which its exponential is no perplexity
SEQUENCES = ("cross_entropy", "nll_loss")


class Perplexities(Watcher):
    """Holds printed figures against exponentials of the losses since the last step."""

    codes = ("E104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.losses: list[torch.Tensor] = []
        self.rows: list[int] = []

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        mean = given.get("reduction", "mean") == "mean" and isinstance(result, torch.Tensor)
        target = given.get("target")
        if name not in SEQUENCES or not mean or result.requires_grad:
            return
        if isinstance(target, torch.Tensor) and len(self.losses) < MOST:
            self.losses.append(result)
            ignored = given.get("ignore_index", -100)
            self.rows.append(int((target != ignored).sum()))

    def pass_starts(self, current: Pass) -> None:
        self.woken()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.losses:
            self.woken()

    def woken(self) -> None:
        self.losses, self.rows = [], []

    def text_written(self, text: str) -> None:
        if len(self.losses) < FEWEST or self.world.found("E104"):
            return
        values = [float(v) for v in self.losses]
        if not all(0 < v < HIGHEST for v in values):
            return
        batches, count = len(values), sum(self.rows)
        weighed = sum(v * n for v, n in zip(values, self.rows, strict=True)) / max(1, count)
        actual, parts = math.exp(weighed), [math.exp(v) for v in values]
        right = (math.exp(sum(values) / batches), actual, *parts)
        mean = sum(parts) / batches
        for token in NUMBER.findall(text)[:8]:
            digits = len(token.replace(".", "").lstrip("0"))
            close = max(half_a_place(token), NEAR * mean)
            apart = not any(abs(float(token) - one) <= 2 * close for one in right)
            if digits >= DIGITS and apart and abs(float(token) - mean) <= close:
                told = mean_of_batches("perplexity", mean, actual, batches, scale=actual)
                self.world.adopt(told, here())
                return
