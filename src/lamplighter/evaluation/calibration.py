"""Are the probabilities true, and below which one should an answer be "unsure"?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamplighter.evaluation.chances import lowest
from lamplighter.evaluation.intervals import Interval, wilson
from lamplighter.evaluation.outcome import Outcome

BINS = 15
COLDEST, HOTTEST = 0.2, 10.0
MOST_POINTS = 120


@dataclass(frozen=True)
class Bin:
    """The answers whose probability lies in (low, high]."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class Point:
    """What happens when only answers of at least `threshold` are given."""

    threshold: float
    coverage: float
    accuracy: float
    interval: Interval


@dataclass(frozen=True)
class Threshold:
    """Below this probability the answer is "unsure".

    Args:
        value: the smallest probability that still counts as an answer.
        target: the accuracy wanted among the answers given.
        coverage: share of pictures that get an answer.
        accuracy: among those.
        interval: 95 %, of that accuracy.
        n: pictures that it was measured on.
        split: the split that it was chosen on.
        reached: False where no threshold gets to the target; `value` is then the best found.
    """

    value: float
    target: float
    coverage: float
    accuracy: float
    interval: Interval
    n: int
    split: str
    reached: bool = True

    def as_json(self) -> dict[str, Any]:
        """Plain values; the interval as [low, high]."""
        return asdict(self) | {"interval": list(self.interval)}


@dataclass(frozen=True)
class Temperature:
    """What the logits are divided by so that probabilities come true.

    Args:
        value: above 1 the network was too sure, below 1 not sure enough; 1 changes nothing.
        split: the split that it was fitted on.
        n: pictures in it.
        loss_before, loss_after: mean cross entropy on that split.
        reason: why it was left at 1, else empty.
    """

    value: float
    split: str
    n: int
    loss_before: float
    loss_after: float
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def kept_calibration(
    report: Mapping[str, Any] | None, temperature: float
) -> tuple[Temperature | None, Threshold | None]:
    """Temperature and threshold as a run's report.json holds them.

    Args:
        report: the document; None where there is no run, only a model file.
        temperature: as the model file holds it, for the case that the report does not tell.
    """
    fitted, chosen = (report or {}).get("temperature_fit"), (report or {}).get("threshold")
    try:
        told = Temperature(**fitted) if fitted else None
        below = Threshold(**{**chosen, "interval": tuple(chosen["interval"])}) if chosen else None
    except (TypeError, KeyError):  # of another version
        told, below = None, None
    if told is None and temperature != 1:
        nan = float("nan")
        told = Temperature(temperature, "val", 0, nan, nan, reason="as the model file holds it")
    return told, below


def cross_entropy(outcome: Outcome, temperature: float = 1.0) -> float:
    """Mean negative logarithm of the probability given to the label."""
    scaled = outcome.logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    log_sum = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float((log_sum - scaled[np.arange(len(scaled)), outcome.labels]).mean())


def fit_temperature(outcome: Outcome) -> Temperature:
    """The temperature that makes the split's own labels most probable.

    Answers never change, only how sure they claim to be. With fewer than five wrong answers the
    temperature stays 1: nothing then says how unsure the network should be.

    Args:
        outcome: of the validation split, never of the one that is reported.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    before, n = cross_entropy(outcome), len(outcome.keys)
    wrong = int((~outcome.correct()).sum())
    if wrong < 5:
        reason = f"only {wrong} of {n} validation answers are wrong: too few to fit it"
        return Temperature(1.0, outcome.split, n, before, before, reason)
    best = lowest(
        lambda log_t: cross_entropy(outcome, float(np.exp(log_t))),
        float(np.log(COLDEST)), float(np.log(HOTTEST)), within=1e-5,
    )  # fmt: skip
    value = round(float(np.exp(best)), 4)
    after = cross_entropy(outcome, value)
    if after >= before:
        return Temperature(1.0, outcome.split, n, before, before, "it would change nothing")
    return Temperature(value, outcome.split, n, before, after)


def calibration_curve(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS
) -> tuple[Bin, ...]:
    """The answers sorted into equal steps of probability; empty steps are left out.

    Args:
        confidence: float64 [N], the probability of each answer.
        correct: bool [N].
        bins: how many steps between 0 and 1.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    found = []
    for b in range(bins):
        inside = place == b
        n, hits = int(inside.sum()), int(correct[inside].sum())
        if n:
            mean = float(confidence[inside].mean())
            found.append(
                Bin(float(edges[b]), float(edges[b + 1]), n, mean, hits / n, wilson(hits, n))
            )
    return tuple(found)


def calibration_error(curve: tuple[Bin, ...]) -> float:
    """Expected calibration error: the mean gap between probability and accuracy, by count.

    Source: Naeini et al. 2015; the l1 form with equal steps.
    """
    n = sum(b.n for b in curve)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in curve) / n


def coverage_curve(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], most: int = MOST_POINTS
) -> tuple[Point, ...]:
    """Accuracy among the answers given, from all answered to only the surest.

    Args:
        confidence: float64 [N].
        correct: bool [N].
        most: how many points are kept, evenly over the coverage.
    """
    points = _all_points(confidence, correct)
    keep = np.unique(np.linspace(0, len(points) - 1, min(most, len(points))).round().astype(int))
    return tuple(_point(points[i], len(confidence)) for i in keep)


def suggest_threshold(
    outcome: Outcome, *, temperature: float = 1.0, target: float | None = None
) -> Threshold:
    """The smallest probability at which the answers given reach the target accuracy.

    Args:
        outcome: of the validation split.
        temperature: as kept in the artifact.
        target: accuracy wanted among the answers given; None: half as many wrong answers in a
            hundred as without a threshold.
    """
    confidence, correct = outcome.probabilities(temperature).max(axis=1), outcome.correct()
    if target is None:
        target = 1 - (1 - float(correct.mean())) / 2
    points = _all_points(confidence, correct)
    n = len(confidence)
    # the last points rest on a handful of pictures, so the best of them would be luck
    solid = [p for p in points if p[1] >= min(n, max(10, n // 10))]
    reached = [p for p in solid if p[2] >= target * p[1]]
    best = reached[0] if reached else max(solid, key=lambda p: (p[2] / p[1], p[1]))
    point = _point(best, n)
    return Threshold(
        point.threshold, target, point.coverage, point.accuracy, point.interval, n,
        outcome.split, bool(reached),
    )  # fmt: skip


def apply_threshold(outcome: Outcome, chosen: Threshold, *, temperature: float = 1.0) -> Threshold:
    """What a threshold chosen elsewhere does on this outcome.

    Args:
        outcome: usually of the test split.
        chosen: as `suggest_threshold` gave it on validation.
        temperature: as kept in the artifact.
    """
    confidence, correct = outcome.probabilities(temperature).max(axis=1), outcome.correct()
    given = confidence >= chosen.value
    answered, hits = int(given.sum()), int(correct[given].sum())
    return Threshold(
        chosen.value, chosen.target, answered / len(given), hits / answered if answered else 0.0,
        wilson(hits, answered), len(given), chosen.split, chosen.reached,
    )  # fmt: skip


def _all_points(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> list[tuple[float, int, int]]:
    """(threshold, answered, right) at each distinct probability, lowest threshold first."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    hits = np.cumsum(correct[order])
    # equal probabilities cannot be told apart by a threshold: only the last of them is a point
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return [(float(ranked[i]), int(i) + 1, int(hits[i])) for i in last[::-1]]


def _point(raw: tuple[float, int, int], n: int) -> Point:
    threshold, answered, hits = raw
    return Point(threshold, answered / n, hits / answered, wilson(hits, answered))
