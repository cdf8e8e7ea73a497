"""Is B better than A, on the same pictures, and how surely?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamplighter.errors import DataError
from lamplighter.evaluation.chances import two_sided
from lamplighter.evaluation.intervals import RESAMPLES, Interval
from lamplighter.evaluation.predictions import Prediction, Predictions
from lamplighter.evaluation.words import listed, points, shown

SURE = 0.05
MOST_LISTED = 100
ANSWER_NOW = "lamp compare RUN_A RUN_B DATA: both answer the same pictures now"

Matched = tuple[dict[str, Prediction], dict[str, Prediction]]


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same pictures.

    Args:
        n: pictures compared.
        split: their split.
        measure: "accuracy", or "mean absolute error" in regression.
        a, b: the two figures.
        difference: b - a.
        interval: 95 % of the difference, paired bootstrap.
        p_value: how often chance alone would make them differ as much: McNemar's exact test, in
            regression Wilcoxon's signed-rank test.
        verdict: all of this in words.
        only_a, only_b: pictures that only one gets right, the surest wrong answers first; empty
            in regression.
        both_right, both_wrong: how many.
    """

    n: int
    split: str
    measure: str
    a: float
    b: float
    difference: float
    interval: Interval
    p_value: float
    verdict: str
    only_a: tuple[Prediction, ...] = ()
    only_b: tuple[Prediction, ...] = ()
    both_right: int = 0
    both_wrong: int = 0

    @property
    def shown_to_differ(self) -> bool:
        """Test and interval agree that it is more than chance."""
        return _surely(self.p_value, self.interval)

    def as_json(self) -> dict[str, Any]:
        """The document of `lamp compare --json`."""
        return {
            "n": self.n,
            "split": self.split,
            "measure": self.measure,
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "interval": list(self.interval),
            "p_value": self.p_value,
            "verdict": self.verdict,
            "both_right": self.both_right,
            "both_wrong": self.both_wrong,
            "only_a": len(self.only_a),
            "only_b": len(self.only_b),
            "only_a_paths": [row.path for row in self.only_a[:MOST_LISTED]],
            "only_b_paths": [row.path for row in self.only_b[:MOST_LISTED]],
        }


def compare(
    a: Predictions, b: Predictions, *, shared_only: bool = False, seed: int = 0
) -> Comparison:
    """Compares two runs picture by picture.

    Where both have a test split it is that one, else validation, else the split they share.

    Args:
        a, b: what the two runs answered.
        shared_only: compare on the pictures that both have in that split, and so were not trained
            on by either, instead of refusing where one has others.
        seed: of the bootstrap.

    Raises:
        DataError: they were not evaluated on the same pictures with the same labels; says how
            they differ.
    """
    split = _common_split(a, b)
    a, b = a.of(split), b.of(split)
    if shared_only:
        a, b = _shared(a, b)
    pairs = _pair(a, b)
    if a.regression != b.regression:
        raise DataError(
            f"one of {shown(a.name)} and {shown(b.name)} answers with classes, the other with "
            "numbers: nothing to compare",
            fix="name two runs that answer one question",
        )
    if a.regression:
        return _compare_numbers(pairs, split, seed)
    return _compare_answers(pairs, split, seed)


def _common_split(a: Predictions, b: Predictions) -> str:
    shared = [split for split in a.splits() if split in b.splits()]
    for split in ("test", "val", *shared):
        if split in shared:
            return split
    raise DataError(
        f"{shown(a.name)} was evaluated on {listed(a.splits())}, {shown(b.name)} on "
        f"{listed(b.splits())}: no split in common",
        fix=ANSWER_NOW,
    )


def _pair(a: Predictions, b: Predictions) -> list[tuple[Prediction, Prediction]]:
    of_a, of_b = _matched(a, b)
    if of_a.keys() != of_b.keys():
        shared = len(of_a.keys() & of_b.keys())
        raise DataError(
            _how_they_differ(a, b, shared),
            fix="--shared compares them on the pictures in common; or train both on one split"
            if shared
            else ANSWER_NOW,
        )
    pairs = [(row, of_b[key]) for key, row in of_a.items()]
    changed = [x for x, y in pairs if x.sha256 and y.sha256 and x.sha256 != y.sha256]
    if changed:
        raise DataError(
            f"{len(changed)} of {len(pairs)} pictures have the same name and other content, such "
            f"as {shown(changed[0].path)}",
            fix=ANSWER_NOW,
        )
    relabelled = [(x, y) for x, y in pairs if x.label != y.label]
    if relabelled:
        x, y = relabelled[0]
        raise DataError(
            f"{len(relabelled)} of {len(pairs)} pictures carry another label, such as "
            f"{shown(x.path)}: {shown(x.label)} for {shown(a.name)}, {shown(y.label)} for "
            f"{shown(b.name)}",
            fix=ANSWER_NOW,
        )
    return pairs


def _matched(a: Predictions, b: Predictions) -> Matched:
    """The rows of both by name, or by content where more meet so.

    The same files under other names (a folder, and a table of it) are still the same pictures.
    """
    by_name: Matched = ({row.key: row for row in a.rows}, {row.key: row for row in b.rows})
    return max(
        by_name,
        (_by_content(a), _by_content(b)),
        key=lambda sides: len(sides[0].keys() & sides[1].keys()),
    )


def _shared(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    of_a, of_b = _matched(a, b)
    common = of_a.keys() & of_b.keys()
    if not common:
        raise DataError(
            f"{shown(a.name)} and {shown(b.name)} have no picture in common", fix=ANSWER_NOW
        )
    left, right = (
        Predictions(side.name, tuple(row for key, row in of.items() if key in common))
        for side, of in ((a, of_a), (b, of_b))
    )
    return left, right


def _by_content(side: Predictions) -> dict[str, Prediction]:
    found = {row.sha256: row for row in side.rows if row.sha256}
    return found if len(found) == len(side.rows) else {}


def _how_they_differ(a: Predictions, b: Predictions, shared: int) -> str:
    return (
        f"the runs were evaluated on different pictures: {shown(a.name)} on {len(a.rows)}, "
        f"{shown(b.name)} on {len(b.rows)}, {shared} in common"
        + (
            "; their splits were cut differently, so one may have been trained on the other's"
            if shared
            else ""
        )
    )


def _compare_answers(
    pairs: list[tuple[Prediction, Prediction]], split: str, seed: int
) -> Comparison:
    n = len(pairs)
    only_a = [(x, y) for x, y in pairs if x.right and not y.right]
    only_b = [(x, y) for x, y in pairs if y.right and not x.right]
    both = sum(x.right and y.right for x, y in pairs)
    disagree = len(only_a) + len(only_b)
    p_value = two_sided(len(only_b), disagree)
    # each picture is worth -1, 0 or 1, so resampling pictures is one draw of three counts
    counts = [len(only_b), len(only_a), n - disagree]
    drawn = np.random.default_rng(seed).multinomial(n, np.array(counts) / n, size=RESAMPLES * 5)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    interval = (float(low), float(high))
    difference = (len(only_b) - len(only_a)) / n
    told = _verdict(difference, interval, p_value, n, disagree)
    return Comparison(
        n, split, "accuracy", (both + len(only_a)) / n, (both + len(only_b)) / n, difference,
        interval, p_value, told,
        tuple(x for x, _ in sorted(only_a, key=lambda pair: -(pair[1].probability or 0.0))),
        tuple(y for _, y in sorted(only_b, key=lambda pair: -(pair[0].probability or 0.0))),
        both, n - both - disagree,
    )  # fmt: skip


def _verdict(difference: float, interval: Interval, p_value: float, n: int, disagree: int) -> str:
    if not disagree:
        return f"no difference can be shown: both answer all {n} pictures alike, right or wrong"
    low, high = sorted(abs(end) for end in interval)
    if _surely(p_value, interval):
        better = "B" if difference > 0 else "A"
        return (
            f"{better} is better by {points(difference)} ({100 * low:.1f} to {100 * high:.1f}, "
            f"p = {p_value:.2g})"
        )
    if not difference:
        return (
            f"no difference can be shown: each is right {disagree // 2} × where the other is wrong"
        )
    return (
        f"no difference can be shown: {points(difference)} in favour of "
        f"{'B' if difference > 0 else 'A'}, which chance alone "
        f"would also give (p = {p_value:.2g}; between {100 * interval[0]:+.1f} and "
        f"{100 * interval[1]:+.1f} points)"
    )


def _surely(p_value: float, interval: Interval) -> bool:
    return p_value < SURE and (interval[0] > 0 or interval[1] < 0)


def _compare_numbers(
    pairs: list[tuple[Prediction, Prediction]], split: str, seed: int
) -> Comparison:
    from scipy.stats import wilcoxon

    off = np.array([[_off(x), _off(y)] for x, y in pairs])
    a, b = off.mean(axis=0)
    gaps: NDArray[np.float64] = off[:, 1] - off[:, 0]
    p_value = float(wilcoxon(gaps).pvalue) if gaps.any() else 1.0
    generator = np.random.default_rng(seed)
    drawn = [gaps[generator.integers(len(gaps), size=len(gaps))].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    interval = (float(low), float(high))
    if _surely(p_value, interval):
        better = "B" if b < a else "A"
        near, far = sorted(abs(end) for end in interval)
        told = (
            f"{better} is better: its mean absolute error is smaller by {abs(b - a):.4g} "
            f"({near:.4g} to {far:.4g}, p = {p_value:.2g})"
        )
    else:
        told = (
            f"no difference can be shown: the mean absolute errors differ by {abs(b - a):.4g}, "
            f"which chance alone would also give (p = {p_value:.2g})"
        )
    return Comparison(
        len(pairs), split, "mean absolute error", float(a), float(b), float(b - a), interval,
        p_value, told,
    )  # fmt: skip


def _off(row: Prediction) -> float:
    label, answer = (np.ravel(json.loads(text)) for text in (row.label, row.answer))
    return float(np.abs(label.astype(np.float64) - answer.astype(np.float64)).mean())
