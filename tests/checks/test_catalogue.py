"""The catalogue, its pages and the code say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lamplighter.checks
from lamplighter.checks.catalogue import CATALOGUE, FAMILIES, found

CHECKS = Path(lamplighter.checks.__file__).parent
PAGES = CHECKS / "pages"
HEADINGS = [
    "## What it means",
    "## How it is detected",
    "## How to mend it",
    "## When to ignore it",
]


def codes_in_source() -> set[str]:
    """Every code that some room of the house writes out, apart from the table itself."""
    texts = [
        path.read_text(encoding="utf-8")
        for path in CHECKS.parent.rglob("*.py")
        if path.name != "catalogue.py"
    ]
    return {code for text in texts for code in re.findall(r'"([A-Z]\d{3})"', text)}


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_code_has_a_page_with_all_its_parts(code: str) -> None:
    """A page opens with code and title, and answers the four questions with wrong and right."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}: {CATALOGUE[code].title}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert "Wrong:\n\n```\n" in text
    assert "Right:\n\n```\n" in text


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_page_says_whether_anything_looks_for_its_code(code: str) -> None:
    """A planned code says so on its page, and a ready one does not."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert ("This check is planned" in text) == (CATALOGUE[code].status == "planned")


def test_each_page_belongs_to_a_code() -> None:
    """No page is left over from a code that is gone."""
    assert {page.stem for page in PAGES.glob("*.md")} == set(CATALOGUE)


def test_ready_codes_are_in_the_source_and_planned_ones_are_not() -> None:
    """The status of each code is what the source shows."""
    written = codes_in_source()
    ready = {code for code, row in CATALOGUE.items() if row.status == "ready"}
    assert ready - written == set()
    assert (set(CATALOGUE) - ready) & written == set()
    assert {code for code in written if code[0] in FAMILIES} <= set(CATALOGUE)


def test_a_finding_takes_the_level_of_its_code() -> None:
    """`found` uses the catalogue's level unless this case is less grave."""
    assert found("L101", "loss", "message", "fix").level == "error"
    assert found("L101", "loss", "message", "fix", level="info").level == "info"
    with pytest.raises(KeyError):
        found("Z999", "", "", "")


def test_the_catalogue_needs_no_torch() -> None:
    """`lamp explain` answers fast because the table imports no torch."""
    program = "import sys, lamplighter.checks.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
