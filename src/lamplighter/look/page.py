"""The look as one self-contained HTML page, readable on a phone and without a network."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from lamplighter.checks.catalogue import CATALOGUE
from lamplighter.errors import LamplighterError, UsageError
from lamplighter.images.decode import to_mode
from lamplighter.images.geometry import FITS, Fit
from lamplighter.images.preprocess import Preprocess
from lamplighter.listener import SILENT, Listener
from lamplighter.look.exhibit import Exhibit
from lamplighter.look.pictures import Picture
from lamplighter.look.verdict import Look
from lamplighter.machine import cores
from lamplighter.version import __version__

THUMBNAIL = 200
QUALITY = 78
GROUPS_SHOWN = 60
IN_GROUP = 6
SAMPLES = 6
CLASSES_SHOWN = 40
TEMPLATE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Shown:
    """One picture on the page; `said` is what its key does not tell already."""

    uri: str
    key: str
    label: str
    said: str


def write_page(look: Look, path: str | Path, *, listener: Listener = SILENT) -> Path:
    """Writes the page.

    Args:
        look: what to show.
        path: file to write; its folder is made.
        listener: hears the progress.

    Returns:
        The path.

    Raises:
        UsageError: the file cannot be written.
    """
    target = Path(path)
    text = render_page(look, listener=listener)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            f"the page cannot be written: {error.strerror or error}",
            where=target,
            fix="name another file with --html",
        ) from error
    return target


def render_page(look: Look, *, listener: Listener = SILENT) -> str:
    """The page as text; everything from outside is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["megabytes"] = lambda count: f"{count / 2**20:,.1f} MB"
    pictures = _wanted(look)
    uris = _uris(look, pictures, listener)
    cut = next((e for e in look.exhibits if e.finding.code == "T106"), None)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        look=look,
        version=__version__,
        findings=[_finding(exhibit, uris) for exhibit in look.exhibits if exhibit is not cut]
        + ([_finding(cut, _cut_uris(look, cut)) | {"wide": True}] if cut else []),
        samples=[
            (name, [_shown(picture, uris) for picture in some])
            for name, some in _samples(look.pictures).items()
        ],
        codes=[
            (code, CATALOGUE[code].title)
            for code in sorted({exhibit.finding.code for exhibit in look.exhibits})
        ],
        classes=[name for name in look.classes if name],
        table=_table(look),
        most=max((sum(per.values()) for per in look.classes.values()), default=1),
    )


def _wanted(look: Look) -> list[Picture]:
    """Every picture that the page shows, once."""
    shown = {
        picture.key: picture
        for exhibit in look.exhibits
        for group in exhibit.groups[:GROUPS_SHOWN]
        for picture in group[:IN_GROUP]
    }
    for some in _samples(look.pictures).values():
        shown |= {picture.key: picture for picture in some}
    return list(shown.values())


def _samples(pictures: Sequence[Picture]) -> dict[str, list[Picture]]:
    """class → a few of its pictures, evenly spread."""
    by_class: dict[str, list[Picture]] = {}
    for picture in pictures:
        if picture.facts.seen:
            by_class.setdefault(picture.label, []).append(picture)
    return {
        name: members[:: max(1, len(members) // SAMPLES)][:SAMPLES]
        for name, members in sorted(by_class.items())[:CLASSES_SHOWN]
    }


def open_small(look: Look, picture: Picture, side: int = THUMBNAIL) -> Image.Image | None:
    """The picture, upright, RGB, its longer side at most `side`; None where it cannot be read."""
    if not picture.facts.seen:
        return None
    try:
        rgb = to_mode(look.source.open(picture.example), 3)
    except LamplighterError:
        return None
    rgb.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if max(rgb.size) < side // 2:
        # tiny pictures are enlarged in whole steps, so that their pixels can be seen
        factor = side // max(rgb.size)
        rgb = rgb.resize((rgb.width * factor, rgb.height * factor), Image.Resampling.NEAREST)
    return rgb


def _uris(look: Look, pictures: Sequence[Picture], listener: Listener) -> dict[str, str]:
    def one(picture: Picture) -> str:
        small = open_small(look, picture)
        return _uri(small) if small else ""

    with (
        listener.bar("drawing the page", len(pictures)) as bar,
        ThreadPoolExecutor(min(8, cores())) as pool,
    ):
        return {
            p.key: uri for p, uri in zip(pictures, bar.over(pool.map(one, pictures)), strict=True)
        }


def _cut_uris(look: Look, exhibit: Exhibit) -> dict[str, str]:
    """The whole pictures, with what the crop leaves drawn as a frame on what it cuts."""
    found = {}
    for group in exhibit.groups[:GROUPS_SHOWN]:
        small = open_small(look, group[0])
        found[group[0].key] = _uri(_framed(small)) if small else ""
    return found


def _framed(small: Image.Image) -> Image.Image:
    side = min(small.size)
    left, top = (small.width - side) // 2, (small.height - side) // 2
    dark = small.point([level // 3 for level in range(256)] * 3)
    box = (left, top, left + side, top + side)
    dark.paste(small.crop(box), box[:2])
    ImageDraw.Draw(dark).rectangle(
        (left, top, left + side - 1, top + side - 1), outline=(255, 200, 0), width=2
    )
    return dark


def _uri(picture: Image.Image) -> str:
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode("ascii")


def _shown(picture: Picture, uris: Mapping[str, str]) -> Shown:
    folders = set(picture.key.split("/")[:-1])
    split = "" if picture.split == "all" else picture.split
    said = " · ".join(part for part in (split, picture.label) if part and part not in folders)
    return Shown(uris.get(picture.key, ""), picture.key, picture.label, said)


def _finding(exhibit: Exhibit, uris: Mapping[str, str]) -> dict[str, Any]:
    groups = []
    for place, group in enumerate(exhibit.groups[:GROUPS_SHOWN]):
        note = exhibit.notes[place] if exhibit.notes else ""
        if len(group) > IN_GROUP:
            note += f" (first {IN_GROUP} of {len(group)})"
        groups.append(([_shown(picture, uris) for picture in group[:IN_GROUP]], note))
    labels = sorted({picture.label for group in exhibit.groups for picture in group})
    return {
        "finding": exhibit.finding,
        "groups": groups,
        "left": max(0, len(exhibit.groups) - GROUPS_SHOWN),
        "paths": () if exhibit.groups else exhibit.finding.paths[:GROUPS_SHOWN],
        "labels": labels,
        "pairs": any(len(group) > 1 for group in exhibit.groups),
        "wide": False,
    }


def _table(look: Look) -> list[tuple[str, list[int], int]]:
    return [
        (name or "(no class)", [per.get(split, 0) for split in look.splits], sum(per.values()))
        for name, per in look.classes.items()
    ]


def preprocess_of(size: int, fit: str) -> Preprocess:
    """What validation would do to a picture at this size and fit."""
    chosen: Fit = next((known for known in FITS if known == fit), "crop")
    return Preprocess(size=size, fit=chosen)
