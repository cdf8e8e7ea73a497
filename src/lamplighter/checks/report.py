"""What a whole check came to: the findings, and what it took to find them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from lamplighter.checks.finding import Finding, stopping


@dataclass
class Report(Sequence[Finding]):
    """The findings of a check, worst first; it can be iterated, indexed and counted like a list.

    Args:
        findings: what was found, worst first.
        checks: how many checks ran to their end.
        steps: training steps that were tried and undone.
        seconds: wall time.
        skipped: check → why it did not run.
    """

    findings: list[Finding] = field(default_factory=list)
    checks: int = 0
    steps: int = 0
    seconds: float = 0.0
    skipped: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> list[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | list[Finding]:
        return self.findings[index]

    @property
    def codes(self) -> list[str]:
        """The codes found, worst first, each once."""
        return list(dict.fromkeys(f.code for f in self.findings))

    @property
    def stops(self) -> list[Finding]:
        """The findings that forbid training: errors that nobody allowed."""
        return stopping(self.findings)

    def as_json(self) -> dict[str, Any]:
        """The stable form of `lamp check --json`, without the version."""
        return {
            "findings": [finding.as_json() for finding in self.findings],
            "checks": self.checks,
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "skipped": dict(self.skipped),
        }
