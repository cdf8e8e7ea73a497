"""A finding with the pictures that show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lamplighter.checks.finding import Finding, Level
from lamplighter.look.pictures import Picture

Group = tuple[Picture, ...]


@dataclass(frozen=True)
class Exhibit:
    """A finding, and its pictures in groups: one each, or those that belong side by side.

    Args:
        finding: what was found; its paths are those of the groups, in order.
        groups: pictures to show; single ones for faults of files, pairs for copies.
        notes: a few words under each group, or none at all.
    """

    finding: Finding
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()


def path_of(picture: Picture) -> str:
    """What a person can open: the path, or the key of a picture held in memory."""
    return str(picture.example.path or picture.key)


def exhibit(
    code: str,
    level: Level,
    where: str,
    message: str,
    fix: str,
    groups: Iterable[Sequence[Picture]],
    notes: Iterable[str] = (),
) -> Exhibit:
    """An exhibit whose finding lists the paths of its groups."""
    kept = tuple(tuple(group) for group in groups)
    paths = tuple(path_of(picture) for group in kept for picture in group)
    return Exhibit(Finding(code, level, where, message, fix, paths), kept, tuple(notes))


def counted(count: int, one: str = "picture", many: str = "") -> str:
    """ "1 picture", "2,000 pictures"."""
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def verb(count: int, one: str, many: str) -> str:
    """The form of a verb that fits a count."""
    return one if count == 1 else many


def splits_told(pictures: Sequence[Picture]) -> str:
    """The splits that pictures are of, such as "train, val"."""
    return ", ".join(sorted({picture.split for picture in pictures}, key=split_order))


def split_order(split: str) -> tuple[int, str]:
    """What splits are sorted by: what is trained on first, unknown names last."""
    known = ("all", "train", "val", "test")
    return (known.index(split) if split in known else len(known), split)
