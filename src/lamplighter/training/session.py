"""One sitting of a training: restore, train, save, and go back when it diverges or runs out of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import torch

from lamplighter import run_folder
from lamplighter.errors import ModelError, RunFailed
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import is_out_of_memory
from lamplighter.run_folder import RunFolder
from lamplighter.training import checkpoint
from lamplighter.training.journal import Journal
from lamplighter.training.loop import Diverged, Saver, fit
from lamplighter.training.parts import Parts, Progress
from lamplighter.training.state_file import random_state, restore_random_state

MOST_RETRIES = 3
LOWERED = 0.3  # the learning rate's factor after a divergence


class Session:
    """Trains `parts` within a run folder.

    Args:
        folder: the run; its lock is held by the caller.
        parts: as they are at the very start; restored here when resuming.
        listener: shows and says.
        stop: polled stop flag.
        names: key of each training example by position, to name a batch that diverged.
        largest_batch: examples in a full batch, which is halved when memory runs out.
    """

    def __init__(
        self,
        folder: RunFolder,
        parts: Parts,
        *,
        listener: Listener = SILENT,
        stop: Callable[[], bool] = lambda: False,
        names: Sequence[str] = (),
        largest_batch: int = 1,
    ) -> None:
        self.folder, self.parts, self.listener = folder, parts, listener
        self.stop, self.names, self.largest_batch = stop, names, largest_batch
        self.progress = Progress()
        self.journal: Journal | None = None
        self.counted: dict[str, Any] | None = None
        self.compiled_for: int | None = None  # see Parts; of the sitting before
        self.checkpoints = folder / run_folder.CHECKPOINTS
        self.asked = settings_of(parts.optimizer)  # as built, before a schedule has moved them
        self.batch = [largest_batch, parts.accumulate]
        # a checkpoint is copied while the training waits and written while it goes on
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="lamp-save")
        self.writing: list[Future[None]] = []
        self.lost = False  # one could not be written

    def restore(self) -> bool:
        """Goes back to the newest whole checkpoint; returns whether there was one.

        Raises:
            ModelError: its states do not fit this network or this optimizer.
        """
        self.settle()
        checkpoint.remove_leftovers(self.checkpoints)
        found = checkpoint.load_latest(self.checkpoints, say=self.listener.warn)
        if found is None:
            return False
        step, state = found
        try:
            self._restore(state)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            told = " ".join(str(error).split())
            raise ModelError(
                f"the checkpoint of step {step} does not fit what is trained now: "
                + (told if len(told) <= 300 else told[:297] + "..."),
                where=self.checkpoints,
                fix="resume with the network, optimizer and schedule as they were, or begin a new run",
            ) from error
        checkpoint.forget_after(self.checkpoints, step)
        return True

    def _restore(self, state: dict[str, Any]) -> None:
        known = {field.name for field in fields(Progress)}
        self.parts.module.load_state_dict(state["module"])
        restore_optimizer(self.parts.optimizer, state["optimizer"])
        change_settings(self.parts.optimizer, state.get("asked"), self.asked)
        self.parts.schedule.load_state_dict(state["schedule"])
        self.parts.precision.load_state_dict(state["precision"])
        restore_random_state(state["random"])
        self.progress = Progress(**{k: v for k, v in state["progress"].items() if k in known})
        self.counted = state["counted"] or None
        self.parts.micro = int(state["micro"])
        if self.parts.focus is not None and state.get("focus"):
            self.parts.focus.load_state_dict(state["focus"])
        same_batch = state.get("batch", self.batch) == self.batch
        self.compiled_for = state.get("compiled_for") if same_batch else None
        if self.progress.batch and not same_batch:
            # batches of another size do not begin where the old ones ended
            self.progress.batch, self.counted = 0, None
            self.listener.warn(
                f"the batch has changed: epoch {self.progress.epoch + 1} begins again with the "
                "weights as they are"
            )
        threads = int(state.get("threads", 0))
        if threads and threads != torch.get_num_threads():
            torch.set_num_threads(threads)
            self.listener.say(
                f"torch works with {threads} threads, as before: the last bits need it"
            )

    def run(self, journal: Journal) -> Progress:
        """Trains to the end.

        Raises:
            Stopped: the stop flag was seen; the state is saved.
            RunFailed: diverged for good, out of memory with nothing left to try, or the disk full.
        """
        try:
            with self.writer:
                return self._train(journal)
        finally:
            self.settle()

    def settle(self) -> None:
        """Waits until every checkpoint is written.

        Raises:
            RunFailed: one could not be.
        """
        while self.writing:
            self.writing.pop(0).result()

    def _train(self, journal: Journal) -> Progress:
        self.journal = journal
        if self.progress.step == 0 and not checkpoint.saved(self.checkpoints):
            self._checkpoint(self.progress, {})  # what the first epoch can go back to
        while True:
            try:
                saver = Saver(self._checkpoint, self._best)
                fit(
                    self.parts, self.progress, journal=journal, saver=saver,
                    listener=self.listener, stop=self.stop, counted=self.counted,
                )  # fmt: skip
                return self.progress
            except Diverged as fault:
                self._go_back(fault)
            except (RuntimeError, MemoryError) as fault:
                if not is_out_of_memory(fault):
                    raise
                self._shrink(fault)

    def best_state(self) -> dict[str, Any] | None:
        """The module's state at the best epoch; None if no epoch was validated."""
        found = checkpoint.load_latest(
            self.checkpoints, label="best", most=self.progress.step, say=self.listener.warn
        )
        if found is None and self.progress.best_epoch:
            self.listener.warn(
                f"the weights of the best epoch ({self.progress.best_epoch}) cannot be read; "
                "those of the last epoch take their place"
            )
        return None if found is None else found[1]["module"]

    def _checkpoint(self, progress: Progress, counted: dict[str, Any]) -> None:
        state = {
            "progress": progress.as_dict(),
            "module": self.parts.module.state_dict(),
            "optimizer": self.parts.optimizer.state_dict(),
            "asked": self.asked,
            "batch": self.batch,
            "schedule": self.parts.schedule.state_dict(),
            "precision": self.parts.precision.state_dict(),
            "random": random_state(),
            "counted": counted,
            "micro": self.parts.micro,
            "focus": self.parts.focus.state_dict() if self.parts.focus else None,
            "threads": torch.get_num_threads(),
            "compiled_for": self.parts.compiled_for,
        }
        self._save(
            progress.step, state, "step",
            epoch=progress.epoch, epochs=self.parts.epochs,
            best=progress.best(self.parts.task.metric), reason="",
        )  # fmt: skip

    def _best(self, progress: Progress) -> None:
        state = {"module": self.parts.module.state_dict(), "progress": progress.as_dict()}
        self._save(progress.step, state, "best")

    def _save(self, step: int, state: dict[str, Any], label: str, **status: Any) -> None:
        """Copies now and writes meanwhile; a fault is told at the next save or at the end."""
        taken = checkpoint.snapshot(self.checkpoints, state)

        def write() -> None:
            if self.lost:
                return  # the next state may name a best one that is not there
            self.lost = True
            checkpoint.save(self.checkpoints, step, taken, label=label)
            self.lost = False
            if status:
                self.folder.write_status("running", **status)

        while self.writing and (len(self.writing) > 1 or self.writing[0].done()):
            self.writing.pop(0).result()  # no more than two in memory
        self.writing.append(self.writer.submit(write))

    def _go_back(self, fault: Diverged) -> None:
        keys = self._keys(fault)
        retries = self.progress.retries + 1
        self.folder.write_json(
            "diverged.json", {"step": fault.step, "reason": str(fault), "examples": keys}
        )
        if retries > MOST_RETRIES:
            raise RunFailed(
                f"{fault}, also after going back {MOST_RETRIES} times with a lower learning rate. "
                f"The step's {len(keys)} examples are listed in diverged.json"
                + (f" (first: {keys[0]})" if keys else ""),
                where=self.folder,
                fix="look at those examples (lamp look DATA), try a tenth of --lr, or --clip 1",
            )
        rate = self.parts.schedule.rate * LOWERED
        if not self.restore():
            raise RunFailed(
                f"{fault}, and there is no checkpoint to go back to",
                where=self.folder,
                fix="look at the data (lamp look DATA), try a tenth of --lr, or --clip 1",
            )
        self.progress.retries = retries
        self.parts.schedule.set_rate(rate)
        self.listener.warn(
            f"{fault}; its update was not kept. Going back to step {self.progress.step} "
            f"with the learning rate × {rate:.3g} ({retries} of {MOST_RETRIES})"
        )
        truncate_metrics(self.folder, self.progress.epoch)
        if self.journal is not None:
            self.journal.went_back(self.progress.step)

    def _keys(self, fault: Diverged) -> list[str]:
        if fault.positions is None or not self.names:
            return []
        return [self.names[position] for position in fault.positions.tolist()]

    def _shrink(self, fault: Exception) -> None:
        whole = self.parts.micro or self.parts.largest or self.largest_batch
        if whole < 2:
            raise RunFailed(
                f"out of memory, with one example at a time: {str(fault).splitlines()[0]}",
                where=self.folder,
                fix="a smaller --size or a smaller --model",
            ) from fault
        half = (whole + 1) // 2
        if not self.restore():
            raise RunFailed(
                "out of memory before the first checkpoint",
                where=self.folder,
                fix=f"--batch {half}, or a smaller --size or --model",
            ) from fault
        self.parts.micro = half
        truncate_metrics(self.folder, self.progress.epoch)
        if self.journal is not None:
            self.journal.went_back(self.progress.step)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.listener.warn(
            f"out of memory: each step now works on {half} examples at a time and adds up their "
            "gradients, so a step is the same; only batch normalisation sees smaller batches"
        )


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Loads an optimizer's state and lays it out in memory as the parameters are.

    A saved state is contiguous, while parameters may be channels_last. The fused optimizers walk
    both as flat memory, so a state of another layout would be applied to the wrong weights without
    any error (seen with torch 2.14 on CPU).

    Raises:
        ValueError: the state is another kind of optimizer's.
    """
    for ours, saved in zip(optimizer.param_groups, state["param_groups"], strict=False):
        # a later torch only adds settings, and fills them in; another kind also lacks some
        lacking, foreign = sorted(ours.keys() - saved), sorted(saved.keys() - ours)
        if lacking and foreign:
            raise ValueError(
                f"it holds another optimizer's settings ({', '.join(foreign)}), "
                f"{type(optimizer).__name__} has {', '.join(lacking)}"
            )
    optimizer.load_state_dict(state)
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def settings_of(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """What each group of parameters was built with, where a checkpoint can hold it."""
    plain = (bool, int, float, str, tuple, type(None))
    return [
        {key: value for key, value in group.items() if isinstance(value, plain)}
        for group in optimizer.param_groups
    ]


def change_settings(
    optimizer: torch.optim.Optimizer,
    before: list[dict[str, Any]] | None,
    now: list[dict[str, Any]],
) -> None:
    """Sets what was asked differently this time; all else stays as the checkpoint has it.

    An optimizer's state brings its old settings along, so that a weight decay changed on resume
    would be ignored without a word.
    """
    for group, old, new in zip(optimizer.param_groups, before or now, now, strict=False):
        for key, value in new.items():
            if old.get(key, value) != value:
                group[key] = value


def truncate_metrics(folder: RunFolder, epochs: int) -> None:
    """Drops the lines of metrics.jsonl after the given epoch, so that none is there twice."""
    rows = [row for row in folder.metrics() if row.get("epoch", 0) <= epochs]
    text = "".join(run_folder.json_text(row, indent=None) + "\n" for row in rows)
    folder.write_text(run_folder.METRICS, text)
