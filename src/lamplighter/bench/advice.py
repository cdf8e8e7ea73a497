"""What would change where the time goes, each piece with the gain that it promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from lamplighter.bench.stand import Measured
from lamplighter.data.loader import WorkedLoader
from lamplighter.data.whole import WholeLoader
from lamplighter.images.pixels import HeldPixels
from lamplighter.machine import cores
from lamplighter.training.compiling import recalled
from lamplighter.training.measure_precision import has_bfloat16, measure, operations

WAITING = 0.08  # share of data above which it is worth a word
STEPPING = 0.15  # share of what a step does once above which a larger batch is
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

    @property
    def flag(self) -> str:
        """As it is typed."""
        return " ".join(f"--{name} {value}" for name, value in self.changes.items())


def advise(training: Measured, shares: Mapping[str, float]) -> tuple[Advice, ...]:
    """What is likely to help, the largest predicted gain first.

    Args:
        training: the one that was measured.
        shares: of its time, by part.
    """
    found = [
        *_about_data(training, shares),
        *_about_precision(training, shares),
        *_about_compiling(training),
        *_about_batch(training, shares),
        *_about_threads(training),
    ]
    told = [each for each in found if each.predicted >= GAIN]
    return tuple(sorted(told, key=lambda each: -each.predicted))


def _about_data(training: Measured, shares: Mapping[str, float]) -> Iterator[Advice]:
    share = shares["data"]
    if share < WAITING:
        return
    gain = 1 / (1 - share)
    train: Any = training.parts.train
    if not training.of_pictures:
        yield from _about_loader(training, train, share, gain)
        return
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


def _about_loader(training: Measured, train: Any, share: float, gain: float) -> Iterator[Advice]:
    """Data of the user's own: more processes read them, ours or those of their loader."""
    said = f"{share:.0%} of the time is waiting for your data"
    workers, there = training.recipe.workers, cores()
    if isinstance(train.loader, WorkedLoader):
        if workers == 0:
            yield Advice(
                f"{said}: --workers {there} reads them in processes beside the steps (up to {gain:.2f} ×)",
                {"workers": there}, gain,
            )  # fmt: skip
        else:
            yield Advice(
                f"{said}, with {workers} workers: what does your __getitem__ do each time that could "
                f"be done once? (up to {gain:.2f} ×)",
                {}, gain,
            )  # fmt: skip
    elif getattr(train.loader, "num_workers", None) == 0:
        yield Advice(
            f"{said}: num_workers={there} in your DataLoader (up to {gain:.2f} ×)", {}, gain
        )


def _about_precision(training: Measured, shares: Mapping[str, float]) -> Iterator[Advice]:
    parts = training.parts
    if not operations(parts):  # inputs of several tensors are not measured
        return
    if parts.precision.name != "fp32" or parts.device.type != "cpu" or not has_bfloat16():
        return
    measured = measure(parts)
    moved = (shares["forward"] + shares["backward"]) * (1 - 1 / max(measured.gain, 1e-6))
    gain = 1 / (1 - moved)
    if measured.name == "bf16" and measured.settled:  # else other work on the machine decided
        yield Advice(
            f"this processor multiplies bfloat16 by itself: --precision bf16 ({gain:.2f} ×; losses "
            f"within {max(measured.apart, 1e-4):.2%} on the first batches)",
            {"precision": "bf16"}, gain,
        )  # fmt: skip


def _about_compiling(training: Measured) -> Iterator[Advice]:
    """Only what was measured before; `--try` measures it anew, since no share foretells it."""
    if not training.of_pictures:  # those are not compiled unless that is asked for
        return
    found = recalled(training.parts, training.recipe)
    if found is not None and found.agrees:
        yield Advice(
            f"torch.compile, as measured before: --compile on ({found.gain:.2f} ×, after "
            f"{found.building:.0f} s of building; --compile auto does it where that pays)",
            {"compile": "on"}, found.gain,
        )  # fmt: skip


def _about_batch(training: Measured, shares: Mapping[str, float]) -> Iterator[Advice]:
    share = shares["optimizer"] + shares["logging"] + shares["other"]
    loader = getattr(training.parts.train, "loader", None)
    if loader is not None and not isinstance(loader, WorkedLoader | WholeLoader):
        return  # the user's own makes the batches
    batch, count = training.recipe.batch, training.parts.train.examples or 0
    if share < STEPPING or not isinstance(batch, int) or 2 * batch > count // 8:
        return
    gain = 1 / (1 - share / 2)
    yield Advice(
        f"{share:.0%} of the time goes to what each step does once, however large the batch: --batch "
        f"{2 * batch} halves it ({gain:.2f} ×); the learning rate may want to grow with it",
        {"batch": 2 * batch}, gain,
    )  # fmt: skip


def _about_threads(training: Measured) -> Iterator[Advice]:
    threads, there = torch.get_num_threads(), cores()
    if training.parts.device.type == "cpu" and threads < there:
        yield Advice(
            f"torch works with {threads} of {there} cores: is OMP_NUM_THREADS set? (up to "
            f"{there / threads:.2f} ×)",
            {}, there / threads,
        )  # fmt: skip
