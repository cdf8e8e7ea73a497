"""The look at a data set, from the first file to the verdict. READ FIRST."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lamplighter.checks.finding import LEVELS, Finding
from lamplighter.data.example import Collection, Example, Source
from lamplighter.errors import DataError, Interrupted, UsageError
from lamplighter.images.geometry import FITS
from lamplighter.listener import SILENT, Listener
from lamplighter.look.classes import class_counts
from lamplighter.look.exhibit import Exhibit, counted
from lamplighter.look.judge import judge, judge_by_digests, worst_exhibits
from lamplighter.look.pictures import Picture, scan_source
from lamplighter.look.store import Store
from lamplighter.machine import cache_folder
from lamplighter.version import __version__

MOST_AT_START = 10_000  # pictures that a training looks at before it begins


@dataclass(frozen=True)
class Look:
    """The verdict on a data set, and what it rests on.

    Args:
        name: of the source.
        layout: what was recognised.
        files: how many pictures were looked at.
        total: how many there are.
        classes: class → split → pictures.
        splits: split → pictures.
        sizes: figures of width, height, aspect and bytes; counts of formats, modes, orientations.
        exhibits: findings with their pictures, worst first.
        pictures: all that were looked at.
        source: opens the pictures again.
        complete: False when it was stopped or limited.
        stopped: True when the person stopped it.
        seconds: how long it took.
    """

    name: str
    layout: str
    files: int
    total: int
    classes: Mapping[str, Mapping[str, int]]
    splits: Mapping[str, int]
    sizes: Mapping[str, Any]
    exhibits: Sequence[Exhibit] = field(repr=False)
    pictures: Sequence[Picture] = field(repr=False)
    source: Source = field(repr=False)
    complete: bool = True
    stopped: bool = False
    seconds: float = 0.0

    @property
    def findings(self) -> list[Finding]:
        """What was found, worst first."""
        return [exhibit.finding for exhibit in self.exhibits]

    @property
    def verdict(self) -> str:
        """One sentence: may this be trained on, and what has to be seen to first."""
        levels = Counter(finding.level for finding in self.findings)
        what = counted(self.files)
        classes = len([name for name in self.classes if name])
        if classes:
            what += f" in {counted(classes, 'class', 'classes')}"
        if self.files < self.total:
            what += f" (of {self.total:,}: not all were looked at)"
        elif not self.complete:
            what += " (stopped before all near duplicates were searched)"
        if levels["error"]:
            faults = counted(levels["error"], "fault")
            return f"Not ready: {what}, {faults} to mend before training."
        if levels["warning"]:
            doubts = counted(levels["warning"], "thing")
            return f"Usable, with doubts: {what}, {doubts} to look at first."
        return f"Looks sound: {what}, nothing to mend."

    def as_json(self) -> dict[str, Any]:
        """The stable form of `lamp look --json`."""
        return {
            "lamplighter": __version__,
            "verdict": self.verdict,
            "layout": self.layout,
            "files": self.files,
            "classes": {name: dict(per) for name, per in self.classes.items()},
            "splits": dict(self.splits),
            "sizes": dict(self.sizes),
            "findings": [finding.as_json() for finding in self.findings],
            "complete": self.complete,
            "total": self.total,
            "seconds": round(self.seconds, 2),
        }


def look(
    data: Collection | Source | str | Path,
    *,
    size: int = 224,
    fit: str = "crop",
    resize: int | None = None,
    limit: int | None = None,
    lot: bool = False,
    labels: bool = False,
    near: bool = True,
    cache: bool = True,
    data_root: str | Path | None = None,
    listener: Listener = SILENT,
) -> Look:
    """Looks at every picture of a data set once and says what is wrong with it.

    Args:
        data: a collection, a source, or what names one.
        size: side of the network's input, pixels.
        fit: "crop", "squash" or "pad": how pictures are brought to that size.
        resize: length of the shorter side before a centre crop, pixels; None: `size`.
        limit: look at this many pictures only, spread evenly; None: all.
        lot: choose those of a limit by lot instead, see `by_lot`.
        labels: also suspect wrong labels (Y111; takes longer).
        near: also search near duplicates.
        cache: keep facts in the user's cache folder, so that a second look is quick.
        data_root: where known sets lie, when `data` names one.
        listener: hears the progress.

    Returns:
        The verdict; what was known until then, marked incomplete, when the person stopped it.

    Raises:
        DataError: the data cannot be used at all.
        UsageError: `size`, `fit` or `limit` is out of bounds.
    """
    started = time.monotonic()
    _refuse_settings(size, fit, limit)
    source, examples = _examples_of(data, data_root)
    chosen = by_lot(examples, limit or len(examples)) if lot else _spread(examples, limit)
    store = Store(cache_folder() if cache else None)
    try:
        scan = scan_source(source, chosen, store=store, listener=listener)
    finally:
        store.close()
    exhibits, finished = judge(
        scan,
        source,
        whole=len(scan.pictures) == len(examples),
        size=size,
        resize=resize or size,
        fit=fit,
        near=near,
        listener=listener,
    )
    complete = finished and scan.complete and len(scan.pictures) == len(examples)
    if labels and scan.complete:
        from lamplighter.look.suspects import suspect_exhibits

        exhibits += suspect_exhibits(scan.pictures, listener=listener)
    return Look(
        name=source.name,
        layout=source.layout,
        files=len(scan.pictures),
        total=len(examples),
        classes=class_counts(scan.pictures),
        splits=dict(sorted(Counter(p.split for p in scan.pictures).items(), key=_split_order)),
        sizes=_sizes(scan.pictures),
        exhibits=worst_exhibits(exhibits),
        pictures=scan.pictures,
        source=source,
        complete=complete,
        stopped=not (finished and scan.complete),
        seconds=time.monotonic() - started,
    )


def scan(
    collection: Collection,
    *,
    size: int = 224,
    fit: str = "crop",
    resize: int | None = None,
    most: int = MOST_AT_START,
    most_near: int = 5_000,
    listener: Listener = SILENT,
) -> list[Finding]:
    """The findings that a training begins with: bounded, and not repeated for the same data.

    Args:
        collection: what will be trained on, with the splits that will be used.
        size, fit, resize: how pictures are brought to the network's input.
        most: of more pictures than this, so many, drawn by lot, stand for all; identical files
            are sought among all by the digests that the collection holds.
        most_near: near duplicates are searched in collections up to this many pictures only.
        listener: hears the progress, and what was left out.

    Returns:
        The findings, worst first; from the cache when the same files were judged before.

    Raises:
        Interrupted: the person stopped it.
    """
    total = sum(len(split) for split in collection.splits.values())
    key = f"{fingerprint(collection)}-{size}-{fit}-{resize}-{most}-{most_near}-{__version__}"
    store = Store(cache_folder())
    try:
        known = store.verdict(key)
        if known is not None:
            return [Finding(**{**row, "paths": tuple(row["paths"])}) for row in json.loads(known)]
        wanted = min(most, total)
        near = total <= most_near
        seen = look(
            collection, size=size, fit=fit, resize=resize, limit=wanted, lot=True,
            near=near, listener=listener,
        )  # fmt: skip
        if seen.files < wanted or (not seen.complete and wanted == total):
            raise Interrupted("stopped while looking at the data")
        _say_skipped(seen, near, listener)
        findings = list(seen.findings)
        if wanted < total:
            findings = judge_by_digests(collection, findings)
        store.keep_verdict(key, json.dumps([f.as_json() for f in findings]))
        return findings
    finally:
        store.close()


def _say_skipped(seen: Look, near: bool, listener: Listener) -> None:
    """What a bounded look left out, and where to get it."""
    left = []
    if seen.files < seen.total:
        left.append(f"{seen.files:,} of {seen.total:,} pictures were looked at")
    if not near:
        left.append("near duplicates were not searched")
    if left:
        listener.say(
            f"data: {' and '.join(left)}, so that training starts soon; lamp look does all"
        )


def fingerprint(collection: Collection) -> str:
    """SHA-256 (hex) over keys, labels, splits and contents: changes whenever the data does."""
    import hashlib

    digest = hashlib.sha256()
    for split, examples in sorted(collection.splits.items()):
        for example in examples:
            content = collection.digests.get(example.key, "")
            row = (split, example.key, example.label, example.group, str(example.path), content)
            digest.update(repr(row).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _refuse_settings(size: int, fit: str, limit: int | None) -> None:
    if fit not in FITS:
        raise UsageError(
            f"fit is one of {', '.join(FITS)}, got {fit!r}", where="--fit", fix="--fit crop"
        )
    if not 1 <= size <= 16384:
        raise UsageError(
            f"size is between 1 and 16384 pixels, got {size}", where="--size", fix="--size 224"
        )
    if limit is not None and limit < 1:
        raise UsageError(
            f"limit is at least 1, got {limit}",
            where="--limit",
            fix="--limit 1000, or leave it out",
        )


def _examples_of(
    data: Collection | Source | str | Path, data_root: str | Path | None
) -> tuple[Source, list[Example]]:
    """The source, and its examples with the splits that the collection gave them."""
    if isinstance(data, str | Path):
        from lamplighter.look.loose import open_for_look

        data = open_for_look(data, data_root=data_root)
    if isinstance(data, Collection):
        placed = [
            example if example.split == split else replace(example, split=split)
            for split, examples in data.splits.items()
            for example in examples
        ]
        source, examples = data.source, placed
    else:
        source, examples = data, list(data.examples())
    if not examples:
        raise DataError(
            "there are no pictures in it; expected at least one",
            where=source.root or source.name,
            fix="expected ROOT/<class>/*.jpg or ROOT/train/<class>/*.jpg",
        )
    return source, examples


def _spread(examples: Sequence[Example], limit: int | None) -> list[Example]:
    if limit is None or limit >= len(examples):
        return list(examples)
    places = np.linspace(0, len(examples) - 1, limit).round().astype(int)
    return [examples[place] for place in sorted(set(places.tolist()))]


def by_lot(examples: Sequence[Example], most: int) -> list[Example]:
    """At most so many, in their order; their names are the lot.

    Whatever order or split examples come in, the same are chosen, so that a look ahead of the
    splitting measures what the training will ask for.
    """
    if most >= len(examples):
        return list(examples)
    lots = [zlib.crc32(os.fsencode(example.key)) for example in examples]
    return [examples[place] for place in sorted(np.argsort(lots, kind="stable")[:most].tolist())]


def _split_order(item: tuple[str, int]) -> int:
    known = ("train", "val", "test")
    return known.index(item[0]) if item[0] in known else len(known)


def _sizes(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Figures of what the files are like."""
    seen = [picture.facts for picture in pictures if picture.facts.width]
    told: dict[str, Any] = {}
    for name, values in (
        ("width", [f.width for f in seen]),
        ("height", [f.height for f in seen]),
        ("aspect", [round(f.width / f.height, 3) for f in seen]),
        ("bytes", [p.facts.length for p in pictures]),
    ):
        if values:
            middle = float(np.median(values))
            told[name] = {"min": min(values), "median": middle, "max": max(values)}
    for name, texts in (
        ("formats", [f.format or "in memory" for f in seen]),
        ("modes", [f.mode for f in seen]),
        ("orientations", [str(f.orientation) for f in seen]),
    ):
        told[name] = dict(Counter(texts).most_common())
    return told


__all__ = ["LEVELS", "Look", "fingerprint", "look", "scan"]
