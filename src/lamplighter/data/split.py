"""Source → collection: labels settled, splits cut or kept, classes aligned by name."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection as Some
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lamplighter.data.align import align
from lamplighter.data.cut import cut, form_units
from lamplighter.data.digests import digest_all
from lamplighter.data.example import SPLITS, Collection, Example, Source
from lamplighter.data.labels import settle
from lamplighter.errors import DataError, UsageError
from lamplighter.listener import SILENT, Listener

# Below these a test split would be too small to say anything, and training needs the pictures.
TEST_FROM = 200
TEST_FROM_PER_CLASS = 7
BINS = 10


def collect(
    source: Source,
    *,
    val: float | None = None,
    test: float | None = None,
    seed: int = 0,
    group: bool = True,
    task: str = "auto",
    skip: Some[str] = frozenset(),
    listener: Listener = SILENT,
) -> Collection:
    """Sorts a source's examples into splits and classes.

    Splits that the source names are kept. Without any, train/val/test are cut 70/15/15, or
    train/val 80/20 when there are too few pictures for a test split. With train and test only,
    val is cut from train: 10 % unless asked otherwise. Test data is never cut up.

    Args:
        source: what yields the examples.
        val: fraction for validation, over 0 and under 1; None: as above.
        test: fraction for the test split, 0 to under 1; None: as above.
        seed: changes which examples go where.
        group: keep examples of one group together.
        task: "auto", "classification", "multilabel" or "regression".
        skip: keys to leave out (unreadable files).
        listener: hears what was done.

    Raises:
        DataError: nothing there, one class, an empty class, labels that do not fit the task, or a
            class that train does not know.
        UsageError: the fractions leave nothing to train on.
    """
    _refuse_fractions(val, test)
    for note in source.notes:
        listener.warn(note)
    examples = [one for one in source.examples() if one.key not in skip]
    _refuse_nothing(source, examples)
    task, examples = settle(examples, task, source)
    digests = digest_all(source, examples, listener)
    examples = _beside_copies(examples, digests)
    shares = _shares(examples, val, test)
    free = _to_cut(examples, shares)
    if shares:
        strata = _strata(free, task, digests)
        units = form_units(free, digests, strata, seed=seed, group=group)
        placed = cut(units, shares)
        examples = [replace(one, split=placed.get(one.key, one.split)) for one in examples]
    splits = {name: tuple(one for one in examples if one.split == name) for name in SPLITS}
    splits = {name: members for name, members in splits.items() if members}
    classes = align(splits, task, source, listener)
    made = tuple(name for name in SPLITS if name in shares and name in splits)
    if free and free[0].split is None:
        made = ("train", *made)
    said = _said(source, splits, made, seed)
    listener.say(said)
    return Collection(source, task, classes, splits, digests, made, said, shares)


def fingerprint(collection: Collection) -> str:
    """SHA-256 (hex) over the sorted (content, label, split) of all examples.

    It stays the same when files are renamed or listed in another order.
    """
    lines = sorted(
        f"{collection.digests[one.key]}\t{one.label!r}\t{name}"
        for name, members in collection.splits.items()
        for one in members
    )
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _beside_copies(examples: Sequence[Example], digests: Mapping[str, str]) -> list[Example]:
    """Puts an example without a split beside its byte-identical copy that has one.

    Joined sources may hold the same picture, one of them with splits of its own: cutting the other
    freely would put copies of training pictures into validation.
    """
    fixed: dict[str, str] = {}
    for split in reversed(SPLITS):  # train wins where copies lie in several splits already
        fixed |= {digests[one.key]: split for one in examples if one.split == split}
    return [
        replace(one, split=fixed.get(digests[one.key])) if one.split is None else one
        for one in examples
    ]


def _refuse_fractions(val: float | None, test: float | None) -> None:
    if val is not None and not 0 < val < 1:
        raise UsageError(
            f"the fraction for val lies between 0 and 1, got {val:g}",
            where="--val-share",
            fix="the best epoch is chosen by it: --val-share 0.1, or leave it out",
        )
    if test is not None and not 0 <= test < 1:
        raise UsageError(
            f"the fraction for test lies between 0 and 1, got {test:g}",
            where="--test-share",
            fix="--test-share 0.15, or 0 for none",
        )
    if (val or 0) + (test or 0) >= 1:
        raise UsageError(
            f"val {val} and test {test} together leave nothing to train on",
            where="--val-share",
            fix="--val-share 0.15 --test-share 0.15",
        )


def _refuse_nothing(source: Source, examples: Sequence[Example]) -> None:
    if not examples:
        raise DataError(
            "no pictures found"
            + (f"; {len(source.ignored):,} other files are there" if source.ignored else ""),
            where=source.root or source.name,
            fix="expected pictures (.jpg, .png, .gif, .bmp, .webp, .tif, …) in class folders",
        )
    if source.empty_classes:
        names = list(source.empty_classes)
        told = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
        raise DataError(
            f"{'a class folder holds' if len(names) == 1 else f'{len(names)} class folders hold'} no picture: {told}",
            where=source.root or source.name,
            fix="put pictures there, or remove the folder if it is no class",
        )


def _shares(examples: Sequence[Example], val: float | None, test: float | None) -> dict[str, float]:
    """Which splits to cut, and how large; empty when the source's own are kept."""
    named = Counter(one.split for one in examples)
    free = named[None]
    if free == len(examples) or set(named) <= {"train", None}:
        if test is None:
            test = 0.15 if _enough_for_test(examples) and val is None else 0.0
        val = val if val is not None else (0.15 if test else 0.2)
        return {"val": val, "test": test} if test else {"val": val}
    if "train" not in named and not free:
        raise DataError(
            f"only {' and '.join(str(name) for name in named)} examples, none to train on",
            fix="mark some as train in the split column, or give the train folder",
        )
    shares: dict[str, float] = {}
    if "val" not in named:
        shares["val"] = val if val is not None else 0.1
    if "test" not in named and test:
        shares["test"] = test
    if free and not shares:
        shares = {"val": val if val is not None else 0.15}
    return shares


def _to_cut(examples: Sequence[Example], shares: Mapping[str, float]) -> list[Example]:
    """Examples without a split; train too, when a split must come out of it that nobody named."""
    named = {one.split for one in examples}
    opened = {None, "train"} if set(shares) - named else {None}
    cut_up = [one for one in examples if shares and one.split in opened]
    return sorted(cut_up, key=lambda one: one.split is not None)


def _enough_for_test(examples: Sequence[Example]) -> bool:
    counts = Counter(one.label for one in examples if isinstance(one.label, str))
    return len(examples) >= TEST_FROM and all(n >= TEST_FROM_PER_CLASS for n in counts.values())


def _strata(
    examples: Sequence[Example], task: str, digests: Mapping[str, str]
) -> Mapping[str, Sequence[str]]:
    """Key → what its split should be balanced over: classes, or tenths of the labels' range."""
    if task == "regression":
        ranked = sorted(examples, key=lambda one: (float(one.label), digests[one.key]))  # type: ignore[arg-type]
        bins = max(min(BINS, len(ranked) // 5), 1)
        return {one.key: (f"{i * bins // len(ranked)}",) for i, one in enumerate(ranked)}
    if task == "multilabel":
        return {one.key: tuple(one.label) or ("",) for one in examples}  # type: ignore[arg-type]
    return {one.key: (str(one.label),) for one in examples}


def _said(
    source: Source, splits: Mapping[str, Sequence[Example]], made: tuple[str, ...], seed: int
) -> str:
    counts = ", ".join(f"{name} {len(members):,}" for name, members in splits.items())
    if "train" in made:
        how = f"cut by Lamplighter, split seed {seed}"
    elif made:
        how = f"{' and '.join(made)} cut from train by Lamplighter, split seed {seed}"
    else:
        how = "as they lie"
    without = "" if "test" in splits else "; no test split"
    return f"{source.name}: {source.layout}; {counts} ({how}{without})"
