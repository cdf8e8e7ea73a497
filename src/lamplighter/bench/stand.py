"""A training set up to be measured: its steps with all that the loop does around them, and bare."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lamplighter.data.batches import Batch, PictureBatches
from lamplighter.data.example import Source
from lamplighter.data.split import collect
from lamplighter.errors import DataError
from lamplighter.listener import SILENT, Listener
from lamplighter.recipe import Recipe
from lamplighter.run_folder import RunFolder
from lamplighter.training.journal import Journal, RunJournal
from lamplighter.training.loop import StepLog, train_step, training_loss
from lamplighter.training.parts import Parts, Progress
from lamplighter.training.prepare import prepare

PARTS = ("data", "forward", "backward", "optimizer", "logging", "other")


@dataclass(frozen=True)
class Measured:
    """What is measured.

    Args:
        recipe: resolved.
        parts: of the loop.
    """

    recipe: Recipe
    parts: Parts

    @property
    def of_pictures(self) -> bool:
        """Whether batches are ours; else they come from data sets or loaders of the user's own."""
        return isinstance(self.parts.train, PictureBatches)


Maker = Callable[[Recipe, Listener], Measured]  # asked recipe → a training of its own


def of_pictures(recipe: Recipe, source: Source, listener: Listener) -> Measured:
    """A training on pictures.

    Args:
        recipe: as asked.
        source: of the pictures.

    Raises:
        DataError, ModelError, UsageError: as training would.
    """
    collection = collect(
        source, val=None, test=None, seed=recipe.split_seed, task=recipe.task, listener=listener
    )
    # what compiling brings is measured here, not taken from memory
    prepared = prepare(replace(recipe, compile="off"), collection, listener)
    return Measured(prepared.recipe, prepared.parts)


class Stand:
    """A training set up to be measured; nothing is kept of what it learns.

    Args:
        training: of its own, since its steps are made.
    """

    def __init__(self, training: Measured) -> None:
        self.training, self.parts = training, training.parts
        self.source = self._batches()
        self.kept = next(self.source)
        for group in self.parts.optimizer.param_groups:
            group["lr"] = (
                0.0  # a rate that diverges would leave steps out, and their time with them
            )
        if self.parts.set_mode is not None:
            # a network that trains its head alone in its first epoch trains whole in all others
            self.parts.set_mode(2, 0.5)
        else:
            self.parts.module.train()
        self.tensorboard = training.recipe.tensorboard
        self.progress = Progress()  # over all turns, so that epochs end as they do in a training

    def _batches(self) -> Iterator[Batch]:
        epoch, batch = 0, None
        while True:
            epoch += 1
            for batch in self.parts.train.epoch(epoch):
                yield batch
            if batch is None:
                raise DataError(
                    "the training data gave no batches", fix="is the loader empty, or used up?"
                )

    def loop(self, seconds: float, shares: dict[str, list[float]] | None = None) -> float:
        """Pictures per second of training steps as the loop does them, written down as it does."""
        with _logging(self.parts, self.progress, self.tensorboard) as log:
            return self._loop(seconds, log, shares)

    def _loop(self, seconds: float, log: _Log, shares: dict[str, list[float]] | None) -> float:
        clock = _Clock(self.parts, log)
        images = 0
        restore = clock.listen()
        try:
            started = time.perf_counter()
            while not images or time.perf_counter() - started < seconds:
                asked = time.perf_counter()
                batch = next(self.source)
                clock.spent["data"] += time.perf_counter() - asked
                loss, norm = train_step(self.parts, [batch], log)
                log.after(loss, norm, batch)
                images += batch.size
            log.flush()
            clock.wait()
            whole = time.perf_counter() - started
        finally:
            restore()
        if shares is not None:
            clock.spent["other"] = max(0.0, whole - sum(clock.spent.values()))
            for name, spent in clock.spent.items():
                shares[name].append(spent / whole)
        return images / whole

    def step_on_kept(self) -> None:
        """One step on the first batch, to its end."""
        train_step(self.parts, [self.kept], self.parts.task.tally())
        _wait(self.parts)

    def ceiling(self, seconds: float) -> float:
        """Pictures per second of the bare step on a batch that is there."""
        parts, batch, images = self.parts, self.kept, 0
        started = time.perf_counter()
        while not images or time.perf_counter() - started < seconds:
            with parts.precision.forward():
                loss = training_loss(parts, batch.call(parts.module), batch.targets)
            parts.precision.backward(loss)
            parts.optimizer.step()
            parts.optimizer.zero_grad(set_to_none=True)
            images += batch.size
        _wait(parts)
        return images / (time.perf_counter() - started)


class _Log:
    """What a training counts and writes down.

    Args:
        parts: of the training.
        progress: is moved on.
        journal: writes.
    """

    def __init__(self, parts: Parts, progress: Progress, journal: Journal) -> None:
        self.parts, self.progress, self.journal = parts, progress, journal
        self.steps = StepLog(parts, progress, journal, SILENT)
        self.tally = parts.task.tally()

    def add(self, outputs: Any, targets: Any, loss: Any, size: int) -> None:
        """A batch's answers, as the loop's tally takes them."""
        self.tally.add(outputs, targets, loss, size)

    def result(self) -> dict[str, float]:
        """The figures over what was added since the last epoch's end."""
        return self.tally.result()

    def after(self, loss: Any, norm: Any, batch: Batch) -> None:
        """A step; after the last of an epoch also the line that it gets."""
        self.progress.step += 1
        self.progress.batch += 1
        self.steps.step(loss, norm, [batch], time.perf_counter())
        if self.progress.batch < (self.parts.train.steps() or 0):
            return
        self.steps.flush()
        self.progress.epoch, self.progress.batch = self.progress.epoch + 1, 0
        figures = {f"train_{name}": value for name, value in self.result().items()}
        self.journal.epoch({"epoch": self.progress.epoch, "step": self.progress.step, **figures})
        self.tally = self.parts.task.tally()

    def flush(self) -> None:
        """Nothing is left unwritten."""
        self.steps.flush()


@contextmanager
def _logging(parts: Parts, progress: Progress, tensorboard: bool) -> Iterator[_Log]:
    """A training's journal, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="lamp-bench-") as folder:
        journal = RunJournal(RunFolder(Path(folder)), tensorboard=tensorboard)
        try:
            yield _Log(parts, progress, journal)
        finally:
            journal.close()


def _wait(parts: Parts) -> None:
    """Until the device has done what it was given."""
    if parts.device.type == "cuda":
        torch.cuda.synchronize(parts.device)


class _Clock:
    """Takes the time of a step's parts at the seams that the step has."""

    def __init__(self, parts: Parts, log: _Log) -> None:
        self.parts, self.log = parts, log
        self.spent = dict.fromkeys(PARTS, 0.0)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        _wait(self.parts)

    def listen(self) -> Callable[[], None]:
        """Puts itself around the step's parts; returns what takes it away again."""
        parts: Any = self.parts
        seams: list[tuple[Any, str, Any]] = [
            (parts, "module", _Called(parts.module, self._timed("forward", parts.module))),
            (parts, "loss", self._timed("forward", parts.loss)),
            (parts.precision, "backward", self._timed("backward", parts.precision.backward)),
            (parts.optimizer, "step", self._timed("optimizer", parts.optimizer.step)),
            (self.log, "add", self._timed("logging", self.log.add)),
            (self.log, "after", self._timed("logging", self.log.after)),
            (self.log, "flush", self._timed("logging", self.log.flush)),
        ]
        if parts.compiled is not None:
            seams.append((parts, "compiled", self._timed("forward", parts.compiled)))
        before = [(owner, name, getattr(owner, name)) for owner, name, _ in seams]
        for owner, name, timed in seams:
            setattr(owner, name, timed)

        def restore() -> None:
            for owner, name, value in before:
                setattr(owner, name, value)

        return restore

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            result = call(*arguments, **named)
            self.wait()
            self.spent[name] += time.perf_counter() - started
            return result

        return timed


class _Called:
    """A module whose call is timed; all else is the module's own."""

    def __init__(self, module: Any, call: Callable[..., Any]) -> None:
        self.module, self.call = module, call

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.call(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)
