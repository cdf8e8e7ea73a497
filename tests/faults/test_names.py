"""Names that no program expects, through look, train, evaluate and predict (R11)."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

NAMES = {
    "arabic": ("قطط", "كلاب", "صورة"),
    "emoji": ("🐱🐈‍⬛", "🐶🦴", "📷"),
    "long": ("a" * 250, "b" * 250, "c" * 245),
    "newlines": ("one\ntwo", "three\r\nfour", "p\nq"),
    "right to left": ("a\u202egpj.b", "\u200fx\u2067y", "gnp.\u202e"),
    "html": ("<script>alert(1)</script>".replace("/", "\u2215"), "&amp;\"'>", "<img src=x onerror=y>"),
    "ansi": ("\x1b[2J\x1b[31mred", "\x1b]0;title\x07b", "\x07\x08"),
    "spaces": (" lead", "tra il ", "two  spaces"),
    "quotes": ('a"b', "c'd,e;f", "$(touch x)`y`"),
    "formula": ("=1+1", "@SUM(A1)", "+cmd|' "),
    "bytes": ("caf\udce9", "na\udcffve", "p\udc80"),
    "dashes": ("--help", "-", "--json"),
}  # fmt: skip
FEW = ["arabic", "emoji", "long", "newlines", "ansi", "bytes", "html", "formula"]


class Strict(HTMLParser):
    """Notes the scripts and event handlers of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handlers += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]


def odd(kind: str, lamp: Any, place: Path) -> None:
    from PIL import Image

    first, second, stem = NAMES[kind]
    root = place / f"data {stem}"[:200]
    for label, shade in ((first, 30), (second, 200)):
        folder = root / label
        folder.mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (12, 12), (shade + number, shade, number)).save(
                folder / f"{stem}{number}.png"
            )
    before = sorted(p for p in root.rglob("*"))
    train = ("train", str(root), "--model", "tutorial_cnn", "--size", "16", "--epochs", "1",
             "--allow", "S103", "--checks", "off")  # fmt: skip
    ended = lamp.run(place, "look", str(root), "--json")
    assert ended.code in (0, 1), ended.said
    ended = lamp.run(place, *train)
    assert ended.code == 0, ended.said
    said = ended.said
    assert "Traceback" not in said
    run = next(p for p in (place / "runs").iterdir() if p.is_dir())
    for command in (("evaluate", str(run)), ("predict", str(run), "--", str(root / first))):
        ended = lamp.run(place, *command)
        assert ended.code == 0, ended.said
        said += ended.said
    assert ("import their columns as text" in said) == (kind in ("formula", "dashes"))
    assert "\x1b" not in said
    assert "\u202e" not in said
    for path in run.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    page = (run / "report.html").read_text(encoding="utf-8")
    strict = Strict()
    strict.feed(page)
    assert strict.handlers == []
    assert "<script>alert" not in page
    with (run / "predictions.csv").open(newline="", encoding="utf-8", errors="replace") as file:
        rows = list(csv.reader(file))
    assert len({len(row) for row in rows}) == 1
    assert sorted(p for p in root.rglob("*")) == before


@pytest.mark.parametrize("kind", FEW)
def test_names(kind: str, lamp: Any, tmp_path: Path) -> None:
    """The job is done as with any other name; pages, tables and JSON stay sound."""
    odd(kind, lamp, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("kind", [kind for kind in NAMES if kind not in FEW])
def test_more_names(kind: str, lamp: Any, tmp_path: Path) -> None:
    """The same with other names."""
    odd(kind, lamp, tmp_path)
