"""What is known about a model on one split, as values: one kind per task."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamplighter.evaluation.calibration import Bin, Point
from lamplighter.evaluation.intervals import Interval


@dataclass(frozen=True)
class ClassFigures:
    """One class: None where a figure has no denominator (never answered, or not in the split)."""

    name: str
    n: int
    answered: int
    precision: float | None
    recall: float | None
    f1: float | None
    recall_interval: Interval
    average_precision: float | None = None
    trained_on: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"recall_interval": list(self.recall_interval)}


@dataclass(frozen=True)
class Confused:
    """`n` pictures of the class `label` were answered as `answer`; `share` of that label's."""

    label: str
    answer: str
    n: int
    share: float


@dataclass(frozen=True, eq=False)
class Measures:
    """What is known about a model on one split; each task has its own kind of it.

    Args:
        task: "classification", "multilabel" or "regression".
        split: the split's name.
        n: pictures evaluated.
        score_name: the task's headline: "accuracy", "all labels right" or "R²".
        score: its value.
        interval: its 95 % interval.
        baseline: what the score would be without looking at the pictures.
        baseline_of: how that baseline answers, in words.
        loss: mean loss; None where it is not known.
        unreadable: files in none of the figures.
    """

    task: str
    split: str
    n: int
    score_name: str
    score: float
    interval: Interval
    baseline: float
    baseline_of: str
    loss: float | None
    unreadable: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The document of `lamp evaluate --json`: the same keys for every task, null for what it lacks."""
        return {
            "task": self.task,
            "n": self.n,
            "split": self.split,
            "accuracy": None,
            "interval": _pair(self.interval),
            "baseline": _plain(self.baseline),
            "baseline_of": self.baseline_of,
            "loss": _plain(self.loss),
            "classes": [],
            "confusion": [],
            "calibration_error": None,
            "unreadable": list(self.unreadable),
            "score_name": self.score_name,
            "score": _plain(self.score),
        }


@dataclass(frozen=True, eq=False)
class ClassMeasures(Measures):
    """Classification, one label per picture; `confusion` is int64 [K, K], rows are labels."""

    classes: tuple[ClassFigures, ...]
    confusion: NDArray[np.int64]
    confused: tuple[Confused, ...]
    macro_f1: float
    balanced_accuracy: float
    top5: float | None
    temperature: float
    calibration_error: float
    calibration_error_raw: float
    calibration: tuple[Bin, ...]
    coverage: tuple[Point, ...]

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.score

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {
            "accuracy": self.score,
            "classes": [row.as_json() for row in self.classes],
            "confusion": self.confusion.tolist(),
            "calibration_error": self.calibration_error,
            "calibration_error_raw": self.calibration_error_raw,
            "temperature": self.temperature,
            "macro_f1": self.macro_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "top5": self.top5,
            "confused": [asdict(pair) for pair in self.confused],
            "calibration": [asdict(b) | {"interval": list(b.interval)} for b in self.calibration],
            "coverage": [asdict(p) | {"interval": list(p.interval)} for p in self.coverage],
        }


@dataclass(frozen=True, eq=False)
class LabelMeasures(Measures):
    """Multi-label: the score is the share of pictures with every label right."""

    classes: tuple[ClassFigures, ...]
    macro_f1: float
    micro_f1: float
    mean_average_precision: float | None

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {
            "accuracy": self.score,
            "classes": [row.as_json() for row in self.classes],
            "macro_f1": self.macro_f1,
            "micro_f1": self.micro_f1,
            "mean_average_precision": self.mean_average_precision,
        }


@dataclass(frozen=True, eq=False)
class RegressionMeasures(Measures):
    """Numbers: the score is R²; errors are in the label's own unit."""

    mae: float
    mae_interval: Interval
    rmse: float
    rmse_interval: Interval
    baseline_mae: float
    scatter: tuple[tuple[float, float], ...] = field(default=(), repr=False)

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | {
            "r2": _plain(self.score),
            "mae": self.mae,
            "mae_interval": _pair(self.mae_interval),
            "rmse": self.rmse,
            "rmse_interval": _pair(self.rmse_interval),
            "baseline_mae": self.baseline_mae,
        }


def _plain(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _pair(interval: Interval) -> list[float | None]:
    return [_plain(interval[0]), _plain(interval[1])]
