"""What a diagnosis is made from, and what it is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamplighter.checks.finding import Finding, Level
from lamplighter.evaluation.measures import Measures


@dataclass(frozen=True)
class Sentence:
    """One thing said in plain words, with the figures that carry it.

    Args:
        topic: stable word for it: "overfits", "never answered".
        level: "error" (do not trust the model), "warning" or "info".
        text: one or two sentences.
        fix: what to change or type; may be empty.
        figures: the numbers in the text, by name.
    """

    topic: str
    level: Level
    text: str
    fix: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "topic": self.topic,
            "level": self.level,
            "text": self.text,
            "fix": self.fix,
            "figures": dict(self.figures),
        }


@dataclass(frozen=True)
class Case:
    """Everything that is known about one trained model.

    Args:
        measures: of the split that is reported.
        val: of the validation split, where another one is reported.
        rows: the lines of metrics.jsonl; `data_wait` is the share of the epoch (0 to 1) in which
            the network waited for data.
        findings: of the checks.
        train_counts: class → pictures in training.
        looks: how often the reported split has been evaluated on, this time included.
    """

    measures: Measures
    val: Measures | None = None
    rows: Sequence[Mapping[str, Any]] = ()
    findings: Sequence[Finding] = ()
    train_counts: Mapping[str, int] = field(default_factory=dict)
    looks: int = 1

    def column(self, key: str) -> list[float | None]:
        """One column of the rows; None where it is missing or not finite."""
        return [_number(row.get(key)) for row in self.rows]

    def epochs(self) -> list[int]:
        """The epoch of each row, counted from 1 where the rows do not say."""
        return [int(row.get("epoch", i)) for i, row in enumerate(self.rows, start=1)]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
