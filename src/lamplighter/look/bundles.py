"""S105: pictures that belong together and lie in different splits.

What belongs together is told by the source (a group column), by numbered names
(`patient03_slice1`, `patient03_slice2`), or by the camera's clock (a burst).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from lamplighter.checks.finding import Level
from lamplighter.look.exhibit import Exhibit, counted, exhibit, split_order, verb
from lamplighter.look.pictures import Picture

Bundle = tuple[Picture, ...]
# two exposures of one camera within this many seconds show the same scene
BURST_SECONDS = 3.0
# a clock that was never set gives all pictures the same few times
MOST_IN_BURST = 60
# something numbered, then the number of the picture within it
NUMBERED = re.compile(r"^(?P<prefix>.*\d.*?)[ _.\-]+[A-Za-z]*[ _.\-]*\d+$")
FEWEST_PREFIXES = 3
LARGEST_PREFIX = 0.2
SHOWN = 12
TOGETHER = "what belongs together goes into one split: name the groups in a table's group column"
OF_THE_COLUMN = (
    "what belongs together goes into one split: give each group one word in the split column, or "
    "leave that column out and Lamplighter cuts the splits along the groups"
)


def bundle_exhibits(pictures: Sequence[Picture]) -> list[Exhibit]:
    """Groups, numbered series and bursts that straddle splits."""
    if len({picture.split for picture in pictures}) < 2:
        return []
    found = []
    torn = _torn(_by_group(pictures))
    if torn:
        found.append(_told(torn, "warning", "group", "the group column says", fix=OF_THE_COLUMN))
    torn = _torn(_bursts(pictures))
    if torn:
        found.append(_told(torn, "warning", "burst", "camera and time of exposure say"))
    numbered = _numbered(pictures)
    torn = _torn(numbered)
    if torn:
        level: Level = "warning" if looks_alike(list(numbered.values())) else "info"
        found.append(
            _told(torn, level, "numbered series", "their names say", plural="numbered series")
        )
    return found


def _torn(bundles: dict[str, Bundle]) -> list[Bundle]:
    return [bundle for bundle in bundles.values() if len({p.split for p in bundle}) > 1]


def _by_group(pictures: Sequence[Picture]) -> dict[str, Bundle]:
    groups: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.example.group is not None:
            groups[picture.example.group].append(picture)
    return {name: tuple(members) for name, members in groups.items() if len(members) > 1}


def _bursts(pictures: Sequence[Picture]) -> dict[str, Bundle]:
    """Chains of exposures by one camera, each at most three seconds after the one before."""
    by_camera: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.facts.taken > 0:
            by_camera[picture.facts.camera].append(picture)
    chains: list[list[Picture]] = []
    for taken in by_camera.values():
        taken.sort(key=lambda p: p.facts.taken)
        for place, picture in enumerate(taken):
            before = taken[place - 1].facts.taken if place else -np.inf
            if picture.facts.taken - before > BURST_SECONDS:
                chains.append([])
            chains[-1].append(picture)
    kept = [tuple(chain) for chain in chains if 1 < len(chain) <= MOST_IN_BURST]
    return {str(place): chain for place, chain in enumerate(kept)}


def _numbered(pictures: Sequence[Picture]) -> dict[str, Bundle]:
    """Series by name; one prefix that all share (IMG_…, or a class name) says nothing."""
    series: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        match = NUMBERED.match(PurePosixPath(picture.key).stem)
        if match:
            series[match["prefix"]].append(picture)
    most = LARGEST_PREFIX * len(pictures)
    kept = {name: tuple(of) for name, of in series.items() if 1 < len(of) <= most}
    covered = sum(len(members) for members in kept.values())
    if len(kept) < FEWEST_PREFIXES or covered < 0.1 * len(pictures):
        return {}
    return kept


def looks_alike(bundles: Sequence[Bundle], seed: int = 0) -> bool:
    """Whether pictures within a bundle resemble each other more than pictures of two bundles."""
    rng = np.random.default_rng(seed)
    seen = [[p for p in bundle if p.facts.seen] for bundle in bundles]
    seen = [bundle for bundle in seen if len(bundle) > 1]
    if len(seen) < 2:
        return False
    within, between = [], []
    for _ in range(400):
        first, second = rng.choice(len(seen), 2, replace=False)
        a, b = rng.choice(len(seen[first]), 2, replace=False)
        c = rng.integers(len(seen[second]))
        within.append(_distance(seen[first][a], seen[first][b]))
        between.append(_distance(seen[first][a], seen[second][c]))
    return float(np.median(within)) < 0.75 * float(np.median(between))


def _distance(ours: Picture, theirs: Picture) -> float:
    a = ours.facts.colour_array().astype(np.float32)
    return float(np.abs(a - theirs.facts.colour_array()).mean())


def _told(
    torn: Sequence[Bundle],
    level: Level,
    what: str,
    who: str,
    *,
    plural: str = "",
    fix: str = TOGETHER,
) -> Exhibit:
    ordered = sorted(torn, key=len, reverse=True)
    count = sum(len(bundle) for bundle in torn)
    splits = " and ".join(sorted({p.split for bundle in torn for p in bundle}))
    message = (
        f"{counted(len(torn), what, plural)} ({counted(count)})"
        f" {verb(len(torn), 'lies', 'lie')} in more than one split, as {who}"
    )
    shown = [_first_of_each_split(bundle) for bundle in ordered]
    notes = [f"{len(bundle)} together" for bundle in ordered]
    return exhibit("S105", level, splits, message, fix, shown, notes)


def _first_of_each_split(bundle: Bundle) -> Bundle:
    """At most a dozen pictures, all splits among them."""
    firsts: dict[str, Picture] = {}
    for picture in sorted(bundle, key=lambda one: split_order(one.split)):
        firsts.setdefault(picture.split, picture)
    rest = [picture for picture in bundle if picture not in firsts.values()]
    return tuple([*firsts.values(), *rest][:SHOWN])
