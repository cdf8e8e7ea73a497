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


def expected_in(path: Path) -> set[tuple[str, int]]:
    """Codes and lines that a script's comments `# <- CODE` expect."""
    found = set()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := re.search(r"# <- (.+)$", line):
            found |= {(code, number) for code in match[1].split()}
    return found


@pytest.mark.parametrize("path", DIRTY, ids=lambda path: path.stem)
def test_mistake_is_named_with_its_line(path: Path, observe: Callable[[Path], Watch]) -> None:
    """The findings are those that the script's comments expect, at those lines, and no others."""
    watching = observe(path)
    assert {(f.code, f.line) for f in watching.findings} == expected_in(path)
    assert watching.faults == []


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_healthy_program_stays_silent(path: Path, observe: Callable[[Path], Watch]) -> None:
    """A program without mistakes gets no error, and no warning but those that it marks."""
    watching = observe(path)
    assert [f for f in watching.findings if f.level == "error"] == []
    assert {(f.code, f.line) for f in watching.findings if f.level == "warning"} == expected_in(
        path
    )
    assert watching.faults == []
    assert watching.steps > 0
