"""How far runs of one recipe lie apart when only their seed differs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamplighter.errors import LamplighterError
from lamplighter.evaluation.predictions import read_run
from lamplighter.evaluation.settings import seeds_only, settings_that_differ
from lamplighter.run_folder import all_runs


@dataclass(frozen=True)
class Spread:
    """A run together with its siblings of other seeds.

    Args:
        runs: their names, the run itself first.
        accuracies: of each, on the same split.
    """

    runs: tuple[str, ...]
    accuracies: tuple[float, ...]

    @property
    def deviation(self) -> float:
        """The standard deviation over the seeds (of a sample: n - 1)."""
        return statistics.stdev(self.accuracies)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "runs": list(self.runs),
            "accuracies": list(self.accuracies),
            "mean": statistics.mean(self.accuracies),
            "deviation": self.deviation,
        }


def seed_spread(folder: Path, split: str) -> Spread | None:
    """What the seed alone does to a run, from the runs beside it.

    Args:
        folder: the run; the runs in the same folder that differ by their seed alone are read.
        split: on which the accuracies are compared.

    Returns:
        None where there is no other seed, or no accuracy (regression).
    """
    names: list[str] = []
    accuracies: list[float] = []
    for run in [folder, *(run.path for run in all_runs(folder.parent))]:
        is_itself = run.resolve() == folder.resolve()
        if is_itself and names:
            continue
        try:
            if not is_itself and not seeds_only(settings_that_differ(folder, run)):
                continue
            rows = read_run(run)[1].of(split)
        except LamplighterError:  # unfinished, or of another kind
            continue
        if rows.rows and not rows.regression:
            names.append(run.name)
            accuracies.append(sum(row.right for row in rows.rows) / len(rows.rows))
    return Spread(tuple(names), tuple(accuracies)) if len(names) > 1 else None
