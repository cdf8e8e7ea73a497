"""Cutting examples into splits: stratified, seeded, whole units only.

A unit is what must stay together: one group, and all copies of one content. The place of a unit
in the line is a hash of (seed, group or content), never its name or position, so that the same
content comes to lie in the same split again when files are renamed, reordered or added.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lamplighter.data.example import Example

TARGETS = ("test", "val")  # what is cut away; the rest is train


@dataclass(frozen=True, slots=True)
class Unit:
    """Examples that stay together.

    Args:
        place: hash that orders the units.
        keys: the examples' keys.
        counts: stratum → how many examples of it.
    """

    place: str
    keys: tuple[str, ...]
    counts: Mapping[str, int]

    @property
    def size(self) -> int:
        """How many examples."""
        return len(self.keys)


def form_units(
    examples: Sequence[Example],
    digests: Mapping[str, str],
    strata: Mapping[str, Sequence[str]],
    *,
    seed: int,
    group: bool,
) -> list[Unit]:
    """Joins examples that share a group or a content, directly or through others.

    Args:
        examples: what is to be cut.
        digests: key → SHA-256 of the content.
        strata: key → the classes it counts for.
        seed: changes every place in the line.
        group: whether `Example.group` counts.
    """
    leader: dict[str, str] = {}

    def find(node: str) -> str:
        while leader.setdefault(node, node) != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for example in examples:
        content = "content " + digests[example.key]
        if group and example.group is not None:
            leader[find(content)] = find("group " + example.group)
    members: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        members[find("content " + digests[example.key])].append(example)
    units = [_unit(together, digests, strata, seed, group) for together in members.values()]
    return sorted(units, key=lambda unit: unit.place)


def _unit(
    together: list[Example],
    digests: Mapping[str, str],
    strata: Mapping[str, Sequence[str]],
    seed: int,
    group: bool,
) -> Unit:
    groups = [one.group for one in together if group and one.group is not None]
    name = f"group {min(groups)}" if groups else min(digests[one.key] for one in together)
    place = hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogatepass")).hexdigest()
    counts = Counter(stratum for one in together for stratum in strata[one.key])
    return Unit(place, tuple(one.key for one in together), counts)


def cut(units: Iterable[Unit], shares: Mapping[str, float]) -> dict[str, str]:
    """Key → "train", "val" or "test".

    Args:
        units: in the order of their places.
        shares: fraction of the examples wanted in "val" and "test"; 0 or missing: none.
    """
    units = list(units)
    wanted = _quotas(units, shares)
    chosen: dict[str, str] = {}  # place → split; places are unique, for units share no content
    mixed = [unit for unit in units if len(unit.counts) > 1]
    for unit in sorted(mixed, key=lambda unit: (-unit.size, unit.place)):
        chosen[unit.place] = _best_for(unit, wanted)
        _take(unit, wanted[chosen[unit.place]])
    for unit in units:
        if unit.place not in chosen:
            chosen[unit.place] = _first_with_room(unit, wanted)
            _take(unit, wanted[chosen[unit.place]])
    _give_each_class(units, chosen, "train")
    if shares.get("val", 0) > 0:
        _give_each_class(units, chosen, "val")
    return {key: chosen[unit.place] for unit in units for key in unit.keys}


def _quotas(units: Sequence[Unit], shares: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Split → stratum → how many examples it should get."""
    totals: Counter[str] = Counter()
    for unit in units:
        totals.update(unit.counts)
    wanted: dict[str, dict[str, float]] = {"train": {}, "val": {}, "test": {}}
    for stratum, total in totals.items():
        val = round(total * shares.get("val", 0))
        if shares.get("val", 0) > 0 and total >= 2:
            val = max(val, 1)
        test = min(round(total * shares.get("test", 0)), max(total - val - 1, 0))
        wanted["val"][stratum], wanted["test"][stratum] = val, test
        wanted["train"][stratum] = total - val - test
    return wanted


def _first_with_room(unit: Unit, wanted: Mapping[str, Mapping[str, float]]) -> str:
    (stratum,) = unit.counts or ("",)
    for split in TARGETS:
        # a unit may overshoot by less than half of itself, so that large groups get placed at all
        if wanted[split].get(stratum, 0) >= unit.size / 2:
            return split
    return "train"


def _best_for(unit: Unit, wanted: Mapping[str, Mapping[str, float]]) -> str:
    """The split that lacks most of what the unit brings, rare strata counting more."""

    def need(split: str) -> float:
        return sum(
            count * wanted[split][stratum] / max(sum(abs(w[stratum]) for w in wanted.values()), 1)
            for stratum, count in unit.counts.items()
        )

    return max(("train", *TARGETS), key=need)


def _take(unit: Unit, quota: dict[str, float]) -> None:
    for stratum, count in unit.counts.items():
        quota[stratum] -= count


def _give_each_class(units: Sequence[Unit], chosen: dict[str, str], split: str) -> None:
    """Moves the smallest fitting unit where a class that could be in `split` is not."""
    holders: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        for stratum in unit.counts:
            holders[stratum].append(unit)
    present = {(chosen[u.place], stratum): 0 for u in units for stratum in u.counts}
    for unit in units:
        for stratum in unit.counts:
            present[chosen[unit.place], stratum] += 1
    for stratum in sorted(holders):
        if present.get((split, stratum), 0) or (split != "train" and len(holders[stratum]) < 2):
            continue
        for unit in sorted(holders[stratum], key=lambda unit: (unit.size, unit.place)):
            home = chosen[unit.place]
            # train must keep one of every class that the unit holds
            if home == "train" and any(present[home, one] < 2 for one in unit.counts):
                continue
            for one in unit.counts:
                present[home, one] -= 1
                present[split, one] = present.get((split, one), 0) + 1
            chosen[unit.place] = split
            break
