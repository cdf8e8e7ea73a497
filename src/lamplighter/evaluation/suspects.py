"""Labels that are probably wrong: where a model that never saw the picture surely disagrees."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lamplighter.checks.finding import Finding
from lamplighter.evaluation.intervals import wilson
from lamplighter.evaluation.outcome import Outcome
from lamplighter.evaluation.words import percent, shown

SURE = 0.9
FEWEST = 20
MOST = 50
ROUNDING = 1e-6


@dataclass(frozen=True)
class Suspect:
    """A picture whose label is doubted; probabilities of the answer and of the label."""

    key: str
    path: str
    label: str
    answer: str
    probability: float
    of_label: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def suspect_labels(outcome: Outcome, *, temperature: float = 1.0) -> list[Suspect]:
    """The pictures whose label the model doubts, surest first.

    A picture is suspected where the answer is at least as sure as the model usually is of that
    class, and at least 90 %. A model that is hardly better than guessing suspects nothing.

    Args:
        outcome: of a split that the model was not trained on.
        temperature: as fitted on validation.

    Source: the class-wise thresholds of confident learning (Northcutt et al. 2021).
    """
    if outcome.task != "classification" or outcome.split == "train" or len(outcome.keys) < FEWEST:
        return []
    labels, answers, correct = outcome.labels, outcome.answers(), outcome.correct()
    commonest = np.bincount(labels).max() / len(labels)
    if wilson(int(correct.sum()), len(labels))[0] <= commonest:
        return []
    probabilities = outcome.probabilities(temperature)
    rows = np.arange(len(labels))
    usual = np.ones(len(outcome.classes))
    for c in np.unique(labels):
        usual[c] = probabilities[labels == c, c].mean()
    sure = probabilities[rows, answers]
    doubted = np.flatnonzero(~correct & (sure >= np.maximum(SURE, usual[answers] - ROUNDING)))
    ranked = doubted[np.argsort(-sure[doubted], kind="stable")]
    return [
        Suspect(
            outcome.keys[i], outcome.paths[i], outcome.classes[labels[i]],
            outcome.classes[answers[i]], float(sure[i]), float(probabilities[i, labels[i]]),
        )
        for i in ranked.tolist()
    ]  # fmt: skip


def suspects_finding(suspects: list[Suspect], split: str) -> list[Finding]:
    """Y111 as a finding: one for the split, its paths surest first; empty if none is suspected."""
    if not suspects:
        return []
    first = suspects[0]
    count = "1 label is" if len(suspects) == 1 else f"{len(suspects)} labels are"
    return [
        Finding(
            "Y111",
            "info",
            split,
            f"{count} suspected to be wrong; surest: {shown(first.path)} is labelled "
            f"{shown(first.label)}, the model says {shown(first.answer)} "
            f"({percent(first.probability)})",
            "look at them in the report; correct the label or remove the picture, then train again",
            tuple(s.path for s in suspects[:MOST]),
        )
    ]
