"""Whole small programs: each mistake is named with its line, and healthy ones stay silent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

SCRIPTS = Path(__file__).parent / "scripts"
DIRTY = sorted((SCRIPTS / "dirty").glob("*.py"))
HEALTHY = sorted((SCRIPTS / "healthy").glob("*.py"))


def expected_in(path: Path) -> dict[tuple[str, int], str]:
    """What the comments `# <- CODE` and `# <- CODE: words` of a script expect.

    Returns:
        Code and line → words of the message, or nothing.
    """
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := re.search(r"# <- ([^:]+)(?:: (.+))?$", line):
            found |= {(code, number): match[2] or "" for code in match[1].split()}
    return found


@pytest.mark.parametrize("path", DIRTY, ids=lambda path: path.stem)
def test_mistake_is_named_with_its_line(path: Path, observe: Callable[[Path], Watch]) -> None:
    """The findings are those that the script's comments expect, at those lines and in those words."""
    watching = observe(path)
    expected = expected_in(path)
    assert {(f.code, f.line) for f in watching.findings} == expected.keys()
    assert all(expected[f.code, f.line] in f.message for f in watching.findings)
    assert watching.faults == []


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_healthy_program_stays_silent(path: Path, observe: Callable[[Path], Watch]) -> None:
    """A program without mistakes gets no error, and no warning but those that it marks."""
    watching = observe(path)
    assert [f for f in watching.findings if f.level == "error"] == []
    assert {(f.code, f.line) for f in watching.findings if f.level == "warning"} == (
        expected_in(path).keys()
    )
    assert watching.faults == []
    assert watching.steps > 0
