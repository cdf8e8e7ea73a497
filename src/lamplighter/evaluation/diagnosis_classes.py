"""What the per-class figures and the probabilities say."""

from __future__ import annotations

from lamplighter.evaluation.case import Case, Sentence
from lamplighter.evaluation.chances import at_most
from lamplighter.evaluation.measures import ClassMeasures, LabelMeasures
from lamplighter.evaluation.words import listed, percent, points, shown, span

IMBALANCE = 10
GAP = 0.03
CHANCE = 0.01


def never_answered(case: Case) -> Sentence | None:
    """A class that is there and is never the answer."""
    m = case.measures
    if not isinstance(m, ClassMeasures | LabelMeasures):
        return None
    missing = [row for row in m.classes if row.n and not row.answered]
    if not missing:
        return None
    names = [f"{shown(row.name)} ({row.n} pictures)" for row in missing]
    verb = "was" if len(missing) == 1 else "were"
    return Sentence(
        "never answered",
        "error" if len(missing) * 2 >= len(m.classes) else "warning",
        f"{listed(names)} {verb} never answered, not once in {m.n} pictures.",
        "give these classes more pictures or more weight (--class-weights balanced)",
        {"classes": [row.name for row in missing]},
    )


def weak_classes(case: Case) -> Sentence | None:
    """Classes that are found surely less often than the average."""
    m = case.measures
    if not isinstance(m, ClassMeasures) or len(m.classes) < 2:
        return None
    # among many classes the worst looks bad by chance alone, so the bar rises with their number
    bar = CHANCE / len(m.classes)
    weak = [
        row
        for row in m.classes
        if row.n
        and row.answered
        and row.recall is not None
        and at_most(round(row.recall * row.n), row.n, m.accuracy) < bar
    ]
    if not weak:
        return None
    weak.sort(key=lambda row: row.recall or 0.0)
    told = [f"{shown(r.name)} ({percent(r.recall, 0)} of {r.n} found)" for r in weak]
    return Sentence(
        "weak classes",
        "warning",
        f"Surely weaker than the whole: {listed(told, 4)}.",
        "look at their wrong answers below; more pictures of them help most",
        {"classes": {row.name: row.recall for row in weak}},
    )


def confused_pair(case: Case) -> Sentence | None:
    """One pair of classes that carries much of the error."""
    m = case.measures
    if not isinstance(m, ClassMeasures) or len(m.classes) < 3 or not m.confused:
        return None
    wrong = m.n - int(m.confusion.trace())
    top = m.confused[0]
    both = top.n + sum(p.n for p in m.confused if (p.label, p.answer) == (top.answer, top.label))
    if wrong < 10 or both / wrong < max(0.2, 4 / len(m.classes) ** 2):
        return None
    return Sentence(
        "confused pair",
        "info",
        f"{shown(top.label)} and {shown(top.answer)} are taken for each other in {both} of the "
        f"{wrong} wrong answers ({percent(both / wrong, 0)}).",
        "check that their labels can be told apart in the pictures",
        {"pair": [top.label, top.answer], "n": both, "wrong": wrong},
    )


def confidence_wrong(case: Case) -> Sentence | None:
    """Probabilities that do not come true, by more than chance."""
    m = case.measures
    if not isinstance(m, ClassMeasures):
        return None
    mean = sum(b.confidence * b.n for b in m.calibration) / m.n
    gap = mean - m.accuracy
    noise = 2 * (m.accuracy * (1 - m.accuracy) / m.n) ** 0.5
    if abs(gap) < max(GAP, noise):
        return None
    over = gap > 0
    after = "" if m.temperature == 1 else f", even after the temperature {m.temperature:.2f}"
    return Sentence(
        "over-confident" if over else "under-confident",
        "warning" if over else "info",
        f"It is {'surer' if over else 'less sure'} than it should be{after}: on average "
        f"{percent(mean)} sure and {percent(m.accuracy)} right "
        f"(calibration error {points(m.calibration_error)}).",
        "read its probabilities with care; more validation pictures give a better temperature"
        if over
        else "label smoothing and few epochs make it so; its order of sureness still holds",
        {"confidence": mean, "accuracy": m.accuracy, "calibration_error": m.calibration_error},
    )


def imbalanced(case: Case) -> Sentence | None:
    """Training classes of very different size, and what that hides."""
    counts = {name: n for name, n in case.train_counts.items() if n}
    if len(counts) < 2:
        return None
    most, least = max(counts, key=lambda c: counts[c]), min(counts, key=lambda c: counts[c])
    ratio = counts[most] / counts[least]
    if ratio < IMBALANCE:
        return None
    m = case.measures
    balanced = ""
    if isinstance(m, ClassMeasures):
        balanced = f" Each class counted alike, accuracy is {percent(m.balanced_accuracy)}."
    return Sentence(
        "imbalanced",
        "warning",
        f"Training has {counts[most]} pictures of {shown(most)} and {counts[least]} of "
        f"{shown(least)}, {ratio:.0f} to 1.{balanced}",
        "--class-weights balanced, or judge by the macro F1",
        {"most": counts[most], "least": counts[least], "ratio": ratio},
    )


def too_few_pictures(case: Case) -> Sentence | None:
    """The interval is wider than the differences that people look at."""
    m = case.measures
    if not isinstance(m, ClassMeasures | LabelMeasures):
        return None
    low, high = m.interval
    half = (high - low) / 2
    if half < 0.02:
        return None
    p = min(max(m.score, 0.5 / m.n), 1 - 0.5 / m.n)
    needed = round(p * (1 - p) * (1.96 / 0.02) ** 2, -1)
    other = min(m.score + 0.02, 1.0) if m.score < 0.98 else m.score - 0.02
    enough = f" About {needed:.0f} would narrow it to ± 2 points." if needed > m.n else ""
    return Sentence(
        "too few pictures",
        "warning" if half > 0.05 else "info",
        f"{m.n} pictures are too few to tell {percent(m.score, 0)} from {percent(other, 0)}: the "
        f"true value lies between {span(m.interval, 'and')}.{enough}",
        "more labelled pictures in this split, or cross-validation",
        {"n": m.n, "interval": list(m.interval), "needed": needed},
    )
