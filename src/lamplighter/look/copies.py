"""Findings about pictures that occur more than once: D139, D140, Y110, S101, S102, S108."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from lamplighter.checks.finding import Level
from lamplighter.look.exhibit import Exhibit, counted, exhibit, verb
from lamplighter.look.near import groups_of
from lamplighter.look.pictures import Picture

ORDER = ("train", "val", "test", "all")
Same = tuple[Picture, ...]
Near = tuple[Picture, Picture, float]


def identical_groups(pictures: Sequence[Picture]) -> list[Same]:
    """Groups of two or more with the same bytes, or the same pixels in different files."""
    by_pixels: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        # the bytes of a file fix its pixels, so a digest of the pixels finds both kinds; what
        # could not be decoded has only its bytes
        mark = picture.facts.pixels or picture.facts.sha256
        if mark and picture.facts.length:
            by_pixels[mark].append(picture)
    return [tuple(group) for group in by_pixels.values() if len(group) > 1]


def identical_exhibits(pictures: Sequence[Picture], *, labelled: bool) -> list[Exhibit]:
    """What identical pictures do to labels and splits.

    Args:
        pictures: all that were looked at.
        labelled: whether labels are classes, so that two for one picture is a fault.
    """
    groups = identical_groups(pictures)
    found = _two_labels(groups) if labelled else []
    found += _across_splits(groups, pictures)
    found += _within_splits(groups)
    return found


def _two_labels(groups: Iterable[Same]) -> list[Exhibit]:
    torn = [group for group in groups if len({p.label for p in group}) > 1]
    if not torn:
        return []
    count = sum(len(group) for group in torn)
    message = (
        f"{counted(len(torn), 'picture lies', 'pictures lie')} under two or more labels"
        f" ({counted(count, 'file')})"
    )
    notes = [" / ".join(sorted({p.label for p in group})) for group in torn]
    fix = "decide on one label each and remove the other files"
    return [exhibit("Y110", "warning", notes[0], message, fix, torn, notes)]


def _across_splits(groups: Sequence[Same], pictures: Sequence[Picture]) -> list[Exhibit]:
    found: list[Exhibit] = []
    for ours, theirs in split_pairs(pictures):
        shared = [
            tuple(p for p in group if p.split in (ours, theirs))
            for group in groups
            if {ours, theirs} <= {p.split for p in group}
        ]
        if not shared:
            continue
        hit = sum(1 for group in shared for p in group if p.split == theirs)
        size = sum(1 for p in pictures if p.split == theirs)
        if (ours, theirs) == ("val", "test") and hit >= 0.9 * size:
            found.append(_test_is_validation(shared, hit, size))
            continue
        level: Level = "error" if hit >= 2 and hit > 0.01 * size else "warning"
        message = (
            f"{hit:,} of {counted(size)} in {theirs} ({hit / size:.1%})"
            f" {verb(hit, 'is', 'are')} also in {ours}, the same bytes or pixels"
        )
        fix = f"remove them from {ours}; until then the score on {theirs} is too good"
        found.append(exhibit("S101", level, f"{ours} and {theirs}", message, fix, shared))
    return found


def _test_is_validation(shared: Sequence[Same], hit: int, size: int) -> Exhibit:
    message = (
        f"{hit:,} of {counted(size)} in test are those of val: one set for choosing and reporting"
    )
    fix = "set aside a third split that nothing is chosen by; until then report no test score"
    return exhibit("S108", "warning", "val and test", message, fix, shared)


def _within_splits(groups: Iterable[Same]) -> list[Exhibit]:
    again: list[Same] = []
    for group in groups:
        by_place: dict[tuple[str, str], list[Picture]] = defaultdict(list)
        for picture in group:
            by_place[picture.split, picture.label].append(picture)
        again += [tuple(same) for same in by_place.values() if len(same) > 1]
    if not again:
        return []
    again.sort(key=len, reverse=True)
    spare = sum(len(group) - 1 for group in again)
    message = (
        f"{counted(len(again), 'picture lies', 'pictures lie')} more than once in the same class"
        f" and split: {counted(spare, 'file')} too many, up to {len(again[0])} of one"
    )
    fix = "keep one of each; copies weigh a picture up and are kept in one split when splitting"
    level: Level = "warning" if len(again[0]) >= 5 else "info"
    return [exhibit("D139", level, again[0][0].label or "all", message, fix, again)]


def near_exhibits(
    pairs: Sequence[Near],
    pictures: Sequence[Picture],
    *,
    labelled: bool,
    alike: bool,
) -> list[Exhibit]:
    """What near duplicates do to splits and labels.

    Args:
        pairs: pictures and how well they agree, best first.
        pictures: all that were looked at.
        labelled: whether labels are classes.
        alike: whether the bar was raised because the pictures are alike by nature.
    """
    found: list[Exhibit] = []
    left = list(pairs)
    for ours, theirs in split_pairs(pictures):
        crossing = [pair for pair in left if {pair[0].split, pair[1].split} == {ours, theirs}]
        if not crossing:
            continue
        left = [pair for pair in left if {pair[0].split, pair[1].split} != {ours, theirs}]
        ordered = [(a, b, s) if a.split == ours else (b, a, s) for a, b, s in crossing]
        hit = len({b.key for _, b, _ in ordered})
        size = sum(1 for p in pictures if p.split == theirs)
        message = (
            f"{hit:,} of {counted(size)} in {theirs} ({hit / size:.1%})"
            f" {verb(hit, 'is a near duplicate', 'are near duplicates')} of pictures in {ours}"
        )
        fix = f"look at the pairs (--html); remove copies from {ours} or score without them"
        found.append(_near("S102", "warning", f"{ours} and {theirs}", message, fix, ordered))
    if labelled:
        torn = [pair for pair in left if pair[0].label != pair[1].label]
        left = [pair for pair in left if pair[0].label == pair[1].label]
        if torn:
            message = f"{counted(len(torn), 'pair')} of near duplicates under different labels"
            fix = "look at the pairs (--html); one of the two labels is wrong, or both are"
            where = " / ".join(sorted({torn[0][0].label, torn[0][1].label}))
            found.append(_near("Y113", "warning", where, message, fix, torn))
    if left:
        count = len({p.key for a, b, _ in left for p in (a, b)})
        message = (
            f"{counted(len(left), 'pair')} of near duplicates ({counted(count)}) within a split"
        )
        if alike:
            message += "; the pictures are alike by nature, only the closest are named"
        fix = "harmless in moderation; keep each pair in one split when you cut again"
        found.append(_near("D140", "info", left[0][0].split, message, fix, left))
    return found


def _near(
    code: str,
    level: Level,
    where: str,
    message: str,
    fix: str,
    pairs: Sequence[Near],
) -> Exhibit:
    pairs = _varied(pairs)
    notes = [f"agreement {score:.2f}" for _, _, score in pairs]
    return exhibit(code, level, where, message, fix, [(a, b) for a, b, _ in pairs], notes)


def _varied(pairs: Sequence[Near]) -> list[Near]:
    """The best pair of every group of copies first, then the second ones, and so on.

    One picture that was copied fifty times would else fill the page alone.
    """
    keys = sorted({picture.key for a, b, _ in pairs for picture in (a, b)})
    places = {key: place for place, key in enumerate(keys)}
    ours = np.array([places[pair[0].key] for pair in pairs])
    theirs = np.array([places[pair[1].key] for pair in pairs])
    group_of = {
        member: number
        for number, group in enumerate(groups_of(ours, theirs, len(keys)))
        for member in group
    }
    before: Counter[int] = Counter()
    ranked = []
    for pair, place in zip(pairs, ours.tolist(), strict=True):
        group = group_of[place]
        ranked.append((before[group], pair))
        before[group] += 1
    return [pair for _, pair in sorted(ranked, key=lambda item: item[0])]


def split_pairs(pictures: Sequence[Picture]) -> list[tuple[str, str]]:
    """The pairs of splits there are, what is trained on before what is scored on."""
    present = {picture.split for picture in pictures}
    known = [split for split in ORDER if split in present]
    return list(combinations(known + sorted(present - set(known)), 2))
