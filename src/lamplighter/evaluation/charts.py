"""The report's charts: which figures go into which plot, and what each says in one line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from lamplighter.evaluation.calibration import Threshold
from lamplighter.evaluation.case import Case
from lamplighter.evaluation.measures import ClassMeasures, RegressionMeasures
from lamplighter.evaluation.plots import Axis, Line, axis, chart, unit_axis
from lamplighter.evaluation.words import percent, points

FEW = 10


@dataclass(frozen=True)
class Chart:
    """A plot, what it shows in words, and its figures as a table.

    Args:
        title: heading.
        svg: the plot.
        caption: one or two sentences; also what a screen reader gets.
        columns, rows: the same figures for those who cannot see the plot.
    """

    title: str
    svg: Markup
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


CURVES = (
    ("Loss", "loss", False),
    ("Accuracy", "accuracy", True),
    ("F1", "f1", True),
    ("Mean absolute error", "mae", False),
    ("R²", "r2", False),
)


def learning_charts(case: Case) -> list[Chart]:
    """Training and validation over the epochs, one chart per figure that both or one has."""
    found = (_learning(case, *curve) for curve in CURVES)
    return [one for one in found if one is not None]


def _learning(case: Case, title: str, key: str, share: bool) -> Chart | None:
    epochs = [float(e) for e in case.epochs()]
    lines, columns = [], {}
    for colour, (prefix, word) in enumerate((("train", "training"), ("val", "validation")), 1):
        column = case.column(f"{prefix}_{key}")
        drawn = [(e, v) for e, v in zip(epochs, column, strict=True) if v is not None]
        if drawn:
            lines.append(Line(word, drawn, colour, dots=len(drawn) < 25))
            columns[word] = column
    if not lines:
        return None
    caption = ", ".join(_ends(line, share) for line in lines) + "."
    values = [v for line in lines for _, v in line.points]
    best = _best_epoch(case, key)
    if best is not None and len(epochs) > 1:
        word = "lowest" if key in ("loss", "mae") else "highest"
        caption += f" Validation is {word} in epoch {best:g}."
    svg = chart(
        title, caption, axis(epochs, "epoch", whole=True), axis(values, title.lower(), percent=share),
        lines, mark_x=None if best is None or len(epochs) < 2 else (best, f"epoch {best:g}"),
        mark_low=key not in ("loss", "mae"),
    )  # fmt: skip
    rows = tuple(
        (f"{epoch:g}", *(_cell(column[i], share) for column in columns.values()))
        for i, epoch in enumerate(epochs)
    )
    return Chart(title, svg, caption, ("epoch", *columns), rows)


def _ends(line: Line, share: bool) -> str:
    first, last = line.points[0][1], line.points[-1][1]
    if len(line.points) == 1:
        return f"{line.name} {_cell(first, share)}"
    return f"{line.name} from {_cell(first, share)} to {_cell(last, share)}"


def _cell(value: float | None, share: bool) -> str:
    if value is None:
        return "–"
    return percent(value) if share else f"{value:.4g}"


def _best_epoch(case: Case, key: str) -> float | None:
    """The epoch with the best figure; of equal ones that with the lower loss, which was kept."""
    sign = 1 if key in ("loss", "mae") else -1
    columns = (case.column(f"val_{key}"), case.column("val_loss"), case.epochs())
    known = [
        (sign * v, math.inf if loss is None else loss, e)
        for v, loss, e in zip(*columns, strict=True)
        if v is not None
    ]
    return float(min(known)[2]) if known else None


def calibration_chart(measures: ClassMeasures) -> Chart:
    """Does "90 % sure" mean right in 90 of 100?"""
    bins = measures.calibration
    caption = (
        f"Of answers given with a probability of p, a share of p should be right (the dashed line). "
        f"The mean gap, the calibration error, is {points(measures.calibration_error)}"
    )
    if measures.temperature != 1:
        caption += (
            f" with the temperature {measures.temperature:.2f}; without it "
            f"{points(measures.calibration_error_raw)}"
        )
        if measures.split == "val":
            caption += " (the temperature was fitted on this same split, which flatters it)"
    svg = chart(
        "Calibration", caption, unit_axis("probability of the answer"), unit_axis("share right"),
        # a bin of two answers jumps from 0 to 100 %: it is a dot with its interval, not a line
        [
            Line("", [(b.confidence, b.accuracy) for b in bins if b.n >= FEW], 2),
            Line("", [(b.confidence, b.accuracy) for b in bins], 2, dots=True, joined=False),
        ],
        bars=[(b.low, b.high, b.n / measures.n) for b in bins],
        whiskers=[(b.confidence, *b.interval) for b in bins], diagonal=True,
    )  # fmt: skip
    rows = tuple(
        (
            f"{percent(b.low, 0)} to {percent(b.high, 0)}",
            str(b.n),
            percent(b.confidence),
            percent(b.accuracy),
        )
        for b in bins
    )
    caption += ". Grey bars: how many answers; thin lines: 95 % intervals."
    return Chart("Calibration", svg, caption, ("probability", "answers", "mean", "right"), rows)


def coverage_chart(measures: ClassMeasures, threshold: Threshold | None) -> Chart:
    """What is gained by not answering where the model is unsure."""
    curve = measures.coverage
    low = min(min(p.accuracy for p in curve), measures.accuracy)
    lowest = max(0.0, (low - 0.02) // 0.05 * 0.05)
    drawn = [(p.coverage, p.accuracy) for p in curve]
    if threshold is None:
        caption = "The share of right answers when only the surest are given."
    else:
        at = percent(threshold.value, 0)
        same = threshold.split == measures.split
        where = "chosen on this same split" if same else "chosen on validation"
        caption = (
            f"Below a probability of {at} it should say “unsure”: {percent(threshold.coverage)} of "
            f"the pictures then get an answer, of which {percent(threshold.accuracy)} are right "
            f"({where})."
        )
    ticks = axis([lowest, 1.0], "", percent=True).ticks
    svg = chart(
        "Accuracy against coverage", caption, unit_axis("share of pictures answered"),
        Axis(min(lowest, ticks[0]), 1.0, "right among them", ticks, percent=True),
        [Line("accuracy", drawn, 2)],
        mark_x=None if threshold is None else (threshold.coverage, f"unsure below {threshold.value:.2f}"),
    )  # fmt: skip
    kept = curve[:: max(1, len(curve) // 12)]
    rows = tuple(
        (
            f"{p.threshold:.3f}",
            percent(p.coverage),
            percent(p.accuracy),
            f"{percent(p.interval[0])} to {percent(p.interval[1])}",
        )
        for p in kept
    )
    columns = ("at least", "answered", "right", "95 % interval")
    return Chart("Accuracy against coverage", svg, caption, columns, rows)


def scatter_chart(measures: RegressionMeasures) -> Chart:
    """Answers against labels; all points on the dashed line would be perfect."""
    values = [v for pair in measures.scatter for v in pair]
    both = axis(values, "label")
    up = Axis(both.low, both.high, "answer", both.ticks)
    caption = (
        f"Mean absolute error {measures.mae:.4g} ({measures.mae_interval[0]:.4g} to "
        f"{measures.mae_interval[1]:.4g}), root mean square {measures.rmse:.4g}. "
        "On the dashed line the answer is the label."
    )
    svg = chart(
        "Answers against labels", caption, both, up,
        [Line("answers", measures.scatter, 2, dots=True, joined=False)], diagonal=True,
    )  # fmt: skip
    rows = tuple((f"{t:.4g}", f"{a:.4g}") for t, a in measures.scatter[:20])
    return Chart("Answers against labels", svg, caption, ("label", "answer"), rows)
