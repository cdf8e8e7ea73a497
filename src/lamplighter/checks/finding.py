"""What a check has to say: a value, never a print.

Torch is not imported here: `lamp --help`, `lamp explain` and the report need findings without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check noticed.

    Args:
        code: stable code, a family letter and three digits, such as "M104".
        level: "error" (training would be wrong), "warning" or "info".
        where: what it is about: a file, a class, a layer, a parameter, a line.
        message: what was seen, with the figures that show it.
        fix: what to change or type; one sentence.
        paths: the files concerned, if any.
        file: the user's source file, where known.
        line: the line in `file`, counted from 1, where known.
        allowed: the reason the user gave for allowing it; empty if not allowed.
        step: optimizer steps that were over when it was found in a running training, 0 for
            before the first; None where nothing ran.
    """

    code: str
    level: Level
    where: str
    message: str
    fix: str = ""
    paths: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None
    allowed: str = ""
    step: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else ""
        fix = f" → {self.fix}" if self.fix else ""
        return f"{self.code} {self.level}: {place}{self.where}: {self.message}{fix}"

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--json` and `findings.json`."""
        document: dict[str, Any] = {
            "code": self.code,
            "level": self.level,
            "where": self.where,
            "message": self.message,
            "fix": self.fix,
            "paths": list(self.paths),
        }
        if self.file is not None:
            document |= {"file": self.file, "line": self.line}
        if self.step is not None:
            document["step"] = self.step
        if self.allowed:
            document["allowed"] = self.allowed
        return document


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by level, then code, then place; ties keep their order."""
    return sorted(findings, key=lambda f: (LEVELS.index(f.level), f.code, f.where))


def allow(findings: Iterable[Finding], allowed: dict[str, str]) -> list[Finding]:
    """Marks what the user allowed.

    Args:
        findings: what the checks found.
        allowed: code → reason; an empty reason counts as "allowed by the user".

    Returns:
        The same findings; those with an allowed code carry the reason and never stop a training.
    """
    return [
        replace(f, allowed=allowed[f.code] or "allowed by the user") if f.code in allowed else f
        for f in findings
    ]


def stopping(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that forbid training: errors that nobody allowed."""
    return [f for f in findings if f.level == "error" and not f.allowed]


def some_of(names: Sequence[str], count: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
