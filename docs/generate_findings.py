"""Writes docs/findings from the pages that `lamp explain` shows: `python docs/generate_findings.py`."""

from __future__ import annotations

from pathlib import Path

import lamplighter.checks
from lamplighter.checks.catalogue import CATALOGUE, FAMILIES, Code

HERE = Path(__file__).parent / "findings"
SOURCE = Path(lamplighter.checks.__file__).parent / "pages"
MADE = "<!-- made by docs/generate_findings.py from src/lamplighter/checks/pages -->\n\n"
MOMENTS = {
    "S": "on the objects, before anything runs",
    "B": "on a few batches before training",
    "R": "while training runs",
    "E": "at evaluation",
    "A": "on the saved artifact",
    "T": "in the source text",
}


def texts() -> dict[str, str]:
    """File name → text, for every page of docs/findings."""
    pages = {f"{code}.md": _page(row) for code, row in CATALOGUE.items()}
    return {"README.md": _index(), **pages}


def _page(row: Code) -> str:
    text = (SOURCE / f"{row.code}.md").read_text(encoding="utf-8")
    when = "; ".join(MOMENTS[letter] for letter in row.when)
    heading, _, rest = text.partition("\n")
    return f"{MADE}{heading}\n\nLevel: {row.level}. Looked for: {when}.\n{rest}"


def _index() -> str:
    parts = [MADE + "# Findings\n\nThe same pages are shown by `lamp explain CODE`.\n"]
    for letter, name in FAMILIES.items():
        rows = [row for row in CATALOGUE.values() if row.family == letter]
        if not rows:
            continue
        lines = [
            f"| [{row.code}]({row.code}.md) | {row.title} | {row.level} "
            f"| {'planned' if row.status == 'planned' else ''} |"
            for row in rows
        ]
        head = "| code | mistake | level | |\n|---|---|---|---|"
        parts.append(f"## {letter}: {name}\n\n" + "\n".join([head, *lines]) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Writes every page that has changed, and removes pages of codes that are gone."""
    HERE.mkdir(exist_ok=True)
    made = texts()
    for name, text in made.items():
        page = HERE / name
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
    for page in HERE.glob("*.md"):
        if page.name not in made:
            page.unlink()


if __name__ == "__main__":
    main()
