"""What the figures mean, in sentences that carry them.

Each sentence is one function of the table `LOOKS`: it gets the whole case and answers with a
sentence or None. The table's order is kept among sentences of one level.
"""

from __future__ import annotations

from collections.abc import Callable

from lamplighter.checks.finding import LEVELS, stopping
from lamplighter.evaluation import diagnosis_classes as by_class
from lamplighter.evaluation import diagnosis_curves as by_curve
from lamplighter.evaluation.case import Case, Sentence
from lamplighter.evaluation.chances import shares_differ
from lamplighter.evaluation.measures import ClassMeasures, Measures, RegressionMeasures
from lamplighter.evaluation.words import percent, shown, span

MANY_LOOKS = 5
CHANCE = 0.01


def diagnose(case: Case) -> list[Sentence]:
    """All that there is to say about a trained model, gravest first; empty if all is well."""
    said = [sentence for look in LOOKS if (sentence := look(case)) is not None]
    return sorted(said, key=lambda s: LEVELS.index(s.level))


def verdict(case: Case, sentences: list[Sentence]) -> str:
    """The case in one sentence, for the top of the report and the end of the screen."""
    m = case.measures
    where = {"val": "validation", "test": "test", "train": "training"}.get(m.split, m.split)
    if isinstance(m, RegressionMeasures):
        head = (
            f"On {m.n} {where} samples it is off by {m.mae:.4g} on average; always answering the "
            f"median would be off by {m.baseline_mae:.4g}."
        )
    else:
        head = (
            f"{percent(m.score)} of {m.n} {where} pictures are right (surely between "
            f"{span(m.interval, 'and')}); {shown(m.baseline_of)} would get {percent(m.baseline)}."
        )
    grave = [s for s in sentences if s.level == "error"]
    if grave:
        return f"Do not rely on this model. {head}"
    doubts = sum(s.level == "warning" for s in sentences)
    if doubts:
        return f"{head} {doubts} thing{'s' if doubts > 1 else ''} to know before you rely on it."
    return f"{head} Nothing speaks against it."


def no_better_than_baseline(case: Case) -> Sentence | None:
    """The interval reaches down to what an answer without looking would get."""
    m = case.measures
    low = m.interval[0]
    if low != low or low > m.baseline:
        return None
    return Sentence(
        "no better than the baseline",
        "error",
        f"It cannot be shown to be better than {shown(m.baseline_of)}: that gets "
        f"{_score(m, m.baseline)}, this model {_score(m, m.score)} "
        f"({_score(m, low)} to {_score(m, m.interval[1])}) on {m.n} pictures.",
        "lamp check DATA --model M looks for the cause; are the labels those of the pictures?",
        {"score": m.score, "interval": list(m.interval), "baseline": m.baseline, "n": m.n},
    )


def chosen_on_it(case: Case) -> Sentence | None:
    """The split that chose the best epoch flatters it."""
    if case.measures.split != "val" or len(case.rows) < 2:
        return None
    return Sentence(
        "no test split",
        "info",
        f"These figures are of the validation split, which also chose the best of {len(case.rows)} "
        "epochs: expect slightly less on new pictures.",
        "keep a test split aside for the last word (a folder called test)",
        {"epochs": len(case.rows)},
    )


def looked_at_often(case: Case) -> Sentence | None:
    """A test split that is looked at again and again turns into a validation split."""
    if case.looks < 2 or case.measures.split == "val":
        return None
    return Sentence(
        "looked at often",
        "warning" if case.looks >= MANY_LOOKS else "info",
        f"This {case.measures.split} split has now been looked at {case.looks} times. Whoever keeps "
        "the best of several looks keeps some luck with it.",
        "choose by validation, look at test once; fresh pictures give a clean figure",
        {"looks": case.looks},
    )


def val_and_test_differ(case: Case) -> Sentence | None:
    """Two splits of one source should score alike, within chance."""
    m, val = case.measures, case.val
    if not isinstance(m, ClassMeasures) or not isinstance(val, ClassMeasures) or val is m:
        return None
    right, val_right = int(m.confusion.trace()), int(val.confusion.trace())
    p_value = shares_differ(right, m.n, val_right, val.n)
    if p_value >= CHANCE:
        return None
    return Sentence(
        "splits differ",
        "warning",
        f"Validation ({percent(val.accuracy)} of {val.n}) and {m.split} ({percent(m.accuracy)} of "
        f"{m.n}) differ by more than chance (p = {p_value:.1g}).",
        "do they come from the same source? near-duplicates between train and val flatter val: "
        "lamp look DATA",
        {"val": val.accuracy, m.split: m.accuracy, "p_value": p_value},
    )


def findings_stand(case: Case) -> Sentence | None:
    """Errors of the checks that nobody allowed or that were trained over."""
    open_errors = stopping(case.findings)
    if not open_errors:
        return None
    codes = sorted({f.code for f in open_errors})
    return Sentence(
        "findings",
        "error",
        f"The checks found {len(open_errors)} error{'s' if len(open_errors) > 1 else ''} "
        f"({', '.join(codes)}) that put the figures in doubt.",
        f"lamp explain {codes[0]}",
        {"codes": codes},
    )


def pictures_left_out(case: Case) -> Sentence | None:
    """Unreadable files are in none of the figures."""
    count = len(case.measures.unreadable)
    if not count:
        return None
    files = "file is" if count == 1 else "files are"
    return Sentence(
        "unreadable",
        "warning",
        f"{count} unreadable {files} in none of these figures ({count} of "
        f"{count + case.measures.n} in the split).",
        "lamp look DATA lists them with the reason",
        {"unreadable": count, "n": case.measures.n},
    )


def _score(measures: Measures, value: float) -> str:
    return f"{value:.3f}" if isinstance(measures, RegressionMeasures) else percent(value)


LOOKS: tuple[Callable[[Case], Sentence | None], ...] = (
    no_better_than_baseline,
    findings_stand,
    by_curve.diverged,
    by_curve.learned_little,
    by_class.never_answered,
    val_and_test_differ,
    by_curve.overfits,
    by_curve.memorised,
    by_curve.still_improving,
    by_class.weak_classes,
    by_class.imbalanced,
    by_class.confidence_wrong,
    by_class.too_few_pictures,
    looked_at_often,
    chosen_on_it,
    pictures_left_out,
    by_class.confused_pair,
    by_curve.waits_for_data,
)
