"""The truth report: one page and one JSON document that say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamplighter.checks.finding import Finding, worst_first
from lamplighter.evaluation import gallery
from lamplighter.evaluation.calibration import Temperature, Threshold, apply_threshold
from lamplighter.evaluation.case import Case, Sentence
from lamplighter.evaluation.diagnosis import diagnose, verdict
from lamplighter.evaluation.measures import Measures
from lamplighter.evaluation.outcome import Outcome
from lamplighter.evaluation.page import Shelf, render
from lamplighter.evaluation.suspects import Suspect, suspect_labels
from lamplighter.run_folder import REPORT, REPORT_PAGE, json_text, write_atomically
from lamplighter.version import __version__

MOST_IN_JSON = 500


@dataclass(frozen=True)
class Report:
    """What was written, and what stands at its top."""

    html: Path
    json: Path
    verdict: str
    diagnosis: tuple[Sentence, ...]
    next_command: str
    suspects: tuple[Suspect, ...] = field(default=(), repr=False)


def write_report(
    folder: Path,
    *,
    name: str,
    measures: Measures,
    outcome: Outcome,
    val_measures: Measures | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
    findings: Sequence[Finding] = (),
    train_counts: Mapping[str, int] | None = None,
    recipe: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    thumbnails: gallery.Picture | None = None,
    explanations: gallery.Explain | None = None,
    temperature: Temperature | None = None,
    threshold: Threshold | None = None,
    looks: int = 1,
    use: str = "lamp predict RUN PICTURES",
    html: Path | None = None,
) -> Report:
    """Writes report.html and report.json, each replaced in one step.

    Args:
        folder: where they go; it exists.
        name: of the run, the page's title.
        measures: of the reported split; `measure` made them from `outcome`.
        outcome: the answers of that split.
        val_measures: of validation, where another split is reported.
        rows: the lines of metrics.jsonl.
        findings: of the checks.
        train_counts: class → pictures in training.
        recipe: what was asked, possibly nested.
        environment: versions, device, seed.
        thumbnails: key → JPEG bytes of a small picture, or None; about 160 pixels are enough.
        explanations: keys → the same with a heat map on it.
        temperature: as fitted on validation.
        threshold: as chosen on validation.
        looks: how often the reported split has been evaluated on, this time included.
        use: how to ask the model, which is what comes next where nothing is gravely wrong.
        html: another place for the page; the document then lies beside it under the same name, so
            that it never takes the place of a run's own.
    """
    case = Case(measures, val_measures, rows, findings, train_counts or {}, looks)
    said = diagnose(case)
    t = temperature.value if temperature is not None else 1.0
    suspects = suspect_labels(outcome, temperature=t)
    here = None
    if threshold is not None and outcome.task == "classification":
        here = apply_threshold(outcome, threshold, temperature=t)
    sure = gallery.surety(outcome, t)
    room = gallery.Room(thumbnails, explanations)
    wrong = gallery.gather(outcome, gallery.choose_wrong(outcome, sure), room, t)
    right = gallery.gather(outcome, gallery.choose_right(outcome, sure), room, t)
    document = _document(case, said, suspects, name=name) | {
        "next": _next_command(said, use),
        "temperature_fit": temperature.as_json() if temperature else None,
        "threshold": threshold.as_json() if threshold else None,
        "threshold_here": here.as_json() if here else None,
        "wrong": [one.as_json() for one in wrong],
        "recipe": dict(recipe or {}),
        "environment": dict(environment or {}),
    }
    page = render(
        document,
        Shelf(
            case, said, suspects, wrong, right, here,
            wrong_count=0 if outcome.task == "regression" else int((~outcome.correct()).sum()),
        ),
    )  # fmt: skip
    at = html or folder / REPORT_PAGE
    beside = html.with_name(f"{html.stem}.json") if html else folder / REPORT
    write_atomically(at, page.encode("utf-8", "backslashreplace"))
    write_atomically(beside, json_text(document).encode())
    return Report(
        at,
        beside,
        verdict(case, said),
        tuple(said),
        str(document["next"]),
        tuple(suspects),
    )


def _document(
    case: Case, said: list[Sentence], suspects: list[Suspect], *, name: str
) -> dict[str, Any]:
    return {
        "lamplighter": __version__,
        "name": name,
        "verdict": verdict(case, said),
        "diagnosis": [sentence.as_json() for sentence in said],
        **case.measures.as_json(),
        "looks": case.looks,
        "val": case.val.as_json() if case.val is not None else None,
        "suspected_labels": [one.as_json() for one in suspects[:MOST_IN_JSON]],
        "findings": [finding.as_json() for finding in worst_first(case.findings)],
        "metrics": [dict(row) for row in case.rows],
        "train_counts": dict(case.train_counts),
    }


def _next_command(said: list[Sentence], use: str) -> str:
    grave = next((s for s in said if s.level == "error" and s.fix.startswith("lamp ")), None)
    if grave is not None:
        return grave.fix.split(" looks for")[0]
    return use
