"""What a training gives back: a handle on its folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter import run_folder
from lamplighter.checks.finding import Finding

if TYPE_CHECKING:
    from lamplighter.predict import Model


@dataclass(frozen=True)
class Run:
    """A finished training.

    Args:
        path: the run folder.
        state: "finished", or "interrupted".
        epochs: epochs completed.
        best: `epoch`, the task's metric as `val_…`, and `val_loss`; without validation the last.
        test: figures of the test split as `lamp evaluate` gives them; None if there is none.
        findings: of the checks.
        seconds: wall time of this sitting, checks and report included.
        rows: the lines of metrics.jsonl.
        own: the user's own network, where the artifact needs it to be loaded again.
        use: what to type to get answers from it.
    """

    path: Path
    state: str
    epochs: int
    best: dict[str, Any]
    test: dict[str, Any] | None
    findings: tuple[Finding, ...]
    seconds: float
    rows: tuple[dict[str, Any], ...] = ()
    own: Any = field(default=None, repr=False)
    use: str = ""

    @property
    def artifact(self) -> Path:
        """The model file."""
        return self.path / run_folder.ARTIFACT

    @property
    def report(self) -> Path:
        """The truth report's page."""
        return self.path / run_folder.REPORT_PAGE

    @cached_property
    def model(self) -> Model:
        """The trained network, loaded from the artifact."""
        from lamplighter.predict import load

        return load(self.artifact, own=self.own)

    def as_json(self) -> dict[str, Any]:
        """The stable form of `lamp train --json`, without the version."""
        return {
            "run": str(self.path),
            "artifact": str(self.artifact),
            "report": str(self.report),
            "state": self.state,
            "epochs": self.epochs,
            "best": self.best,
            "test": self.test,
            "findings": [finding.as_json() for finding in self.findings],
            "seconds": round(self.seconds, 3),
        }
