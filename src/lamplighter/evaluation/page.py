"""The report as a page: everything that the template needs, and the template filled with it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamplighter.checks.finding import worst_first
from lamplighter.evaluation.calibration import Threshold
from lamplighter.evaluation.case import Case, Sentence
from lamplighter.evaluation.charts import (
    Chart,
    calibration_chart,
    coverage_chart,
    learning_charts,
    scatter_chart,
)
from lamplighter.evaluation.gallery import Shown
from lamplighter.evaluation.matrix import confusion_table
from lamplighter.evaluation.measures import (
    ClassMeasures,
    LabelMeasures,
    Measures,
    RegressionMeasures,
)
from lamplighter.evaluation.plots import headline
from lamplighter.evaluation.suspects import Suspect
from lamplighter.evaluation.words import percent, shown, span, tied


@dataclass(frozen=True)
class Shelf:
    """What the page shows beside the document.

    Args:
        case: the figures behind everything.
        said: the diagnosis.
        suspects: doubted labels, surest first.
        wrong, right: pictures of the gallery.
        threshold: what the "unsure" threshold does on this split.
        wrong_count: how many answers are wrong, shown or not.
    """

    case: Case
    said: Sequence[Sentence]
    suspects: Sequence[Suspect]
    wrong: Sequence[Shown]
    right: Sequence[Shown]
    threshold: Threshold | None
    wrong_count: int


def render(document: Mapping[str, Any], shelf: Shelf) -> str:
    """The page as text.

    Args:
        document: what report.json holds.
        shelf: what the page is made of beside it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    jinja = Environment(
        loader=PackageLoader("lamplighter.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters |= {"percent": percent, "shown": shown, "span": span, "tied": tied}
    style, script = (
        (Path(__file__).parent / "templates" / file).read_text(encoding="utf-8")
        for file in ("report.css", "report.js")
    )
    # only our own script may run: a name that slipped through the escaping would still be text
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    case = shelf.case
    m = case.measures
    scale = None
    if not isinstance(m, RegressionMeasures):
        scale = headline(m.score, m.interval, m.baseline)
    return jinja.get_template("report.html.j2").render(
        doc=document, m=m, shelf=shelf, charts=_charts(case, shelf.threshold), scale=scale,
        matrix=confusion_table(m, [*shelf.wrong, *shelf.right]),
        class_rows=_class_rows(m), facts=_facts(document, case), settings=_flat(document["recipe"]),
        machine=_flat(document["environment"]), findings=worst_first(case.findings),
        style=style, script=script, script_hash=f"sha256-{digest}",
        split_word={"val": "validation"}.get(m.split, m.split),
    )  # fmt: skip


def _class_rows(measures: Measures) -> list[Any]:
    """The classes, weakest first where there are too many to take in at a glance."""
    if not isinstance(measures, ClassMeasures | LabelMeasures):
        return []
    rows = list(measures.classes)
    return rows if len(rows) <= 12 else sorted(rows, key=lambda r: (not r.n, r.f1 or 0.0))


def _facts(document: Mapping[str, Any], case: Case) -> list[tuple[str, str, str]]:
    """(figure, value, what it means), for the list beside the headline."""
    m = case.measures
    facts = [("Looked at", f"{case.looks} ×", f"how often the {m.split} split was evaluated on")]
    if isinstance(m, ClassMeasures):
        facts += [
            ("Macro F1", f"{m.macro_f1:.3f}", "each class counted alike"),
            ("Balanced accuracy", percent(m.balanced_accuracy), "mean of the classes' recalls"),
        ]
        if m.top5 is not None:
            facts.append(("Among the top 5", percent(m.top5), "the label is one of five answers"))
        facts.append(
            ("Calibration error", percent(m.calibration_error), "gap between probability and truth")
        )
    if isinstance(m, LabelMeasures):
        facts += [
            ("Macro F1", f"{m.macro_f1:.3f}", "each label counted alike"),
            ("Micro F1", f"{m.micro_f1:.3f}", "each decision counted alike"),
        ]
        if m.mean_average_precision is not None:
            facts.append(("mAP", f"{m.mean_average_precision:.3f}", "mean average precision"))
    if isinstance(m, RegressionMeasures):
        facts += [
            ("R²", f"{m.score:.3f}", f"{m.interval[0]:.3f} to {m.interval[1]:.3f}"),
            (
                "Root mean square error",
                f"{m.rmse:.4g}",
                f"{m.rmse_interval[0]:.4g} to {m.rmse_interval[1]:.4g}",
            ),
        ]
    if m.loss is not None:
        facts.append(("Loss", f"{m.loss:.4f}", "mean over the split"))
    fitted = document["temperature_fit"]
    if fitted:
        facts.append(
            (
                "Temperature",
                f"{fitted['value']:.2f}",
                fitted["reason"] or "fitted on validation",
            )
        )
    return facts


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        elif value is not None:
            found.append((f"{prefix}{key}", str(value)))
    return found


def _charts(case: Case, threshold: Threshold | None) -> dict[str, list[Chart]]:
    measures = case.measures
    sure: list[Chart] = []
    if isinstance(measures, ClassMeasures):
        sure = [calibration_chart(measures), coverage_chart(measures, threshold)]
    elif isinstance(measures, RegressionMeasures):
        sure = [scatter_chart(measures)]
    return {"sure": sure, "learning": learning_charts(case)}
