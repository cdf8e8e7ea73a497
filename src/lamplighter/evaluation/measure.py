"""From the answers of a network to the figures of the report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lamplighter.evaluation.calibration import (
    calibration_curve,
    calibration_error,
    coverage_curve,
    cross_entropy,
)
from lamplighter.evaluation.intervals import bootstrap, wilson
from lamplighter.evaluation.measures import (
    ClassFigures,
    ClassMeasures,
    Confused,
    LabelMeasures,
    Measures,
    RegressionMeasures,
)
from lamplighter.evaluation.outcome import Outcome

__all__ = ["ClassMeasures", "LabelMeasures", "Measures", "RegressionMeasures", "measure"]

MOST_CONFUSED = 10


def measure(
    outcome: Outcome,
    *,
    train_counts: Mapping[str, int] | None = None,
    temperature: float = 1.0,
) -> Measures:
    """Every figure that the task has, for one split.

    Args:
        outcome: the answers.
        train_counts: class → pictures in the training split, shown beside each class.
        temperature: as fitted on validation; divides the logits before the softmax.
    """
    if outcome.task == "classification":
        return _measure_classes(outcome, train_counts, temperature)
    if outcome.task == "multilabel":
        return _measure_labels(outcome)
    return _measure_numbers(outcome)


def _measure_classes(
    outcome: Outcome, train_counts: Mapping[str, int] | None, temperature: float
) -> ClassMeasures:
    labels, answers, correct = outcome.labels, outcome.answers(), outcome.correct()
    n, k = len(labels), len(outcome.classes)
    confusion = np.bincount(labels * k + answers, minlength=k * k).reshape(k, k)
    trained = train_counts or {}
    rows = tuple(_class_figures(outcome.classes, confusion, c, trained) for c in range(k))
    baseline, baseline_of = _majority(outcome)
    confidence = outcome.probabilities(temperature).max(axis=1)
    curve = calibration_curve(confidence, correct)
    raw = curve if temperature == 1 else calibration_curve(outcome.probabilities().max(1), correct)
    hits = int(correct.sum())
    present = [row for row in rows if row.n]
    return ClassMeasures(
        task=outcome.task, split=outcome.split, n=n, score_name="accuracy", score=hits / n,
        interval=wilson(hits, n), baseline=baseline, baseline_of=baseline_of,
        loss=cross_entropy(outcome) if outcome.loss is None else outcome.loss,
        unreadable=outcome.unreadable, classes=rows, confusion=confusion,
        confused=_most_confused(outcome.classes, confusion),
        macro_f1=float(np.mean([row.f1 for row in present])),
        balanced_accuracy=float(np.mean([row.recall for row in present])),
        top5=_top(outcome, 5) if k > 5 else None,
        temperature=temperature, calibration_error=calibration_error(curve),
        calibration_error_raw=calibration_error(raw), calibration=curve,
        coverage=coverage_curve(confidence, correct),
    )  # fmt: skip


def _class_figures(
    classes: tuple[str, ...], confusion: NDArray, c: int, trained: Mapping[str, int]
) -> ClassFigures:
    hits, n, answered = int(confusion[c, c]), int(confusion[c].sum()), int(confusion[:, c].sum())
    return ClassFigures(
        name=classes[c],
        n=n,
        answered=answered,
        precision=hits / answered if answered else None,
        recall=hits / n if n else None,
        f1=2 * hits / (n + answered) if n + answered else None,
        recall_interval=wilson(hits, n),
        trained_on=trained.get(classes[c]),
    )


def _majority(outcome: Outcome) -> tuple[float, str]:
    """The best that one constant answer could get on this very split: the strictest baseline."""
    counts = np.bincount(outcome.labels, minlength=len(outcome.classes))
    best = int(counts.argmax())
    return float(counts[best] / counts.sum()), f"always answering {outcome.classes[best]}"


def _most_confused(classes: tuple[str, ...], confusion: NDArray) -> tuple[Confused, ...]:
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [(int(p) // len(classes), int(p) % len(classes)) for p in order]
    return tuple(
        Confused(classes[a], classes[b], int(wrong[a, b]), float(wrong[a, b] / confusion[a].sum()))
        for a, b in pairs
        if wrong[a, b]
    )


def _top(outcome: Outcome, count: int) -> float:
    best = np.argpartition(-outcome.logits, count - 1, axis=1)[:, :count]
    return float((best == outcome.labels[:, None]).any(axis=1).mean())


def _measure_labels(outcome: Outcome) -> LabelMeasures:
    labels, answers = outcome.labels.astype(bool), outcome.answers().astype(bool)
    n, hits = len(labels), int(outcome.correct().sum())
    rows = tuple(_label_figures(outcome, labels, answers, c) for c in range(len(outcome.classes)))
    patterns, times = np.unique(labels, axis=0, return_counts=True)
    usual = patterns[times.argmax()]
    names = [name for name, on in zip(outcome.classes, usual, strict=True) if on]
    precisions = [r.average_precision for r in rows if r.average_precision is not None]
    defined = [row.f1 for row in rows if row.f1 is not None]
    both = int((labels & answers).sum())
    marked = int(labels.sum() + answers.sum())
    return LabelMeasures(
        task=outcome.task, split=outcome.split, n=n, score_name="all labels right",
        score=hits / n, interval=wilson(hits, n), baseline=float(times.max() / n),
        baseline_of=f"always answering {' + '.join(names) or 'no label'}",
        loss=_binary_cross_entropy(outcome) if outcome.loss is None else outcome.loss,
        unreadable=outcome.unreadable, classes=rows,
        macro_f1=float(np.mean(defined)) if defined else 0.0,
        micro_f1=2 * both / marked if marked else 0.0,
        mean_average_precision=float(np.mean(precisions)) if precisions else None,
    )  # fmt: skip


def _label_figures(outcome: Outcome, labels: NDArray, answers: NDArray, c: int) -> ClassFigures:
    from sklearn.metrics import average_precision_score

    truth, answer = labels[:, c], answers[:, c]
    n, answered, hits = int(truth.sum()), int(answer.sum()), int((truth & answer).sum())
    return ClassFigures(
        name=outcome.classes[c], n=n, answered=answered,
        precision=hits / answered if answered else None,
        recall=hits / n if n else None,
        f1=2 * hits / (n + answered) if n + answered else None,
        recall_interval=wilson(hits, n),
        average_precision=(
            float(average_precision_score(truth, outcome.logits[:, c])) if n else None
        ),
    )  # fmt: skip


def _binary_cross_entropy(outcome: Outcome) -> float:
    logits = outcome.logits.astype(np.float64)
    return float((np.logaddexp(0, logits) - logits * outcome.labels).mean())


def _measure_numbers(outcome: Outcome) -> RegressionMeasures:
    n = len(outcome.keys)
    truth = outcome.labels.astype(np.float64).reshape(n, -1)
    error = outcome.logits.astype(np.float64).reshape(n, -1) - truth
    d = truth.shape[1]
    # around their mean: squares of labels far from 0, such as years, would drown what sets them apart
    apart = truth - truth.mean(axis=0)
    rows = np.hstack([np.abs(error), error**2, apart, apart**2])

    def r2(means: NDArray[np.float64]) -> float:
        spread = means[3 * d :] - means[2 * d : 3 * d] ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.mean(1 - means[d : 2 * d] / spread))

    means = rows.mean(axis=0)
    constant = bool((truth == truth[0]).all())
    baseline_mae = float(np.abs(truth - np.median(truth, axis=0)).mean())
    shown = np.linspace(0, n - 1, min(n, 400)).round().astype(int)
    return RegressionMeasures(
        task=outcome.task, split=outcome.split, n=n, score_name="R²",
        score=float("nan") if constant else r2(means),
        interval=(float("nan"), float("nan")) if constant else bootstrap(rows, r2),
        baseline=0.0, baseline_of=f"always answering the mean label of {outcome.split}",
        loss=outcome.loss, unreadable=outcome.unreadable,
        mae=float(means[:d].mean()),
        mae_interval=bootstrap(rows, lambda m: float(m[:d].mean())),
        rmse=float(means[d : 2 * d].mean() ** 0.5),
        rmse_interval=bootstrap(rows, lambda m: float(m[d : 2 * d].mean() ** 0.5)),
        baseline_mae=baseline_mae,
        scatter=tuple((float(t), float(t + e)) for t, e in zip(truth[shown, 0], error[shown, 0], strict=True)),
    )  # fmt: skip
