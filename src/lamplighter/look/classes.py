"""Findings about classes and what lies beside them: Y103, Y112, D132, D133, D134."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from lamplighter.checks.finding import Level
from lamplighter.data.example import Source
from lamplighter.evaluation.intervals import wilson
from lamplighter.look.exhibit import Exhibit, counted, exhibit, verb
from lamplighter.look.pictures import Picture

Counts = Mapping[str, Mapping[str, int]]
UNEQUAL = 20.0
UNEQUAL_TOLD = 5.0
# with fewer pictures than this, one more right answer moves the accuracy by over ten points
TOO_FEW = 10
FEW = 30
# the share that a split of ours would set aside for validation
SET_ASIDE = 0.2
NAMED = 6


def class_counts(pictures: Sequence[Picture]) -> dict[str, dict[str, int]]:
    """class → split → pictures, both sorted.

    A picture under several labels counts for each of them, one under none for no class; numbers
    are no classes and count together, as pictures without labels do.
    """
    counts: Counter[tuple[str, str]] = Counter(
        (name, picture.split) for picture in pictures for name in picture.names
    )
    table: dict[str, dict[str, int]] = {}
    for (label, split), count in sorted(counts.items()):
        table.setdefault(label, {})[split] = count
    return table


def class_exhibits(pictures: Sequence[Picture]) -> list[Exhibit]:
    """What the numbers of pictures per class and split tell."""
    counts = class_counts(pictures)
    found = _unknown(counts)
    if len(counts) > 1:
        several = any(isinstance(picture.example.label, tuple) for picture in pictures)
        found += _unequal(counts, several=several) + _too_few(counts)
    return found


def _unknown(counts: Counts) -> list[Exhibit]:
    """Y103: classes of val or test that train has not, and the other way round."""
    splits = {split for per_split in counts.values() for split in per_split}
    if "train" not in splits:
        return []
    found = []
    for split in sorted(splits - {"train"}):
        new = [name for name, per in counts.items() if split in per and "train" not in per]
        missing = [name for name, per in counts.items() if "train" in per and split not in per]
        if new:
            message = f"{split} has {counted(len(new), 'class', 'classes')} that train has not: {_named(new)}"
            fix = "a network cannot answer what it never saw: rename, move or remove them"
            found.append(exhibit("Y103", "error", split, message, fix, ()))
        if missing:
            message = f"{split} lacks {counted(len(missing), 'class', 'classes')} of train: {_named(missing)}"
            fix = f"no score can be told for them; add pictures to {split}"
            found.append(exhibit("Y103", "warning", split, message, fix, ()))
    return found


def _unequal(counts: Counts, *, several: bool) -> list[Exhibit]:
    split = "train" if any("train" in per for per in counts.values()) else "all"
    sizes = {name: per[split] for name, per in counts.items() if per.get(split)}
    if len(sizes) < 2:
        return []
    most, least = max(sizes, key=lambda n: sizes[n]), min(sizes, key=lambda n: sizes[n])
    ratio = sizes[most] / sizes[least]
    if ratio < UNEQUAL_TOLD:
        return []
    level: Level = "warning" if ratio >= UNEQUAL else "info"
    message = (
        f"{most} has {sizes[most]:,} pictures, {least} {sizes[least]:,}: {ratio:.0f} times as many"
    )
    if not several:
        share = sizes[most] / sum(sizes.values())
        message += f"; always saying {most} would be right {share:.0%} of the time"
    fix = "weigh the classes or sample them evenly, and judge by recall per class, not accuracy"
    return [exhibit("Y112", level, split, message, fix, ())]


def _too_few(counts: Counts) -> list[Exhibit]:
    """Y112: classes whose score would be chance."""
    splits = {split for per in counts.values() for split in per}
    scored = next((split for split in ("val", "test") if split in splits), None)
    whole = scored is None
    split = scored or ("all" if "all" in splits else "train")
    sizes = {n: round(per.get(split, 0) * (SET_ASIDE if whole else 1)) for n, per in counts.items()}
    small = sorted((n for n, size in sizes.items() if size < FEW), key=lambda n: sizes[n])
    small = [name for name in small if sizes[name] or whole]
    if not small:
        return []
    least = max(1, sizes[small[0]])
    low, high = wilson(round(0.9 * least), least)
    level: Level = "warning" if least < TOO_FEW else "info"
    told = f"a fifth of {split} would be" if whole else f"{split} has"
    message = (
        f"{counted(len(small), 'class is', 'classes are')} too small to score well: {told}"
        f" {counted(least)} of {small[0]}, and {round(0.9 * least)} right out of {least} would mean"
        f" anything from {low:.0%} to {high:.0%} ({_named(small)})"
    )
    fix = "gather more, or read the score of these classes only with its interval"
    return [exhibit("Y112", level, split, message, fix, ())]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def beside_exhibits(source: Source) -> list[Exhibit]:
    """Hidden and foreign files and empty classes, as the source noted them."""
    ignored = [str(key) for key in getattr(source, "ignored", ())]
    empty = [str(key) for key in getattr(source, "empty_classes", ())]
    hidden = [key for key in ignored if _is_hidden(key)]
    foreign = [key for key in ignored if not _is_hidden(key)]
    found = []
    if hidden:
        message = (
            f"{counted(len(hidden), 'hidden file')} {verb(len(hidden), 'is', 'are')} passed over"
        )
        found.append(
            _listed("D132", "info", message, "nothing to do; remove them if you like", hidden)
        )
    if foreign:
        message = f"{counted(len(foreign), 'entry', 'entries')} {verb(len(foreign), 'is', 'are')} no picture and left out"
        fix = "nothing to do, unless they were meant to be pictures"
        found.append(_listed("D133", "info", message, fix, foreign))
    if empty:
        message = f"{counted(len(empty), 'class has', 'classes have')} no pictures: {_named(empty)}"
        fix = "fill or remove the folder; an answer that never occurs costs nothing but confuses"
        found.append(_listed("D134", "warning", message, fix, empty))
    return found


def _listed(code: str, level: Level, message: str, fix: str, keys: Sequence[str]) -> Exhibit:
    from lamplighter.checks.finding import Finding

    folders = sorted({str(PurePosixPath(key).parent) for key in keys})
    where = folders[0] if len(folders) == 1 and folders[0] != "." else "beside the pictures"
    return Exhibit(Finding(code, level, where, message, fix, tuple(keys)))


def _is_hidden(key: str) -> bool:
    from lamplighter.data.listing import PASSED_OVER

    name = PurePosixPath(key).name
    return name.startswith(".") or name.lower() in PASSED_OVER
