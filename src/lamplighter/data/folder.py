"""Class folders: ROOT/<class>/*, or ROOT/<split>/<class>/*."""

from __future__ import annotations

from pathlib import Path

from lamplighter.data.example import SPLIT_WORDS, Example
from lamplighter.data.files import FileSource
from lamplighter.data.listing import Listing, class_name, list_folder, walk_pictures
from lamplighter.errors import DataError


def open_folder(root: Path, *, scored: bool = False) -> FileSource:
    """Reads class folders, with or without split folders above them.

    A lone folder in between (ROOT/dataset/<class>) is entered, and the layout says so.

    Args:
        root: an existing folder.
        scored: a model is only judged on it, so there need be no train folder.

    Raises:
        DataError: no class folders, two folders for one split, or no train folder.
    """
    listing, entered = enter_wrapping(root)
    splits = find_splits(listing, scored=scored)
    ignored: list[str] = listing.others + listing.hidden
    notes: list[str] = []
    if splits:
        found, empty = _read_splits(listing, splits, ignored, notes)
        layout = f"class folders, split {'/'.join(splits)}"
    else:
        _refuse_no_classes(listing)
        found, empty = _read_classes(listing, "", None, ignored)
        ignored += listing.pictures
        layout = "class folders"
    if entered:
        layout += f", inside {entered}/"
    return FileSource(
        name=class_name(root.resolve().name) or "data",
        layout=layout,
        root=listing.path,
        found=tuple(found),
        ignored=tuple(ignored),
        empty_classes=tuple(empty),
        notes=tuple(notes),
    )


def enter_wrapping(root: Path) -> tuple[Listing, str]:
    """The listing to work on, and the lone folder that was entered to get there, if any."""
    listing = list_folder(root)
    names: list[str] = []
    while len(listing.folders) == 1 and not listing.pictures and len(names) < 4:
        name = listing.folders[0]
        inner = list_folder(listing.path / name)
        # a single class of pictures is not a wrapping, nor is a lone train folder
        if name.lower() in SPLIT_WORDS or not inner.folders or inner.pictures:
            break
        names.append(name)
        listing = inner
    return listing, "/".join(names)


def find_splits(listing: Listing, *, scored: bool = False) -> dict[str, str]:
    """Split → name of its folder; empty when the folders are not splits.

    A `test` or `val` without a train folder beside other folders is a class of that name.

    Args:
        scored: there need be no train folder.

    Raises:
        DataError: two folders for one split, or only val and test.
    """
    found: dict[str, str] = {}
    for name in listing.folders:
        split = SPLIT_WORDS.get(name.lower())
        if split is None:
            continue
        if split in found:
            raise DataError(
                f"both {found[split]}/ and {name}/ mean the split {split!r}; expected one",
                where=listing.path,
                fix="rename or remove one of them",
            )
        found[split] = name
    if found and "train" not in found:
        if len(found) < len(listing.folders):
            return {}
        if scored:
            return {split: found[split] for split in ("val", "test") if split in found}
        raise DataError(
            f"found {' and '.join(f'{name}/' for name in found.values())} but no train/",
            where=listing.path,
            fix=f"give the folder that holds train/; to judge a model on it: lamp evaluate RUN {listing.path}",
        )
    return {split: found[split] for split in ("train", "val", "test") if split in found}


def _read_splits(
    listing: Listing, splits: dict[str, str], ignored: list[str], notes: list[str]
) -> tuple[list[Example], list[str]]:
    found: list[Example] = []
    empty: list[str] = []
    for split, name in list(splits.items()):
        inner = list_folder(listing.path / name)
        ignored += [f"{name}/{other}" for other in inner.others + inner.hidden + inner.pictures]
        if not inner.folders and split == "train":
            raise DataError(
                f"{name}/ holds {_counted(inner)} and no class folders", where=inner.path, fix=HINT
            )
        if not inner.folders:
            # what competitions hand out: test pictures whose labels are kept back
            notes.append(f"{name}/ has no class folders ({_counted(inner)}): left out")
            del splits[split]
            continue
        more, bare = _read_classes(inner, f"{name}/", split, ignored)
        found += more
        if split == "train":
            empty += bare
    others = [name for name in listing.folders if name not in splits.values()]
    left = [name for name in others if name.lower() not in SPLIT_WORDS]
    if left:
        told = "/, ".join(splits.values())
        notes.append(f"beside {told}/, these folders are left out: {', '.join(left)}")
    ignored += others + listing.pictures
    return found, empty


def _read_classes(
    listing: Listing, prefix: str, split: str | None, ignored: list[str]
) -> tuple[list[Example], list[str]]:
    found: list[Example] = []
    empty: list[str] = []
    for name in listing.folders:
        label = class_name(name)
        pictures = walk_pictures(listing.path / name, f"{prefix}{name}", ignored)
        found += [Example(key=key, label=label, path=path, split=split) for key, path in pictures]
        if not pictures:
            empty.append(f"{prefix}{name}")
    return found, empty


HINT = "expected ROOT/<class>/*.jpg or ROOT/train/<class>/*.jpg; a table of labels works too: lamp train labels.csv"


def _refuse_no_classes(listing: Listing) -> None:
    if listing.folders:
        return
    if not listing.pictures and not listing.others:
        raise DataError("the folder is empty; expected pictures", where=listing.path, fix=HINT)
    raise DataError(f"found {_counted(listing)} and no class folders", where=listing.path, fix=HINT)


def _counted(listing: Listing) -> str:
    pictures, others = len(listing.pictures), len(listing.others)
    told = "1 picture" if pictures == 1 else f"{pictures:,} pictures"
    if others:
        told += ", 1 other file" if others == 1 else f", {others:,} other files"
    return told
