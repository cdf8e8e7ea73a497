"""Lamplighter's side of each job, and the ceiling: the same step on a batch that is there already."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.speed.task import LR, Task, Watch, network

from lamplighter.look.ahead import looking_ahead
from lamplighter.machine import bound_spinning

bound_spinning()  # as the command has it, before torch is imported
NETWORKS = {"course": "tutorial_cnn", "nothing": "tutorial_cnn"}
STEPS = 12


def settings(task: Task) -> dict[str, Any]:
    """The task in the words of `lamp train`."""
    light = {"augment": "light"} if task.augment else {"augment": "none"}
    shown = {"normalise": "none"} if task.network == "course" and not task.augment else {}
    return {
        "model": NETWORKS.get(task.network, task.network), "weights": "none", "size": task.size,
        "batch": task.batch, "optimizer": "SGD", "momentum": 0, "weight_decay": 0, "lr": LR,
        "schedule": "constant", "warmup": 0, "precision": task.precision, "seed": task.seed,
        **light, **shown,
    }  # fmt: skip


def fit(task: Task, watch: Watch) -> float:
    """`lamp train`, with all that it does: checks, TensorBoard, best model, evaluation, report."""
    return _train(task, watch, {"epochs": task.epochs, **settings(task)})


def fit_default(task: Task, watch: Watch) -> float:
    """`lamp train` with its own choice of network, optimizer and schedule, for so many minutes."""
    epochs = {"epochs": 200} if task.minutes else {"epochs": task.epochs}
    return _train(task, watch, epochs)


def fit_speed(task: Task, watch: Watch) -> float:
    """`lamp train --recipe speed`, for so many minutes."""
    return _train(task, watch, {"epochs": 200}, "speed")


def fit_nothing(task: Task, watch: Watch) -> float:
    """The whole loop on the network of nothing: checks, counting, metrics.jsonl, TensorBoard."""
    from lamplighter.listener import SILENT
    from lamplighter.recipe import make_recipe
    from lamplighter.run_folder import RunFolder
    from lamplighter.training.journal import RunJournal
    from lamplighter.training.loop import Saver, fit
    from lamplighter.training.parts import Progress
    from lamplighter.watching import watch_training

    parts = _nothing(task)
    parts.epochs = task.epochs
    watch_training(parts, make_recipe({"data": task.folder}), SILENT)
    folder = Path(task.scratch, "nothing")
    folder.mkdir()
    journal = RunJournal(RunFolder(folder))
    saver = Saver(checkpoint=lambda *_: None, best=lambda _: None)
    with _told(watch) as listener:
        fit(parts, Progress(), journal=journal, saver=saver, listener=listener)
    return 0.0


def fit_nothing_bare(task: Task, watch: Watch) -> float:
    """The bare loop on it, with Lamplighter's settings and on a batch that is there."""
    parts = _nothing(task)
    batch = parts.train.batch
    for _ in range(task.epochs):
        watch.begins()
        for _ in range(task.steps):
            _step(parts, batch)
            watch.step()
        watch.ends()
    return 0.0


def ceiling(task: Task) -> Callable[[], int]:
    """The bare step on one batch, in the task's precision."""
    made = stand(task)

    def turn() -> int:
        for _ in range(STEPS):
            _step(made.parts, made.kept)
        return STEPS * made.kept.size

    return turn


def loader(task: Task) -> Callable[[], int]:
    """Batches from the cache of decoded pictures, cropped, flipped and normalised."""
    made = stand(task)
    return lambda: sum(batch.size for batch in itertools.islice(made.source, STEPS))


def steps(task: Task) -> Callable[[], int]:
    """Training steps as the loop does them, without logging and saving; for `in_process`."""
    from lamplighter.training.loop import train_step

    made = stand(task)
    tally = made.parts.task.tally()

    def turn() -> int:
        for batch in itertools.islice(made.source, STEPS):
            train_step(made.parts, [batch], tally)
        return STEPS * task.batch

    return turn


def make_model(task: Task) -> None:
    """Trains what `answers` and the textbook answer with, and writes its weights for both."""
    import torch

    import lamplighter as lamp
    from lamplighter.listener import SILENT

    target = Path(task.model)
    asked = {**settings(task), "momentum": 0.9, "epochs": task.epochs}
    run = lamp.train(
        task.folder, out=str(target.parent), name="run", listener=SILENT, **asked
    )  # fmt: skip
    shutil.copy(run.artifact, target)
    shown = run.model.artifact.preprocess
    state = {"state": run.model.module.state_dict()}
    told = {"mean": shown.mean, "std": shown.std, "resize": shown.resize}
    torch.save({**state, **told}, f"{target}.pt")


def answers(task: Task) -> Callable[[], list[str]]:
    """`lamp predict MODEL FOLDER`: from files to answers."""
    from lamplighter.predict import load, picture_files

    model = load(task.model)
    files = picture_files([task.val])
    return lambda: [answer.label for answer in model.predict_each(files)]  # type: ignore[union-attr]


def evaluation(task: Task) -> Callable[[], int]:
    """`lamp evaluate RUN`: answers, intervals, calibration, confusion."""
    from lamplighter import stages
    from lamplighter.listener import SILENT

    run = Path(task.model).parent / "run"
    count = sum(1 for _ in task.val.glob("*/*"))

    def turn() -> int:
        stages.evaluate(str(run), split="val", listener=SILENT)
        return count

    return turn


def stand(task: Task) -> Any:
    """The job, prepared as `lamp train` prepares it."""
    from lamplighter.bench.stand import Stand
    from lamplighter.listener import SILENT
    from lamplighter.recipe import make_recipe

    cache = tempfile.mkdtemp(prefix="speed-cache-")
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ["LAMPLIGHTER_CACHE"] = cache
    return Stand(make_recipe({"data": task.folder, **settings(task)}), SILENT)


def _train(task: Task, watch: Watch, asked: dict[str, Any], recipe: str | None = None) -> float:
    if task.minutes:
        asked |= {"time_limit": task.minutes}
    asked |= {"data": task.folder, "out": task.scratch}
    with looking_ahead(asked):  # as the command does, before torch is imported
        from lamplighter import stages
        from lamplighter.asked import ask

        with _told(watch) as listener:
            run = stages.train(ask(recipe, asked), listener)
    return float(run.rows[-1]["val_accuracy"])


class _told:  # noqa: N801  (a with-statement's word)
    """The loop's own seams tell `watch` of epochs and of the first step."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def __enter__(self) -> Any:
        from lamplighter.listener import Listener
        from lamplighter.training import loop

        watch, self.loop = self.watch, loop
        self.kept = step, validate = loop.train_step, loop.validate

        def first(*given: Any, **named: Any) -> Any:
            done = step(*given, **named)
            watch.step()
            loop.train_step = step  # the others go untouched
            return done

        def after(*given: Any, **named: Any) -> Any:
            watch.ends()
            return validate(*given, **named)

        loop.train_step, loop.validate = first, after  # type: ignore[assignment]

        class Ear(Listener):
            def epoch_starts(self, *_: Any) -> None:
                watch.begins()

            def epoch_done(self, row: dict[str, Any]) -> None:  # noqa: ARG002
                watch.ends()

        return Ear()

    def __exit__(self, *_: Any) -> None:
        self.loop.train_step, self.loop.validate = self.kept


def _step(parts: Any, batch: Any) -> None:
    with parts.precision.forward():
        loss = parts.loss(parts.module(batch.inputs), batch.targets)
    parts.precision.backward(loss)
    parts.optimizer.step()
    parts.optimizer.zero_grad()


class Repeated:
    """The same batch again and again, as an epoch."""

    examples: int | None = None
    resumable = True

    def __init__(self, batch: Any, count: int) -> None:
        self.batch, self.count = batch, count

    def steps(self) -> int:
        """In an epoch."""
        return self.count

    def epoch(self, number: int, skip: int = 0) -> Iterator[Any]:  # noqa: ARG002
        """The batch, as often as `steps` says."""
        return itertools.repeat(self.batch, self.count)


def _nothing(task: Task) -> Any:
    import torch

    from lamplighter.training.schedule import make_schedule

    parts = stand(task).parts
    parts.module = network(task)
    parts.optimizer = torch.optim.SGD(parts.module.parameters(), lr=LR, fused=True)
    parts.schedule = make_schedule(
        "constant", parts.optimizer, steps_per_epoch=1, epochs=1, warmup=0
    )
    parts.train, parts.val = Repeated(next(parts.train.epoch(1)), task.steps), None
    return parts
