"""The layout of the Chinese PyTorch courses: NAME_image/x.jpg beside NAME_label/x.txt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lamplighter.data.digests import list_faults
from lamplighter.data.example import Example
from lamplighter.data.files import FileSource
from lamplighter.data.folder import enter_wrapping, find_splits
from lamplighter.data.listing import Listing, class_name, list_folder, walk_pictures
from lamplighter.errors import DataError

PICTURES = re.compile(r"(?P<name>.*?)[_-]?(image|images|img|imgs)", re.IGNORECASE)
LABELS = re.compile(r"(?P<name>.*?)[_-]?(label|labels)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """A folder of pictures and the folder of their label files."""

    split: str | None
    pictures: Path
    labels: Path
    prefix: str


def looks_like_label_files(root: Path, *, scored: bool = False) -> bool:
    """Whether some folder NAME_image has a partner NAME_label with text files."""
    pairs, _ = _find_pairs(enter_wrapping(root)[0], scored=scored)
    return bool(pairs)


def open_label_files(root: Path, *, scored: bool = False) -> FileSource:
    """Reads pictures and the one-word label file of each, with or without split folders.

    Args:
        root: an existing folder.
        scored: a model is only judged on it, so there need be no train folder.

    Raises:
        DataError: pictures without a label file, or label files without exactly one line of text.
    """
    listing, entered = enter_wrapping(root)
    pairs, left = _find_pairs(listing, scored=scored)
    found: list[Example] = []
    ignored: list[str] = listing.others + listing.hidden + left
    faults: list[str] = []
    for pair in pairs:
        found += _read_pair(pair, ignored, faults)
    if faults:
        raise DataError(
            list_faults(f"{len(faults):,} pictures have no usable label file", faults),
            where=listing.path,
            fix="expected for each picture NAME_image/x.jpg a file NAME_label/x.txt holding its class",
        )
    splits = [name for name in ("train", "val", "test") if any(p.split == name for p in pairs)]
    layout = "label files" + (f", split {'/'.join(splits)}" if splits else "")
    return FileSource(
        name=class_name(root.resolve().name) or "data",
        layout=layout + (f", inside {entered}/" if entered else ""),
        root=listing.path,
        found=tuple(sorted(found, key=lambda one: one.key)),
        ignored=tuple(ignored),
        notes=tuple(f"{name}/ has no partner folder of label files: left out" for name in left),
    )


def _find_pairs(listing: Listing, *, scored: bool) -> tuple[list[Pair], list[str]]:
    """The pairs below a folder, and its picture folders that have no partner."""
    splits = find_splits(listing, scored=scored)
    if not splits:
        return _pairs_in(listing, None, "")
    pairs: list[Pair] = []
    left: list[str] = []
    for split, name in splits.items():
        more, bare = _pairs_in(list_folder(listing.path / name), split, f"{name}/")
        pairs += more
        left += bare
    return pairs, left


def _pairs_in(listing: Listing, split: str | None, prefix: str) -> tuple[list[Pair], list[str]]:
    labels = {
        match["name"].lower(): name
        for name in listing.folders
        if (match := LABELS.fullmatch(name)) is not None
    }
    pairs: list[Pair] = []
    left: list[str] = []
    for name in listing.folders:
        match = PICTURES.fullmatch(name)
        partner = labels.get(match["name"].lower()) if match else None
        if match is None:
            continue
        if partner is None:
            left.append(f"{prefix}{name}")
        elif _holds_texts(listing.path / partner):
            pairs.append(Pair(split, listing.path / name, listing.path / partner, prefix + name))
    return pairs, left


def _holds_texts(folder: Path) -> bool:
    return any(name.lower().endswith(".txt") for name in list_folder(folder).others)


def _read_pair(pair: Pair, ignored: list[str], faults: list[str]) -> list[Example]:
    found: list[Example] = []
    for key, path in walk_pictures(pair.pictures, pair.prefix, ignored):
        beside = path.relative_to(pair.pictures).with_suffix(".txt")
        label = _read_label(pair.labels / beside, key, faults)
        if label is not None:
            found.append(Example(key=key, label=label, path=path, split=pair.split))
    return found


def _read_label(path: Path, key: str, faults: list[str]) -> str | None:
    name = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        faults.append(f"{key}: no {name}")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{key}: {name} cannot be read ({error})")
    else:
        if text and "\n" not in text:
            return class_name(text)
        faults.append(f"{key}: {name} {'holds several lines' if text else 'is empty'}")
    return None
