"""Runs a user's script in a process of its own and brings back what was found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamplighter.checks.catalogue import allowed_codes
from lamplighter.checks.finding import Finding, stopping, worst_first
from lamplighter.checks.finding import allow as mark_allowed
from lamplighter.errors import RunFailed, UsageError


@dataclass(frozen=True, slots=True)
class ScriptReport:
    """What one observed run of a script showed.

    Args:
        script: as it was asked for.
        findings: worst first.
        checks: how many codes were looked for.
        steps: optimizer steps that ran.
        seconds: wall-clock time of the script under observation.
        end: "finished", "enough" (ended here), "failed" or "interrupted".
        failure: message and traceback of the script's own exception, if it failed.
        notes: sentences about what could not be seen.
    """

    script: str
    findings: list[Finding]
    checks: int
    steps: int
    seconds: float
    end: str
    failure: dict[str, str] | None = None
    notes: list[str] = field(default_factory=list)

    def is_clean(self) -> bool:
        """Whether nothing forbids going on and the script did not fail."""
        return not stopping(self.findings) and self.end != "failed"

    def as_json(self) -> dict[str, Any]:
        """The stable form of `lamp check SCRIPT --json`, without the version."""
        document: dict[str, Any] = {
            "script": self.script,
            "findings": [finding.as_json() for finding in self.findings],
            "checks": self.checks,
            "steps": self.steps,
            "seconds": self.seconds,
            "end": self.end,
            "notes": self.notes,
        }
        if self.failure:
            document["failure"] = self.failure
        return document


def check_script(
    script: str,
    arguments: Sequence[str] = (),
    *,
    steps: int = 100,
    seconds: float = 120.0,
    allow: Mapping[str, str] | Iterable[str] = (),
    talk: Any = None,
) -> ScriptReport:
    """Runs a script under observation.

    Args:
        script: path of a Python file.
        arguments: what it finds in `sys.argv[1:]`.
        steps: training steps to see in full; loaders are cut short so that the program goes on
            to its evaluation and its end.
        seconds: wall-clock bound for the whole program.
        allow: codes that are wanted, or code → reason.
        talk: file that gets what the script prints; None: it prints where it always does.

    Returns:
        The findings and how the program ended.

    Raises:
        UsageError: there is no such file.
        RunFailed: the process died without a word.
    """
    if not Path(script).is_file():
        raise UsageError("there is no such file", where=script, fix="give a Python file")
    allowed = allowed_codes(allow)
    document = _observe(script, arguments, steps, seconds, talk)
    notes = []
    if document["end"] == "failed" and document["cut"]:
        # a program may count on every batch; what it does when left alone is the truth about it
        left = max(10.0, seconds - document["seconds"])
        whole = _observe(script, arguments, 0, left, talk)
        notes = [
            "the script failed once its loaders were cut short "
            f"({document['failure']['message']}), so it was run again with every batch"
        ]
        document = whole
    return _report(script, document, allowed, notes)


def _observe(
    script: str, arguments: Sequence[str], steps: int, seconds: float, talk: Any
) -> dict[str, Any]:
    """The document of one observed run in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="lamp-check-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "lamplighter.watch.child", "--result", str(result)]
        command += ["--steps", str(steps), "--seconds", str(seconds), script, *arguments]
        done = subprocess.run(command, stdout=talk, env=_environment(), check=False)
        if not result.exists():
            raise RunFailed(
                f"the script's process ended with code {done.returncode} before it could report",
                where=script,
                fix=f"see whether it runs by itself: {Path(sys.executable).name} {script}",
            )
        document: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return document


def _report(
    script: str, document: dict[str, Any], allowed: dict[str, str], notes: list[str]
) -> ScriptReport:
    findings = [Finding(**(row | {"paths": tuple(row["paths"])})) for row in document["findings"]]
    notes += [f"a watcher failed and saw less: {fault}" for fault in document["faults"]]
    if not document["steps"] and document["end"] != "failed":
        notes.append(
            "no optimizer made a step: the script does not train, or it changes its weights in a "
            "way that is not followed"
        )
    return ScriptReport(
        script,
        worst_first(mark_allowed(findings, allowed)),
        document["checks"],
        document["steps"],
        document["seconds"],
        document["end"],
        _explained(document["failure"]),
        notes,
    )


def _explained(failure: dict[str, str] | None) -> dict[str, str] | None:
    """The script's own failure, with what `lamp explain` says about its traceback."""
    if failure is None or "traceback" not in failure:
        return failure
    from lamplighter.explain.tracebacks import explain_traceback

    explanation = explain_traceback(failure["traceback"])
    if explanation is None:
        return failure
    told = [f"{explanation.title}: {explanation.meaning}"]
    told += [f"  → {fix}" for fix in explanation.fixes]
    return failure | {"explanation": "\n".join(told)}


def _environment() -> dict[str, str]:
    house = str(Path(__file__).resolve().parents[2])
    others = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in (house, others) if p)}
