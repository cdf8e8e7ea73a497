"""What the facts of all pictures amount to: every kind of finding, gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lamplighter.checks.finding import Finding, worst_first
from lamplighter.data.example import Collection, Source
from lamplighter.listener import Listener
from lamplighter.look.bundles import bundle_exhibits
from lamplighter.look.classes import beside_exhibits, class_exhibits
from lamplighter.look.content import content_exhibits, crop_exhibits
from lamplighter.look.copies import identical_exhibits, near_exhibits
from lamplighter.look.exhibit import Exhibit
from lamplighter.look.facts import GREY_SIDE, Facts
from lamplighter.look.files import file_exhibits
from lamplighter.look.near import near_duplicates
from lamplighter.look.pictures import Picture, Scan
from lamplighter.look.times import time_exhibits


def judge(
    scan: Scan,
    source: Source,
    *,
    whole: bool,
    size: int,
    resize: int,
    fit: str,
    near: bool,
    listener: Listener,
) -> tuple[list[Exhibit], bool]:
    """(everything that was found, in no order; whether the person let it finish)."""
    pictures = scan.pictures
    labelled = any(p.label for p in pictures) and not any(
        isinstance(p.example.label, float) for p in pictures
    )
    exhibits = file_exhibits(pictures, size) + content_exhibits(pictures)
    exhibits += crop_exhibits(pictures, size=size, resize=resize, fit=fit)
    exhibits += identical_exhibits(pictures, labelled=labelled)
    # counts of a sample would say nothing about the classes
    if labelled and whole:
        exhibits += class_exhibits(pictures)
    exhibits += beside_exhibits(source) + bundle_exhibits(pictures) + time_exhibits(pictures)
    if near and scan.complete:
        try:
            exhibits += _near(pictures, labelled, listener)
        except KeyboardInterrupt:
            listener.warn("stopped: near duplicates were not searched to the end")
            return exhibits, False
    return exhibits, True


def _near(pictures: Sequence[Picture], labelled: bool, listener: Listener) -> list[Exhibit]:
    """Near duplicates among pictures that are not identical already."""
    once: dict[str, Picture] = {}
    for picture in pictures:
        if picture.facts.seen:
            once.setdefault(picture.facts.pixels, picture)
    unique = list(once.values())
    if len(unique) < 2:
        return []
    greys = np.stack([picture.facts.grey_array() for picture in unique])
    sides = np.array([min(p.facts.width, p.facts.height) for p in unique])
    pairs, alike = near_duplicates(greys, small_N=sides < GREY_SIDE, listener=listener)
    named = [(unique[pair.ours], unique[pair.theirs], pair.agreement) for pair in pairs]
    return near_exhibits(named, pictures, labelled=labelled, alike=alike)


def judge_by_digests(collection: Collection, findings: Sequence[Finding]) -> list[Finding]:
    """The findings of a sample, those about identical pictures and class sizes made for all."""
    pictures = [
        Picture(
            example if example.split == split else replace(example, split=split),
            split,
            Facts(sha256=collection.digests.get(example.key, ""), length=1),
        )
        for split, examples in collection.splits.items()
        for example in examples
    ]
    labelled = collection.task == "classification"
    exhibits = identical_exhibits(pictures, labelled=labelled)
    if labelled:
        exhibits += class_exhibits(pictures)
    replaced = ("D139", "S101", "S108", "Y110")
    kept = [finding for finding in findings if finding.code not in replaced]
    return worst_first([*kept, *(exhibit.finding for exhibit in exhibits)])


def worst_exhibits(exhibits: Sequence[Exhibit]) -> list[Exhibit]:
    places = {id(exhibit.finding): exhibit for exhibit in exhibits}
    return [places[id(finding)] for finding in worst_first(e.finding for e in exhibits)]
