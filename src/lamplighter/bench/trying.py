"""Advice followed and measured, in alternation with the training as it is."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from lamplighter.bench.advice import GAIN, Advice
from lamplighter.bench.stand import Measured, Stand
from lamplighter.listener import Listener
from lamplighter.training.compiling import (
    Compiling,
    compiled,
    recalled,
    remember_compiling,
    try_compiled,
    whole_steps,
)

ROUNDS = 5  # each figure is the median of as many turns, taken in alternation
SPREAD = 1.1  # of the middle three gains: wider apart, and other work on the machine decided


def try_advice(
    stand: Stand,
    advice: Advice,
    make: Callable[[Mapping[str, Any]], Measured],
    turn: float,
    listener: Listener,
) -> dict[str, Any]:
    """The loop with the advice followed, in alternation with the loop as it is.

    Args:
        stand: the training as it is.
        advice: one that is a setting.
        make: the training of `stand` with some settings changed.
        turn: seconds of each turn.
    """
    listener.say(f"trying {advice.flag}")
    other = Stand(make(advice.changes))
    other.loop(turn)
    rates, gains = _in_turn(lambda: stand.loop(turn), lambda: other.loop(turn))
    return _row(advice.flag, rates, gains, advice.predicted)


def try_compiling(stand: Stand, turn: float, listener: Listener) -> dict[str, Any] | None:
    """The loop with its steps compiled, and what that costs; `--compile auto` remembers it.

    Returns:
        A row as of `try_advice`, with building (seconds), apart (the losses), pays_from (steps; None:
        never), steps (of the training as asked), disturbed and remembered; None where the network cannot
        be built.
    """
    parts, recipe = stand.parts, stand.training.recipe
    before = recalled(parts, recipe)
    listener.say("trying --compile on: building takes from seconds to minutes")
    trial = try_compiled(parts)
    if trial.fault:
        listener.warn(
            f"torch.compile cannot build this network here ({trial.fault}); --compile stays off"
        )
        return None
    network = compiled(parts.module)

    def loop() -> float:
        parts.compiled, parts.compiled_for = network, trial.size
        try:
            return stand.loop(turn)
        finally:
            parts.compiled, parts.compiled_for = None, None

    started = time.perf_counter()
    parts.compiled, parts.compiled_for = network, trial.size
    stand.step_on_kept()  # the copy is built, what is trained now is not
    parts.compiled, parts.compiled_for = None, None
    building = trial.seconds + time.perf_counter() - started
    rates, gains = _in_turn(lambda: stand.loop(turn), loop)
    gain = statistics.median(gains)
    seconds = stand.kept.size / statistics.median(rates)
    found = Compiling(plain=seconds * gain, compiled=seconds, building=building, apart=trial.apart)
    middle = sorted(gains)[1:-1]
    settled = max(middle) <= SPREAD * min(middle)
    if settled:
        remember_compiling(parts, recipe, found)
    steps, buildings = whole_steps(parts, recipe, found)
    row = _row("--compile on", rates, gains, before.gain if before else None)
    return {
        **row,
        "helps": row["helps"] and found.agrees,
        "building": round(building, 1),
        "apart": round(trial.apart, 6),
        "pays_from": None
        if math.isinf(found.pays_from)
        else math.ceil(found.pays_from * buildings),
        "steps": steps,
        "disturbed": not settled,
        "remembered": settled,
    }


def _in_turn(
    now: Callable[[], float], changed: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Pictures per second as changed, and times as fast, of each turn."""
    rates, gains = [], []
    for _ in range(ROUNDS):
        before = now()
        rates.append(changed())
        gains.append(rates[-1] / before)
    return rates, gains


def _row(
    flag: str, rates: list[float], gains: list[float], predicted: float | None
) -> dict[str, Any]:
    gain = statistics.median(gains)
    return {
        "flag": flag,
        "images_per_second": round(statistics.median(rates), 1),
        "predicted": None if predicted is None else round(predicted, 3),
        "gain": round(gain, 3),
        "helps": gain >= GAIN,
    }
