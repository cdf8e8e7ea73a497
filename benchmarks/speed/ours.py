"""Lamplighter's side of each job, and the ceiling: the same step on a batch that is there already."""

from __future__ import annotations

import atexit
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lamplighter.bench import Stand
from lamplighter.data.batches import Batch
from lamplighter.listener import SILENT
from lamplighter.machine import keep_memory
from lamplighter.recipe import make_recipe
from lamplighter.run_folder import RunFolder
from lamplighter.training.journal import RunJournal
from lamplighter.training.loop import Saver, fit, train_step
from lamplighter.training.parts import Progress
from lamplighter.training.schedule import make_schedule
from lamplighter.watching import watch_training

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


class Repeated:
    """The same batch again and again, as an epoch."""

    examples: int | None = None
    resumable = True

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def steps(self) -> int:
        """In an epoch."""
        return 100 * STEPS

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:  # noqa: ARG002
        """The batch, as often as `steps` says."""
        return itertools.repeat(self.batch, self.steps())


def nothing_bare(data: Path) -> Callable[[], int]:
    """The bare loop on the network of nothing, on a batch that is there; counted in steps."""
    parts = _nothing(data)
    batch = parts.train.batch

    def turn() -> int:
        for _ in range(parts.train.steps()):
            loss = parts.loss(parts.module(batch.inputs), batch.targets)
            loss.backward()
            parts.optimizer.step()
            parts.optimizer.zero_grad()
        return parts.train.steps()

    return turn


def nothing(data: Path) -> Callable[[], int]:
    """An epoch of the whole loop on it: checks, counting, metrics.jsonl and TensorBoard included."""
    parts = _nothing(data)
    recipe = make_recipe({"data": str(data)})
    watch_training(parts, recipe, SILENT)
    folder = RunFolder(Path(tempfile.mkdtemp(prefix="lamp-nothing-")))
    atexit.register(shutil.rmtree, folder.path, ignore_errors=True)
    journal = RunJournal(folder)
    saver = Saver(checkpoint=lambda *_: None, best=lambda _: None)
    progress = Progress()

    def turn() -> int:
        parts.epochs = progress.epoch + 1
        fit(parts, progress, journal=journal, saver=saver)
        return parts.train.steps()

    return turn


def _nothing(data: Path) -> Any:
    made = stand(data)
    made.parts.module = Nothing()
    made.parts.optimizer = torch.optim.SGD(made.parts.module.parameters(), lr=0.01, fused=True)
    made.parts.schedule = make_schedule(
        "constant", made.parts.optimizer, steps_per_epoch=1, epochs=1, warmup=0
    )
    made.parts.train, made.parts.val = Repeated(made.kept), None
    return made.parts
