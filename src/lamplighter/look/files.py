"""Findings about single files: D120 to D131, and D137 about their names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from lamplighter.checks.finding import Level
from lamplighter.look.exhibit import Exhibit, counted, exhibit, splits_told, verb
from lamplighter.look.facts import Facts
from lamplighter.look.pictures import Picture

EXTREME_ASPECT = 3.0
ENDINGS_OF: dict[str, frozenset[str]] = {
    "JPEG": frozenset({".jpg", ".jpeg", ".jpe", ".jfif"}),
    "MPO": frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"}),
    "PNG": frozenset({".png", ".apng"}),
    "GIF": frozenset({".gif"}),
    "BMP": frozenset({".bmp", ".dib"}),
    "DIB": frozenset({".bmp", ".dib"}),
    "WEBP": frozenset({".webp"}),
    "TIFF": frozenset({".tif", ".tiff"}),
    "PPM": frozenset({".ppm", ".pgm", ".pbm", ".pnm"}),
    "JPEG2000": frozenset({".jp2", ".j2k", ".jpx"}),
    "AVIF": frozenset({".avif", ".avifs"}),
}
PLAIN_MODES = frozenset({"1", "L", "RGB", "RGBA", "LA", "P", "PA", "RGBX", "La", "RGBa"})
RESERVED = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]|[ .]$|^[ -]')
DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)


class Rule(NamedTuple):
    """One look at the facts of one file.

    Attributes:
        code: stable code.
        level: its level.
        holds: (facts, ending, size of the network's input) → whether it is so.
        says: what is wrong, after "12 pictures"; one form for one, another for many.
        fix: what to do.
        note: words under each picture.
    """

    code: str
    level: Level
    holds: Callable[[Facts, str, int], bool]
    says: tuple[str, str]
    fix: str
    note: Callable[[Facts], str]


def _wrong_ending(facts: Facts, ending: str, _: int) -> bool:
    return bool(facts.format and ending) and ending not in ENDINGS_OF.get(facts.format, {ending})


def _deep(facts: Facts, *_: object) -> bool:
    return facts.mode.startswith("I") or facts.mode == "F"


def _tiny(facts: Facts, _: str, size: int) -> bool:
    return facts.seen and min(facts.width, facts.height) < size


def _aspect(facts: Facts) -> float:
    return max(facts.width, facts.height) / max(1, min(facts.width, facts.height))


RULES: tuple[Rule, ...] = (
    Rule(
        "D120", "error",
        lambda f, *_: f.fault in ("unreadable", "missing"),
        ("cannot be read", "cannot be read"),
        "replace or remove them; --allow D120 trains without them",
        lambda f: f.reason,
    ),
    Rule(
        "D121", "error",
        lambda f, *_: f.fault == "empty",
        ("has no bytes", "have no bytes"),
        "fetch them again, or remove them",
        lambda _: "0 bytes",
    ),
    Rule(
        "D122", "error",
        lambda f, *_: f.fault == "bomb",
        ("has too many pixels and was not decoded", "have too many pixels and were not decoded"),
        "make them smaller if they are wanted; a small file of huge size may be an attack",
        lambda f: f.reason,
    ),
    Rule(
        "D123", "info", _wrong_ending,
        ("is of another format than its ending says", "are of another format than their endings say"),
        "read here by content; other tools go by the ending: rename them",
        lambda f: f"is {f.format}",
    ),
    Rule(
        "D124", "info",
        lambda f, *_: f.orientation != 1,
        ("is stored turned (EXIF orientation)", "are stored turned (EXIF orientation)"),
        "turned upright here and in predict; your own loader must do it too: ImageOps.exif_transpose",
        lambda f: f"orientation {f.orientation}",
    ),
    Rule(
        "D125", "info",
        lambda f, *_: f.mode in ("P", "PA") and f.format not in ("GIF",),
        ("has a palette", "have a palette"),
        "converted to RGB here; without that the numbers are palette places, not colours",
        lambda f: f"mode {f.mode}",
    ),
    Rule(
        "D126", "warning",
        lambda f, *_: bool(f.mode) and f.mode not in PLAIN_MODES and not _deep(f),
        ("is in another colour space than RGB or grey", "are in another colour space than RGB or grey"),
        "converted to RGB without a colour profile; convert them yourself where colour matters",
        lambda f: f"mode {f.mode}",
    ),
    Rule(
        "D127", "warning", _deep,
        ("has more than 8 bits per pixel", "have more than 8 bits per pixel"),
        "brought to 8 bits here, which loses depth; scale them yourself where it matters",
        lambda f: f"mode {f.mode}",
    ),
    Rule(
        "D128", "info",
        lambda f, *_: f.see_through,
        ("is partly transparent", "are partly transparent"),
        "laid on white here; many loaders make it black instead",
        lambda f: f"mode {f.mode}",
    ),
    Rule(
        "D129", "info",
        lambda f, *_: f.frames > 1 and f.format != "MPO",
        ("holds several frames", "hold several frames"),
        "only the first frame is used; take the frames out if each is wanted",
        lambda f: f"{f.frames} frames",
    ),
    Rule(
        "D130", "info", _tiny,
        ("is smaller than the network's input", "are smaller than the network's input"),
        "enlarging adds no detail: a smaller --size costs less and may serve as well",
        lambda f: f"{f.width} × {f.height}",
    ),
    Rule(
        "D131", "warning",
        lambda f, *_: f.seen and _aspect(f) > EXTREME_ASPECT,
        ("is more than 3 times as long as wide", "are more than 3 times as long as wide"),
        "a crop cuts most of them away: --fit pad, or cut them into pieces",
        lambda f: f"{f.width} × {f.height}",
    ),
)  # fmt: skip


def file_exhibits(pictures: Sequence[Picture], size: int) -> list[Exhibit]:
    """What single files show, one exhibit per code.

    Args:
        pictures: all that were looked at.
        size: side of the network's input, pixels.
    """
    found = []
    for rule in RULES:
        hit = [p for p in pictures if rule.holds(p.facts, _ending(p), size)]
        if not hit:
            continue
        message = f"{counted(len(hit))} {verb(len(hit), *rule.says)}"
        notes = [rule.note(p.facts) for p in hit]
        kinds = Counter(notes).most_common(3)
        if len(hit) == 1:
            message += f" ({notes[0]})"
        elif kinds[0][1] > 1:
            message += f" ({', '.join(f'{note}: {n:,}' for note, n in kinds if n > 1)})"
        where = splits_told(hit)
        found.append(
            exhibit(rule.code, rule.level, where, message, rule.fix, [(p,) for p in hit], notes)
        )
    return found + _name_exhibits(pictures)


def _ending(picture: Picture) -> str:
    return picture.example.path.suffix.lower() if picture.example.path else ""


def _name_exhibits(pictures: Sequence[Picture]) -> list[Exhibit]:
    """D137: names that another system or tool would refuse or confuse."""
    hit: list[tuple[Picture, str]] = []
    folded: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.example.path is None:
            continue
        folded[unicodedata.normalize("NFC", picture.key).casefold()].append(picture)
        if reason := _bad_name(picture.key):
            hit.append((picture, reason))
    for same in folded.values():
        if len(same) > 1:
            hit += [
                (picture, "differs from another name only in case or accents") for picture in same
            ]
    if not hit:
        return []
    message = (
        f"{counted(len(hit), 'name')} {verb(len(hit), 'breaks', 'break')} on other systems or tools"
    )
    fix = "rename them before the data travels"
    groups = [(picture,) for picture, _ in hit]
    where = splits_told([picture for picture, _ in hit])
    return [exhibit("D137", "info", where, message, fix, groups, [reason for _, reason in hit])]


def _bad_name(key: str) -> str:
    """Why a name is trouble, or an empty text."""
    for part in PurePosixPath(key).parts:
        if any("\udc80" <= letter <= "\udcff" for letter in part):
            return "is not UTF-8"
        if RESERVED.search(part):
            return "holds a character that Windows or shells refuse"
        if part.split(".")[0].lower() in DEVICES:
            return "is a device name on Windows"
        if len(part.encode("utf-8", "replace")) > 200:
            return "is longer than 200 bytes"
    return ""
