"""The page in a real browser: its script runs, its filters filter, nothing sticks out on a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import ImageOps

from lamplighter.look.page import write_page
from lamplighter.look.verdict import look

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium to look with")


class Cards(HTMLParser):
    """code → files of the groups that can be seen, of a page after its script ran."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[str]] = {}
        self._code = ""
        self._group_hidden = False

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "details":
            self._code = "" if "hidden" in given else given["data-code"]
            if self._code:
                self.seen[self._code] = []
        elif given.get("class") == "group":
            self._group_hidden = "hidden" in given
        elif tag == "img" and self._code and not self._group_hidden:
            self.seen[self._code].append(Path(given["alt"]).name)

    def handle_endtag(self, tag):
        if tag == "details":
            self._code = ""


def browse(page: Path, home: Path, part: str = "", width: int = 1280) -> str:
    """The page's markup after its script ran, in a window of this width."""
    done = subprocess.run(
        [
            BROWSER,
            *FLAGS,
            f"--user-data-dir={home}",
            f"--window-size={width},900",
            "--dump-dom",
            page.as_uri() + part,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory, drawn_once, draw):
    """A set with a mirrored copy among cats, and one picture under both labels."""
    root = Path(shutil.copytree(drawn_once, tmp_path_factory.mktemp("paged") / "photos"))
    draw(912).save(root / "train/cats/there.jpg")
    ImageOps.mirror(draw(912)).save(root / "train/cats/back.jpg")
    draw(913).save(root / "train/cats/pet.jpg")
    shutil.copy(root / "train/cats/pet.jpg", root / "train/dogs/pet2.jpg")
    draw(914).resize((40, 36)).save(root / "train/dogs/tiny.png")
    return write_page(look(root, size=128, cache=False), root.parent / "page.html")


@pytest.mark.parametrize(
    ("part", "seen"),
    [
        ("", {"D130": {"tiny.png"}, "D140": {"there.jpg", "back.jpg"}, "Y110": {"pet.jpg", "pet2.jpg"}}),
        ("#code=D140", {"D140": {"there.jpg", "back.jpg"}}),
        ("#label=dogs", {"D130": {"tiny.png"}, "Y110": {"pet.jpg", "pet2.jpg"}}),
        ("#code=D140&label=dogs", {}),
        ("#code=nonsense", {"D130": {"tiny.png"}, "D140": {"there.jpg", "back.jpg"}, "Y110": {"pet.jpg", "pet2.jpg"}}),
    ],
    ids=["all", "code", "class", "both", "unknown"],
)  # fmt: skip
def test_the_filters_leave_what_fits(part, seen, page, tmp_path):
    """Only the cards of the code and the pairs of the class stay; an unknown filter is none."""
    text = browse(page, tmp_path, part)
    cards = Cards()
    cards.feed(text)
    assert {code: set(files) for code, files in cards.seen.items()} == seen
    hint = re.search(r'<p[^>]*id="nothing"[^>]*>', text)
    assert hint
    assert ("hidden" in hint[0]) == bool(seen)


def test_nothing_sticks_out_on_a_phone(page, tmp_path):
    """At 390 pixels the page is as wide as the window; a frame of that width measures it."""
    measure = tmp_path / "measure.html"
    inner = page.read_text(encoding="utf-8")
    probe = "<script>document.title = document.documentElement.scrollWidth</script>"
    measure.write_text(
        f'<iframe width="390" height="800" style="border:0" srcdoc="{_quoted(inner + probe)}"'
        ' onload="document.title = this.contentDocument.title"></iframe>',
        encoding="utf-8",
    )
    title = re.search(r"<title>(\d+)</title>", browse(measure, tmp_path / "home"))
    assert title
    assert int(title[1]) <= 390


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;")
