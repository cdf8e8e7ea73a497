"""`bench`: the whole measurement, in the order of its turns."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from lamplighter.bench.advice import Advice, advise
from lamplighter.bench.stand import PARTS, Maker, Measured, Stand
from lamplighter.bench.trying import ROUNDS, try_advice, try_compiling
from lamplighter.errors import RunFailed
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import cores
from lamplighter.recipe import Recipe
from lamplighter.training.loop import Diverged


@dataclass(frozen=True)
class Bench:
    """What was measured, in pictures per second and shares of a step.

    Args:
        images_per_second: of the training loop, data, counting and writing included.
        ceiling: of the same step on a batch that is there already.
        shares: of the loop's time: data, forward, backward, optimizer, logging (right answers counted,
            figures looked at and written down, TensorBoard's events), other (the gradients' norm and
            what is between); they add up to 1.
        advice: what to change.
        tried: what the advice brought where it was tried: flag, images_per_second, predicted, gain,
            helps; for --compile on also building, apart, pays_from, steps, disturbed, remembered.
        facts: batch, precision, device, threads, load.
        unit: what the rates count: "pictures", or "examples" of data sets of the user's own.
    """

    images_per_second: float
    ceiling: float
    shares: Mapping[str, float]
    advice: tuple[Advice, ...]
    tried: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, Any]
    unit: str = "pictures"

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
    recipe: Recipe,
    make: Maker,
    *,
    seconds: float = 10.0,
    try_all: bool = False,
    listener: Listener = SILENT,
) -> Bench:
    """Measures a training's steps; nothing is kept of what it learns.

    Args:
        recipe: as for training.
        make: a training from a recipe; called again for each setting that is tried.
        seconds: about how long to measure, preparing not included.
        try_all: whether each piece of advice that is a setting is tried beside the present one, and
            torch.compile, whose answer `--compile auto` remembers.

    Raises:
        DataError, ModelError, UsageError: as training would.
        RunFailed: its losses are no numbers.
    """
    try:
        return _measured(recipe, make, seconds, try_all, listener)
    except Diverged as fault:
        raise RunFailed(
            f"{fault}, with weights that have not moved yet",
            where=recipe.data,
            fix=f"lamp check {recipe.data} --model {recipe.model} looks for the reason",
        ) from fault


def _measured(
    recipe: Recipe, make: Maker, seconds: float, try_all: bool, listener: Listener
) -> Bench:
    stand = Stand(make(recipe, listener))
    turn = seconds / (2 * ROUNDS + 2)
    stand.loop(turn)  # the first turn pays for setting up
    loop_rates, ceilings = [], []
    shares: dict[str, list[float]] = {name: [] for name in PARTS}
    with listener.bar("measuring", ROUNDS) as bar:
        for _ in bar.over(range(ROUNDS)):
            loop_rates.append(stand.loop(turn, shares))
            ceilings.append(stand.ceiling(turn))
    found = {name: statistics.fmean(values) for name, values in shares.items()}
    advice = advise(stand.training, found)
    tried: list[Mapping[str, Any]] = []
    if try_all:
        settings = [each for each in advice if each.changes and "compile" not in each.changes]
        tried += [
            try_advice(
                stand,
                each,
                lambda changed: make(replace(recipe, **changed), SILENT),
                turn,
                listener,
            )
            for each in settings
        ]
        if stand.training.of_pictures:
            tried += [row for row in (try_compiling(stand, turn, listener),) if row]
    return Bench(
        images_per_second=statistics.median(loop_rates),
        ceiling=statistics.median(ceilings),
        shares=found,
        advice=advice,
        tried=tuple(tried),
        facts=_facts(stand.training),
        unit="pictures" if stand.training.of_pictures else "examples",
    )


def _facts(training: Measured) -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "batch": training.recipe.batch,
        "precision": training.parts.precision.name,
        "device": str(training.parts.device),
        "threads": torch.get_num_threads(),
        "cores": cores(),
        "load": None if load is None else round(load, 2),
    }
