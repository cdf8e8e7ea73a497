"""`lamp check SCRIPT.py`: the half of `lamp check` that observes a program."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lamplighter.listener import Listener

if TYPE_CHECKING:
    from lamplighter.watch.script import ScriptReport


def run_script_check(
    script: str,
    arguments: Sequence[str] = (),
    *,
    steps: int = 100,
    seconds: float = 120.0,
    allow: Mapping[str, str] | Iterable[str] = (),
    as_json: bool = False,
    listener: Listener | None = None,
) -> int:
    """Observes a script and prints what was found.

    Args:
        script: path of a Python file.
        arguments: for the script.
        steps: training steps to see in full.
        seconds: wall-clock bound.
        allow: codes that are wanted, or code → reason.
        as_json: one JSON document on stdout; what the script prints goes to stderr.
        listener: hears the talk; by default it is printed on stderr.

    Returns:
        Exit code: 0 clean, 1 findings at error level or the script failed by itself.
    """
    from rich.console import Console

    from lamplighter.cli.screen import Screen, print_finding, print_json
    from lamplighter.watch.script import check_script

    screen = listener if listener is not None else Screen()
    report = check_script(
        script,
        arguments,
        steps=steps,
        seconds=seconds,
        allow=allow,
        talk=sys.stderr if as_json else None,
    )
    if not as_json:
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for finding in report.findings:
            print_finding(finding, console)
    for note in report.notes:
        screen.say(note)
    if report.failure is not None:
        _tell_failure(report.failure, screen)
    if as_json:
        print_json(report.as_json())
    else:
        print(_summary(report))
    return 0 if report.is_clean() else 1


def _tell_failure(failure: dict[str, str], screen: Listener) -> None:
    trace = failure.get("traceback", "")
    if trace:
        screen.say(trace.rstrip())
    screen.warn(f"the script itself failed: {failure['message']}")
    if explained := failure.get("explanation"):
        screen.say(explained)


def _summary(report: ScriptReport) -> str:
    counts = [
        sum(f.level == level and not f.allowed for f in report.findings)
        for level in ("error", "warning")
    ]
    allowed = sum(bool(f.allowed) for f in report.findings)
    return (
        f"{report.script}: {report.checks} checks over {report.steps} training steps in "
        f"{report.seconds:.1f} s: {counts[0]} errors, {counts[1]} warnings"
        + (f", {allowed} allowed" if allowed else "")
    )
