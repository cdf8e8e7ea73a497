"""What lies in a folder: pictures, sub-folders, and what is passed over."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from lamplighter.errors import DataError
from lamplighter.images.decode import ENDINGS

PASSED_OVER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir"})


@dataclass
class Listing:
    """One folder, not its sub-folders; names sorted."""

    path: Path
    folders: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def list_folder(path: Path) -> Listing:
    """Lists one folder with a single system call per batch of entries.

    Raises:
        DataError: the folder cannot be listed.
    """
    listing = Listing(path)
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                _sort_in(entry, listing)
    except OSError as error:
        raise DataError(
            f"the folder cannot be listed: {error.strerror or error}",
            where=path,
            fix=f"let this user read it, or name the data without it: ls -ld {path}",
        ) from error
    for names in (listing.folders, listing.pictures, listing.others, listing.hidden):
        names.sort()
    return listing


def _sort_in(entry: os.DirEntry[str], listing: Listing) -> None:
    name = entry.name
    if name.startswith(".") or name.lower() in PASSED_OVER:
        listing.hidden.append(name)
    elif entry.is_dir():
        listing.folders.append(name)
    elif is_picture_name(name):
        listing.pictures.append(name)
    else:
        listing.others.append(name)


def is_picture_name(name: str) -> bool:
    """Whether the ending is one of a picture format that is read."""
    return os.path.splitext(name)[1].lower() in ENDINGS  # noqa: PTH122


def walk_pictures(folder: Path, prefix: str, ignored: list[str]) -> list[tuple[str, Path]]:
    """All pictures below a folder as (key, path), in the order of their keys.

    Args:
        folder: where to start.
        prefix: the key of `folder` itself, such as "train/ants".
        ignored: receives the keys of what is passed over.

    Raises:
        DataError: a folder cannot be listed.
    """
    found: list[tuple[str, Path]] = []
    seen: set[tuple[int, int]] = set()
    waiting = [(folder, prefix)]
    while waiting:
        here, key = waiting.pop()
        try:
            status = here.stat()
        except OSError as error:
            raise DataError(
                f"the folder cannot be listed: {error.strerror or error}",
                where=here,
                fix="give a folder that you may read",
            ) from error
        # a link back to a folder already walked would otherwise never end
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        listing = list_folder(here)
        found += [(f"{key}/{name}", here / name) for name in listing.pictures]
        ignored += [f"{key}/{name}" for name in listing.others + listing.hidden]
        waiting += [(here / name, f"{key}/{name}") for name in listing.folders]
    found.sort()
    return found


def class_name(folder_name: str) -> str:
    """A folder's name as a class: composed Unicode, so that "é" is the same from every disk."""
    return unicodedata.normalize("NFC", folder_name).strip()
