"""Where the time of a training goes, what its ceiling is, and what would change it."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from lamplighter.data.batches import Batch
from lamplighter.data.own import OwnSets
from lamplighter.data.sources import open_source
from lamplighter.data.split import collect
from lamplighter.errors import UsageError
from lamplighter.images.pixels import HeldPixels
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import cores, seed_everything
from lamplighter.recipe import Recipe
from lamplighter.training.loop import train_step, training_loss
from lamplighter.training.measure_precision import has_bfloat16, measure
from lamplighter.training.parts import Parts
from lamplighter.training.prepare import Prepared, prepare

PARTS = ("data", "forward", "backward", "optimizer", "other")
ROUNDS = 5  # each figure is the median of as many turns, taken in alternation
WAITING = 0.08  # share of data above which it is worth a word
STEPPING = 0.15  # share of the optimizer above which a larger batch is
GAIN = 1.05  # predicted gains below it are not told


@dataclass(frozen=True)
class Advice:
    """Something to change.

    Args:
        text: what, why, and the predicted gain.
        changes: settings of the recipe that do it; empty where it is no setting.
        predicted: times as fast.
    """

    text: str
    changes: Mapping[str, Any]
    predicted: float


@dataclass(frozen=True)
class Bench:
    """What was measured, in pictures per second and shares of a step.

    Args:
        images_per_second: of the training loop, data and counting included.
        ceiling: of the same step on a batch that is there already.
        shares: of the loop's time: data, forward, backward, optimizer, other; they add up to 1.
        advice: what to change.
        tried: what the advice brought where it was tried: flag, images_per_second, gain, kept.
        facts: batch, precision, device, threads, load.
    """

    images_per_second: float
    ceiling: float
    shares: Mapping[str, float]
    advice: tuple[Advice, ...]
    tried: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The form of `lamp bench --json`."""
        return {
            "images_per_second": round(self.images_per_second, 1),
            "ceiling": round(self.ceiling, 1),
            "ratio": round(self.images_per_second / self.ceiling, 4),
            "shares": {name: round(share, 4) for name, share in self.shares.items()},
            "advice": [advice.text for advice in self.advice],
            "tried": [dict(row) for row in self.tried],
            **self.facts,
        }


def bench(
    recipe: Recipe, *, seconds: float = 10.0, try_advice: bool = False, listener: Listener = SILENT
) -> Bench:
    """Measures a training's steps; nothing is kept of what it learns.

    Args:
        recipe: as for training.
        seconds: about how long to measure, preparing not included.
        try_advice: whether each piece of advice that is a setting is tried beside the present one.

    Raises:
        DataError, ModelError, UsageError: as training would.
    """
    stand = Stand(recipe, listener)
    turn = seconds / (2 * ROUNDS + 2)
    stand.loop(turn)  # the first turn pays for setting up
    loop_rates, ceilings = [], []
    shares: dict[str, list[float]] = {name: [] for name in PARTS}
    with listener.bar("measuring", ROUNDS) as bar:
        for _ in bar.over(range(ROUNDS)):
            loop_rates.append(stand.loop(turn, shares))
            ceilings.append(stand.ceiling(turn))
    found = {name: statistics.fmean(values) for name, values in shares.items()}
    advice = tuple(_advise(stand.prepared, found))
    worth = [each for each in advice if each.changes and try_advice]
    tried = tuple(_try(stand, each, recipe, turn, listener) for each in worth)
    return Bench(
        images_per_second=statistics.median(loop_rates),
        ceiling=statistics.median(ceilings),
        shares=found,
        advice=advice,
        tried=tried,
        facts=_facts(stand.prepared),
    )


class Stand:
    """A training set up to be measured."""

    def __init__(self, recipe: Recipe, listener: Listener) -> None:
        seed_everything(recipe.seed)
        settings = (
            "data_root", "download", "path_column", "label_column", "group_column", "split_column",
            "task",
        )  # fmt: skip
        source = open_source(recipe.data, **{name: getattr(recipe, name) for name in settings})
        if isinstance(source, OwnSets):
            raise UsageError(
                "these are data sets of your own, which bench does not measure yet",
                where=recipe.data,
                fix="lamp bench photos/, or the data_wait column of lamp train's metrics.jsonl",
            )
        collection = collect(
            source, val=None, test=None, seed=recipe.split_seed, task=recipe.task, listener=listener
        )
        self.prepared: Prepared = prepare(recipe, collection, listener)
        self.parts: Parts = self.prepared.parts
        self.source = self._batches()
        self.kept = next(self.source)
        self.tally = self.parts.task.tally()
        for group in self.parts.optimizer.param_groups:
            group["lr"] = (
                0.0  # a rate that diverges would leave steps out, and their time with them
            )
        if self.parts.set_mode is not None:
            self.parts.set_mode(1, 0.0)

    def _batches(self) -> Iterator[Batch]:
        epoch = 0
        while True:
            epoch += 1
            yield from self.parts.train.epoch(epoch)

    def loop(self, seconds: float, shares: dict[str, list[float]] | None = None) -> float:
        """Pictures per second of training steps as the loop does them."""
        clock = _Clock(self.parts)
        images = 0
        restore = clock.listen()
        try:
            started = time.perf_counter()
            while not images or time.perf_counter() - started < seconds:
                asked = time.perf_counter()
                batch = next(self.source)
                clock.spent["data"] += time.perf_counter() - asked
                loss, norm = train_step(self.parts, [batch], self.tally)
                images += batch.size
            float(loss), float(norm)
            clock.wait()
            whole = time.perf_counter() - started
        finally:
            restore()
        if shares is not None:
            clock.spent["other"] = max(0.0, whole - sum(clock.spent.values()))
            for name, spent in clock.spent.items():
                shares[name].append(spent / whole)
        return images / whole

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
        _Clock(parts).wait()
        return images / (time.perf_counter() - started)


class _Clock:
    """Takes the time of a step's parts at the seams that the step has."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.spent = dict.fromkeys(PARTS, 0.0)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.parts.device.type == "cuda":
            torch.cuda.synchronize(self.parts.device)

    def listen(self) -> Callable[[], None]:
        """Puts itself around forward, backward and step; returns what takes it away again."""
        parts = self.parts
        before = (parts.module, parts.loss, parts.precision.backward, parts.optimizer.step)
        module: Any = self._timed("forward", parts.module)
        parts.module = _Called(parts.module, module)  # type: ignore[assignment]
        parts.loss = self._timed("forward", parts.loss)
        parts.precision.backward = self._timed("backward", before[2])  # type: ignore[method-assign]
        parts.optimizer.step = self._timed("optimizer", before[3])  # type: ignore[method-assign]

        def restore() -> None:
            parts.module, parts.loss = before[0], before[1]
            parts.precision.backward = before[2]  # type: ignore[method-assign]
            parts.optimizer.step = before[3]  # type: ignore[method-assign]

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


def _advise(prepared: Prepared, shares: Mapping[str, float]) -> Iterator[Advice]:
    """What is likely to help, the largest predicted gain first."""
    found = [
        *_about_data(prepared, shares),
        *_about_precision(prepared, shares),
        *_about_batch(prepared, shares),
        *_about_threads(prepared),
    ]
    yield from sorted(
        (each for each in found if each.predicted >= GAIN), key=lambda a: -a.predicted
    )


def _about_data(prepared: Prepared, shares: Mapping[str, float]) -> Iterator[Advice]:
    share = shares["data"]
    if share < WAITING:
        return
    gain = 1 / (1 - share)
    train: Any = prepared.parts.train
    said = f"{share:.0%} of the time goes to pictures"
    if not isinstance(train.pixels, HeldPixels):
        yield Advice(
            f"{said}, decoded anew each epoch: --cache on keeps them (up to {gain:.2f} ×)",
            {"cache": "on"}, gain,
        )  # fmt: skip
    elif train.augment is not None:
        yield Advice(
            f"{said}, most of it to varying them: --augment none shows what it costs "
            f"(up to {gain:.2f} ×), but what varying teaches is lost",
            {"augment": "none"}, gain,
        )  # fmt: skip


def _about_precision(prepared: Prepared, shares: Mapping[str, float]) -> Iterator[Advice]:
    parts = prepared.parts
    if parts.precision.name != "fp32" or parts.device.type != "cpu" or not has_bfloat16():
        return
    measured = measure(parts)
    moved = (shares["forward"] + shares["backward"]) * (1 - 1 / max(measured.gain, 1e-6))
    gain = 1 / (1 - moved)
    if measured.name == "bf16":
        yield Advice(
            f"this processor multiplies bfloat16 by itself: --precision bf16 ({gain:.2f} ×; losses "
            f"within {max(measured.apart, 1e-4):.2%} on the first batches)",
            {"precision": "bf16"}, gain,
        )  # fmt: skip


def _about_batch(prepared: Prepared, shares: Mapping[str, float]) -> Iterator[Advice]:
    share, batch = shares["optimizer"] + shares["other"], prepared.recipe.batch
    count = len(prepared.collection.splits["train"])
    if share < STEPPING or not isinstance(batch, int) or 2 * batch > count // 8:
        return
    gain = 1 / (1 - share / 2)
    yield Advice(
        f"{share:.0%} of the time goes to what each step does once, however large the batch: --batch "
        f"{2 * batch} halves it ({gain:.2f} ×); the learning rate may want to grow with it",
        {"batch": 2 * batch}, gain,
    )  # fmt: skip


def _about_threads(prepared: Prepared) -> Iterator[Advice]:
    threads, there = torch.get_num_threads(), cores()
    if prepared.parts.device.type == "cpu" and threads < there:
        yield Advice(
            f"torch works with {threads} of {there} cores: is OMP_NUM_THREADS set? (up to "
            f"{there / threads:.2f} ×)",
            {}, there / threads,
        )  # fmt: skip


def _try(
    stand: Stand, advice: Advice, recipe: Recipe, turn: float, listener: Listener
) -> dict[str, Any]:
    """The loop with the advice followed, in alternation with the loop as it is."""
    flag = " ".join(f"--{name} {value}" for name, value in advice.changes.items())
    listener.say(f"trying {flag}")
    other = Stand(replace(recipe, **advice.changes), SILENT)
    other.loop(turn)
    ratios, rates = [], []
    for _ in range(ROUNDS):
        now = stand.loop(turn)
        rates.append(other.loop(turn))
        ratios.append(rates[-1] / now)
    gain = statistics.median(ratios)
    return {
        "flag": flag,
        "images_per_second": round(statistics.median(rates), 1),
        "predicted": round(advice.predicted, 3),
        "gain": round(gain, 3),
        "helps": gain >= GAIN,
    }


def _facts(prepared: Prepared) -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "batch": prepared.recipe.batch,
        "precision": prepared.parts.precision.name,
        "device": str(prepared.parts.device),
        "threads": torch.get_num_threads(),
        "cores": cores(),
        "load": None if load is None else round(load, 2),
    }
