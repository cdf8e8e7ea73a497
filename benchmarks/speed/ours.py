"""Lamplighter's side of each job, and the ceiling: the same step on a batch that is there already."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lamplighter.bench import Stand
from lamplighter.listener import SILENT
from lamplighter.machine import keep_memory
from lamplighter.recipe import make_recipe
from lamplighter.training.loop import train_step

STEPS = 12


def stand(data: Path, **settings: Any) -> Stand:
    """The course's job, prepared as `lamp train` prepares it."""
    keep_memory()
    asked = {
        "data": str(data),
        "model": "tutorial_cnn",
        "optimizer": "SGD",
        "batch": 64,
        "lr": 0.01,
    }
    return Stand(make_recipe({**asked, "augment": "none", "precision": "fp32", **settings}), SILENT)


def course(data: Path, **settings: Any) -> Callable[[], int]:
    """Training steps as the loop does them."""
    made = stand(data, **settings)
    return lambda: steps(made)


def course_bf16(data: Path) -> Callable[[], int]:
    """The same in bfloat16, which `--precision auto` takes where it wins."""
    return course(data, precision="bf16")


def steps(made: Stand) -> int:
    """A turn of steps: batches, forward, backward, step, counting."""
    for batch in itertools.islice(made.source, STEPS):
        train_step(made.parts, [batch], made.tally)
    return STEPS * 64


def ceiling(data: Path) -> Callable[[], int]:
    """The bare step in fp32 on one batch."""
    made = stand(data)
    parts, batch = made.parts, made.kept

    def turn() -> int:
        for _ in range(STEPS):
            loss = parts.loss(parts.module(batch.inputs), batch.targets)
            loss.backward()
            parts.optimizer.step()
            parts.optimizer.zero_grad()
        return STEPS * 64

    return turn


def loader(data: Path) -> Callable[[], int]:
    """Batches from the cache of decoded pictures, cropped, flipped and normalised."""
    made = stand(data, augment="light")
    return lambda: sum(batch.size for batch in itertools.islice(made.source, STEPS))


class Nothing(nn.Module):
    """A network of nothing: what is left is the loop's own cost."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Looks at four pixels."""
        return self.layer(images[:, 0, 0, :4])


def nothing(data: Path, *, bare: bool = False) -> Callable[[], int]:
    """Steps of the network of nothing, on a batch that is there; counted in steps."""
    made = stand(data)
    parts, batch = made.parts, made.kept
    parts.module = Nothing()
    parts.optimizer = torch.optim.SGD(parts.module.parameters(), lr=0.01, fused=True)

    def turn() -> int:
        for _ in range(10 * STEPS):
            if bare:
                loss = parts.loss(parts.module(batch.inputs), batch.targets)
                loss.backward()
                parts.optimizer.step()
                parts.optimizer.zero_grad()
            else:
                train_step(parts, [batch], made.tally)
        return 10 * STEPS

    return turn


def nothing_bare(data: Path) -> Callable[[], int]:
    """The bare loop on it."""
    return nothing(data, bare=True)
