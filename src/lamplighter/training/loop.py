"""The loop. Everything else in this room stands beside it:

for each epoch:
    for each batch:        forward, loss, backward, step
    validate               in evaluation mode, every example once
    write down, keep the best, save, stop if it is time
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn

import torch
from torch import Tensor

from lamplighter.data.batches import Batch, chunks
from lamplighter.errors import DataError
from lamplighter.listener import SILENT, Listener
from lamplighter.models.answers import main_output, refuse_no_tensor
from lamplighter.run_folder import TIME_LIMIT
from lamplighter.tasks.tally import Tally
from lamplighter.training.journal import Journal
from lamplighter.training.pace import Pace
from lamplighter.training.parts import Parts, Progress
from lamplighter.training.precision import clear_gradients
from lamplighter.training.schedule import Curve
from lamplighter.training.stopping import heeding, was_cut
from lamplighter.training.validate import validate
from lamplighter.training.waiting import Patience

LOG_SECONDS = 0.5  # figures are fetched from the device, and shown, this often
LOG_STEPS = 200


class Stopped(Exception):
    """The stop flag was seen; the state is that of a whole optimizer step."""


class Diverged(Exception):
    """A loss or gradient is not finite; its update was not applied where that could be seen."""

    def __init__(self, step: int, loss: float, norm: float, positions: Tensor | None) -> None:
        what = "loss" if loss != loss or abs(loss) == float("inf") else "gradient"
        super().__init__(
            f"the {what} of step {step} is not finite (loss {loss}, gradient norm {norm})"
        )
        self.step = step
        self.positions = positions


@dataclass
class Saver:
    """What the loop asks when it is time to save; the stage decides where to.

    Args:
        checkpoint: called with what to save besides the parts' own state.
        best: called after a best epoch.
    """

    checkpoint: Callable[[Progress, dict[str, Any]], None]
    best: Callable[[Progress], None]


def fit(
    parts: Parts,
    progress: Progress,
    *,
    journal: Journal,
    saver: Saver,
    listener: Listener = SILENT,
    stop: Callable[[], bool] = lambda: False,
    counted: dict[str, Any] | None = None,
) -> None:
    """Trains from where `progress` stands to the last epoch, or to an early end.

    Args:
        parts: what to work with; restored already when resuming.
        progress: changed in place.
        journal: writes down.
        saver: keeps checkpoints and the best state.
        listener: shows.
        stop: polled after every step; True saves and raises Stopped.
        counted: on a resume within an epoch, the training tally's state.

    Raises:
        Stopped: the stop flag was seen.
        Diverged: a loss or gradient is not finite.
    """
    pace = _pace_of(parts, progress, listener)
    readers = [batches for batches in (parts.train, parts.val) if batches is not None]
    with Patience(parts.stall_after, readers, listener).watching() as patience:
        while progress.epoch < parts.epochs and not progress.ended:
            epoch = _Epoch(parts, progress, journal, saver, listener, stop, counted, patience, pace)
            counted = None
            row = epoch.run()
            loss = row.get("val_loss")
            parts.schedule.after_epoch(loss)
            figures = {key[4:]: value for key, value in row.items() if key.startswith("val_")}
            is_best = progress.see(parts.task, figures) if parts.val else False
            if is_best:
                saver.best(progress)
            journal.epoch(row)
            parts.watcher.after_epoch(row)
            listener.epoch_done({**row, "is_best": is_best})
            if parts.patience and parts.val and progress.stale >= parts.patience:
                progress.ended = f"no better epoch in {progress.stale}"
            if parts.time_limit and progress.seconds >= parts.time_limit:
                progress.ended = (
                    progress.ended or f"{TIME_LIMIT} of {parts.time_limit / 60:g} minutes"
                )
            saver.checkpoint(progress, {})


def _steps_per_epoch(parts: Parts) -> int | None:
    """Optimizer steps; None where nobody knows how many batches there are."""
    batches = parts.train.steps()
    return None if batches is None else -(-batches // parts.accumulate)


def _pace_of(parts: Parts, progress: Progress, listener: Listener) -> Pace:
    def hurry(needed: float) -> None:
        progress.by_clock = True
        listener.say(
            f"time limit: {parts.epochs} epochs would take {needed / 60:.3g} minutes, so the learning "
            f"rate goes through its whole curve in the {parts.time_limit / 60:g} that there are"
        )

    falls = isinstance(parts.schedule, Curve) and parts.schedule.falls()
    steps = (_steps_per_epoch(parts) or 0) * parts.epochs if falls else 0
    return Pace(parts.time_limit, steps, by_clock=progress.by_clock, told=hurry)


class _Epoch:
    """One pass over the training batches and one over the validation's."""

    def __init__(
        self,
        parts: Parts,
        progress: Progress,
        journal: Journal,
        saver: Saver,
        listener: Listener,
        stop: Callable[[], bool],
        counted: dict[str, Any] | None,
        patience: Patience,
        pace: Pace,
    ) -> None:
        self.patience, self.pace = patience, pace
        self.parts, self.progress, self.journal = parts, progress, journal
        self.saver, self.listener, self.stop = saver, listener, stop
        self.number = progress.epoch + 1
        self.tally = parts.task.tally()
        if counted:
            self.tally.restore(counted)
        self.waited = 0.0
        self.log = StepLog(parts, progress, journal, listener)

    def run(self) -> dict[str, Any]:
        """Trains and validates; returns the line of metrics.jsonl."""
        started = time.perf_counter()
        seen_before = getattr(self.tally, "count", 0)
        done = self._done()
        if self.parts.set_mode is None:
            self.parts.module.train()
        else:
            self.parts.set_mode(self.number, done)
        if self.parts.focus is not None:
            self.parts.focus.begin(self.number, done)
        self.listener.epoch_starts(self.number, self.parts.epochs, self.parts.train.steps() or 0)
        self._train()
        trained = time.perf_counter() - started
        figures = {f"train_{name}": value for name, value in self.tally.result().items()}
        figures |= self._validate()
        images = getattr(self.tally, "count", 0) - seen_before
        self.progress.epoch, self.progress.batch = self.number, 0
        seconds = time.perf_counter() - started
        self.progress.seconds += seconds
        return {
            "epoch": self.number,
            "step": self.progress.step,
            **figures,
            "lr": max(group["lr"] for group in self.parts.optimizer.param_groups),
            "seconds": round(seconds, 3),
            "train_seconds": round(trained, 3),
            "images_per_second": round(images / max(trained, 1e-9), 1),
            "data_wait": round(self.waited / max(trained, 1e-9), 4),
        }

    def _train(self) -> None:
        parts, progress = self.parts, self.progress
        last_save = sitting = now = time.perf_counter()
        parts.optimizer.zero_grad(set_to_none=True)
        for group in self._groups():
            spent = progress.seconds + now - sitting
            parts.schedule.before_step(self.pace.position(self._position(), spent))
            loss, norm = train_step(parts, group, self.tally, progress.step + 1)
            parts.schedule.after_step()
            progress.step += 1
            progress.batch += len(group)
            now = time.perf_counter()
            self.log.step(loss, norm, group, now)
            due = parts.save_every and parts.train.resumable and now - last_save >= parts.save_every
            stopping = self.stop()
            over_time = parts.time_limit and progress.seconds + now - sitting >= parts.time_limit
            if due or (stopping and parts.train.resumable):
                self.log.flush()
                before = progress.seconds
                progress.seconds += now - sitting
                self.saver.checkpoint(progress, self.tally.state())
                progress.seconds = before
                last_save = now
            if stopping:
                raise Stopped
            if over_time:
                progress.ended = f"{TIME_LIMIT} of {parts.time_limit / 60:g} minutes"
                break
        self.log.flush()
        if was_cut(self.stop):
            self._save_and_stop()
        if not getattr(self.tally, "count", 1):
            raise DataError(
                "the training data gave no batches", fix="is the loader empty, or used up?"
            )

    def _save_and_stop(self) -> NoReturn:
        if self.parts.train.resumable:
            self.saver.checkpoint(self.progress, self.tally.state())
        raise Stopped

    def _done(self) -> float:
        """How much of the training lies before this epoch, by the epochs, or by the clock that limits it."""
        if self.pace.by_clock:
            return min(1.0, self.progress.seconds / self.parts.time_limit)
        return self.progress.epoch / self.parts.epochs

    def _position(self) -> int:
        """The coming step's place in the whole training, in steps of the present batches.

        It is counted from the epochs, so that a batch changed on resume, or an epoch cut short by a
        time limit, leaves the schedule where the training is.
        """
        planned = _steps_per_epoch(self.parts)
        if planned is None:
            return self.progress.step
        return self.progress.epoch * planned + self.progress.batch // self.parts.accumulate

    def _groups(self) -> Iterator[list[Batch]]:
        """Batches in groups of `accumulate`; time spent waiting for them is counted."""
        batches = self.parts.train.epoch(self.number, self.progress.batch)
        source = heeding(batches, self.stop, self.patience)
        group: list[Batch] = []
        while True:
            asked = time.perf_counter()
            batch = next(source, None)
            self.waited += time.perf_counter() - asked
            if batch is not None:
                group.append(batch)
            if group and (batch is None or len(group) == self.parts.accumulate):
                yield group
                group = []
            if batch is None:
                return

    def _validate(self) -> dict[str, float]:
        if self.parts.val is None:
            return {}
        figures = validate(
            self.parts.module, self.parts.val, self.parts.loss, self.parts.tally(), self.stop,
            self.patience,
        )  # fmt: skip
        if figures is None:
            self._save_and_stop()
        return {f"val_{name}": value for name, value in figures.items()}


def train_step(
    parts: Parts, group: list[Batch], tally: Tally, step: int = 0
) -> tuple[Tensor, Tensor]:
    """One optimizer step over a group of batches.

    Each batch's mean loss is weighted by its share of the examples, so that the step is that of
    one large batch whatever the batches' sizes.

    Args:
        step: its number over the whole run, from 1, for the watcher.

    Returns:
        (loss, gradient norm before clipping), 0-d tensors on the device, not yet fetched.
    """
    sizes = [batch.size for batch in group]
    total = sum(sizes)
    parts.largest = max(parts.largest, *sizes)
    losses: list[Tensor] = []
    for batch in chunks(group, parts.micro):
        with parts.watcher.forward(step), parts.precision.forward():
            outputs = batch.call(parts.network(batch.size))
            loss = training_loss(parts, outputs, batch.targets)
        share = batch.size / total
        parts.precision.backward(loss if share == 1 else loss * share)
        found = loss.detach()
        losses.append(found if share == 1 else found * share)
        tally.add(main_output(outputs), batch.targets, found, batch.size)
        if parts.focus is not None:
            parts.focus.note(batch.positions, main_output(outputs), batch.targets)
    parts.watcher.after_backward(step)
    moved = parts.moved() if parts.clip else ()
    norm = parts.precision.step(parts.optimizer, parts.clip, moved)
    parts.watcher.after_step(step)
    clear_gradients(parts.optimizer)
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum(), norm


AUXILIARY = {"aux_logits": 0.4, "aux_logits1": 0.3, "aux_logits2": 0.3}


def training_loss(parts: Parts, outputs: Any, targets: Any) -> Tensor:
    """The loss, with the auxiliary heads that some networks have only while training.

    Source: weights 0.4 (Inception v3, arXiv:1512.00567, as torchvision's reference) and 0.3
    (GoogLeNet, arXiv:1409.4842).
    """
    try:
        loss = parts.loss(main_output(outputs), targets)
    except TypeError as error:
        refuse_no_tensor(main_output(outputs), type(parts.module).__name__, error)
        raise
    if isinstance(outputs, Tensor):
        return loss
    for name, weight in AUXILIARY.items():
        extra = getattr(outputs, name, None)
        if isinstance(extra, Tensor):
            loss = loss + weight * parts.loss(extra, targets)
    return loss


class StepLog:
    """Keeps the steps' losses on the device and fetches them together at log points.

    On the CPU, where fetching waits for nothing, they are numbers at once.
    """

    def __init__(
        self, parts: Parts, progress: Progress, journal: Journal, listener: Listener
    ) -> None:
        self.parts, self.progress = parts, progress
        self.journal, self.listener = journal, listener
        self.losses: list[Any] = []
        self.norms: list[Any] = []
        self.rates: list[float] = []
        self.groups: list[list[Tensor | None]] = []
        self.last = time.perf_counter()
        self.on_cpu = parts.device.type == "cpu"

    def step(self, loss: Tensor, norm: Tensor, group: list[Batch], now: float) -> None:
        """Takes note of a step; looks at it now if looking is free, else at the next log point."""
        unsound = False
        if self.on_cpu:
            figure, length = loss.item(), norm.item()
            unsound = not (isfinite(length) and isfinite(figure))
            self.losses.append(figure)
            self.norms.append(length)
        else:
            self.losses.append(loss)
            self.norms.append(norm)
        self.rates.append(max([group["lr"] for group in self.parts.optimizer.param_groups]))
        self.groups.append([batch.positions for batch in group])
        if unsound or now - self.last >= LOG_SECONDS or len(self.losses) >= LOG_STEPS:
            self.flush()

    def flush(self) -> None:
        """Fetches, checks, writes down and shows what has gathered."""
        if not self.losses:
            return
        losses, norms = self.losses, self.norms
        if not self.on_cpu:
            losses = torch.stack([loss.float() for loss in losses]).tolist()
            norms = torch.stack([norm.float() for norm in norms]).tolist()
        first = self.progress.step - len(losses) + 1
        for offset, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
            if not (isfinite(loss) and isfinite(norm)):
                known = [positions for positions in self.groups[offset] if positions is not None]
                raise Diverged(first + offset, loss, norm, torch.cat(known) if known else None)
        self.journal.steps(first, losses, self.rates)
        self.listener.step_done(
            self.progress.batch, {"loss": sum(losses) / len(losses), "lr": self.rates[-1]}
        )
        self.losses, self.norms, self.rates, self.groups = [], [], [], []
        self.last = time.perf_counter()
