"""The documentation of findings is what its generator makes today."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.skipif(not DOCS.is_dir(), reason="the sources of the documentation are not here")
def test_docs_of_findings_are_up_to_date() -> None:
    """docs/findings holds exactly what docs/generate_findings.py writes."""
    made = runpy.run_path(str(DOCS / "generate_findings.py"))["texts"]()
    there = {p.name: p.read_text(encoding="utf-8") for p in (DOCS / "findings").glob("*.md")}
    assert there == made, "run: python docs/generate_findings.py"
