"""`lamp check SCRIPT.py`: the half of `lamp check` that observes a program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lamplighter.listener import Listener


def run_script_check(
    script: str,
    arguments: Sequence[str] = (),
    *,
    steps: int = 100,
    seconds: float = 120.0,
    allowed: dict[str, str] | None = None,
    as_json: bool = False,
    listener: Listener | None = None,
) -> int:
    """Observes a script and prints what was found.

    Args:
        script: path of a Python file.
        arguments: for the script.
        steps: training steps to see in full.
        seconds: wall-clock bound.
        allowed: code → reason.
        as_json: one JSON document on stdout; what the script prints goes to stderr.
        listener: hears the findings; by default they are printed on stderr.

    Returns:
        Exit code: 0 clean, 1 findings at error level or the script failed by itself.
    """
    from lamplighter.cli.screen import Screen, print_json
    from lamplighter.watch.script import check_script

    screen = listener if listener is not None else Screen()
    report = check_script(
        script,
        arguments,
        steps=steps,
        seconds=seconds,
        allowed=allowed,
        talk=sys.stderr if as_json else None,
    )
    for finding in report.findings:
        screen.finding(finding)
    for note in report.notes:
        screen.say(note)
    if report.failure is not None:
        _tell_failure(report.failure, screen)
    if as_json:
        print_json(report.as_json())
    else:
        screen.say(_summary(script, report.findings, report.steps, report.seconds))
    return 0 if report.is_clean() else 1


def _tell_failure(failure: dict[str, str], screen: Listener) -> None:
    trace = failure.get("traceback", "")
    if trace:
        screen.say(trace.rstrip())
    screen.warn(f"the script itself failed: {failure['message']}")
    if explained := failure.get("explanation"):
        screen.say(explained)


def _summary(script: str, findings: Sequence[object], steps: int, seconds: float) -> str:
    count = len(findings)
    found = "nothing found" if not count else f"{count} finding{'s' if count > 1 else ''}"
    return f"{script}: {found} in {steps} training steps, {seconds:.1f} s"
