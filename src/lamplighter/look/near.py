"""Near duplicates: candidates by fingerprint, then each pair laid on each other and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from lamplighter.listener import SILENT, Listener
from lamplighter.look.align import HOPELESS, Agreement, agreement, agreement_beside, shrink
from lamplighter.look.fingerprints import (
    PARTS,
    Prints,
    apply_pose,
    part_prints,
    part_window,
    whole_prints,
)
from lamplighter.look.likeness import ALIKE, usual_likeness
from lamplighter.look.neighbours import Index
from lamplighter.machine import cores

LEAST_COSINE = 0.80
# small enough for the working arrays to stay in a core's cache
AT_ONCE = 96
# candidates kept for one picture; a group of copies is found through its chains
MOST_EACH = 10
# candidates compared in all: this many, or this many per picture
AFFORDABLE, AFFORDABLE_EACH = 2000, 1
# standard deviation of grey levels below which a picture has nothing that could be compared
LEAST_CONTRAST = 4.0
# a group of look-alikes larger than this share of the pictures is their nature, not copying
LARGEST_SHARE = 0.01
LARGEST_ANYWAY = 40
# where unrelated pictures are alike anyway, only what is all but identical is told, and nothing of
# pictures with less texture than this: two strokes of a pen can be the same without any copying
PLAIN = 0.42
# from this texture on a photograph is more than its outlines
TEXTURED = 0.45
# what photographs must agree to beside a stamp; 1 of 60,000 pictures of CIFAR-10, which are not
# asked, would pair with one of another class
LEAST_BESIDE = 0.92
LEAST_AMONG_ALIKE = 0.985
LEAST_COSINE_AMONG_ALIKE = 0.98
AFFORDABLE_AMONG_ALIKE = 5000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures that show the same thing.

    Args:
        ours, theirs: positions, ours < theirs.
        agreement: how well the fine detail agrees, 0…1.
    """

    ours: int
    theirs: int
    agreement: float


def near_duplicates(
    greys_NHW: np.ndarray, *, small_N: np.ndarray | None = None, listener: Listener = SILENT
) -> tuple[list[Pair], bool]:
    """Copies with changes: turned, mirrored, resized, recompressed, cropped, brightened.

    Args:
        greys_NHW: uint8 [N, 48, 48], byte-identical pictures only once.
        small_N: bool [N], pictures of fewer pixels than the thumbnail, of which more is asked;
            None: there are none.
        listener: hears the progress.

    Returns:
        (pairs, most alike first; whether the bar was raised). Digits or stamps of one kind cannot
        be told from copies: where unrelated pictures resemble each other, only whole pictures
        with texture that are all but identical count. Where groups of look-alikes still outgrow what copying
        makes, the bar is raised until they fall apart.
    """
    contrast = np.array([grey.std() for grey in greys_NHW])
    clear = np.flatnonzero(contrast >= LEAST_CONTRAST)
    if len(clear) < 2:
        return [], False
    shown = greys_NHW if len(clear) == len(greys_NHW) else greys_NHW[clear]
    alike = usual_likeness(shown) >= ALIKE
    candidates = find_candidates(shown, alike=alike, listener=listener)
    seen = compare(shown, candidates, listener=listener)
    small = np.zeros(len(clear), bool) if small_N is None else small_N[clear]
    either_small = small[candidates.ours] | small[candidates.theirs]
    fine, spare = seen.fine, spares(seen, either_small, alike)
    if not alike:
        rows, beside = covered(shown, candidates, seen, either_small | (spare <= 1))
        fine[rows], spare[rows] = beside, 1.0
    limit, least = 1.0, 0.0
    largest = max(LARGEST_ANYWAY, LARGEST_SHARE * len(clear))
    while limit > 0.001:
        rows = np.flatnonzero((spare <= limit) & (fine >= least))
        if _largest_group(candidates.ours[rows], candidates.theirs[rows], len(clear)) <= largest:
            break
        alike, least = True, LEAST_AMONG_ALIKE
        limit /= 2
    else:
        rows = np.zeros(0, np.int64)
    best = rows[np.argsort(-fine[rows], kind="stable")]
    ours, theirs = clear[candidates.ours[best]], clear[candidates.theirs[best]]
    pairs = [
        Pair(int(min(a, b)), int(max(a, b)), float(score))
        for a, b, score in zip(ours, theirs, fine[best], strict=True)
    ]
    return pairs, alike


def _largest_group(ours: np.ndarray, theirs: np.ndarray, count: int) -> int:
    """Pictures in the largest group that pairs connect."""
    return max((len(group) for group in groups_of(ours, theirs, count)), default=0)


def groups_of(ours: np.ndarray, theirs: np.ndarray, count: int) -> list[list[int]]:
    """Groups of two or more positions connected by pairs, each sorted."""
    parent = np.arange(count)

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = int(parent[place])
        return place

    for a, b in zip(ours.tolist(), theirs.tolist(), strict=True):
        parent[root(a)] = root(b)
    groups: dict[int, list[int]] = {}
    for place in sorted({*ours.tolist(), *theirs.tolist()}):
        groups.setdefault(root(place), []).append(place)
    return list(groups.values())


@dataclass(frozen=True)
class Candidates:
    """Pairs that may be copies, with the poses in which they resemble each other.

    Args:
        ours, theirs: int32 [N], positions of the pictures.
        parts: int8 [N], the part of ours that resembles the whole of theirs.
        our_poses, their_poses: int8 [N], what brings each into the common pose.
        cosines: float32 [N].
    """

    ours: np.ndarray
    theirs: np.ndarray
    parts: np.ndarray
    our_poses: np.ndarray
    their_poses: np.ndarray
    cosines: np.ndarray

    def __len__(self) -> int:
        return len(self.ours)

    def take(self, rows: np.ndarray) -> Candidates:
        """Only these rows."""
        return Candidates(
            self.ours[rows],
            self.theirs[rows],
            self.parts[rows],
            self.our_poses[rows],
            self.their_poses[rows],
            self.cosines[rows],
        )


def find_candidates(
    greys_NHW: np.ndarray, *, alike: bool = False, listener: Listener = SILENT
) -> Candidates:
    """Pairs of pictures of which a part of one resembles the whole of the other.

    Args:
        greys_NHW: uint8 [N, 48, 48].
        alike: unrelated pictures resemble each other too; then parts would resemble anything, and
            only whole pictures are compared.
        listener: hears the progress.
    """
    whole = whole_prints(greys_NHW)
    index = Index(whole.vectors)
    best = _none()
    parts = 1 if alike else len(PARTS)
    least = LEAST_COSINE_AMONG_ALIKE if alike else LEAST_COSINE
    with listener.bar("searching for near duplicates", parts) as bar, _threads() as pool:
        for found in pool.map(
            lambda part: _resembling(greys_NHW, part, whole, index, least), range(parts)
        ):
            best = _best(_joined([best, found]))
            bar.advance()
    # the more alike the pictures of a set are, the closer copies have to be to stand out
    most = AFFORDABLE_AMONG_ALIKE if alike else max(AFFORDABLE, AFFORDABLE_EACH * len(greys_NHW))
    return best.take(np.argsort(-best.cosines, kind="stable")[:most])


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """NumPy lets go of the interpreter's lock in its loops, so threads share the work.

    Its products of matrices are small and take one thread each meanwhile: with threads of their
    own beside these, both wait for each other (5,000 pictures: 1.9 s instead of 1.1 on two cores).
    """
    workers = min(8, cores())
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(workers, thread_name_prefix="lamp-near") as pool,
    ):
        yield pool


def _resembling(
    greys_NHW: np.ndarray, part: int, whole: Prints, index: Index, least: float
) -> Candidates:
    """Pictures of which this part resembles the whole of another."""
    asked = part_prints(greys_NHW, part)
    found = [_none()]
    for rows, hits, cosines in index.close(asked.vectors, least, MOST_EACH):
        ours, theirs = asked.owners[rows], whole.owners[hits]
        keep = ours != theirs
        rows, hits = rows[keep], hits[keep]
        found.append(
            Candidates(
                ours[keep],
                theirs[keep],
                np.full(len(rows), part, np.int8),
                asked.poses[rows],
                whole.poses[hits],
                cosines[keep],
            )
        )
    return _best(_joined(found))


def _none() -> Candidates:
    none, pose = np.zeros(0, np.int32), np.zeros(0, np.int8)
    return Candidates(none, none, pose, pose, pose, np.zeros(0, np.float32))


def _joined(found: Sequence[Candidates]) -> Candidates:
    return Candidates(
        np.concatenate([part.ours for part in found]),
        np.concatenate([part.theirs for part in found]),
        np.concatenate([part.parts for part in found]),
        np.concatenate([part.our_poses for part in found]),
        np.concatenate([part.their_poses for part in found]),
        np.concatenate([part.cosines for part in found]),
    )


def _best(found: Candidates) -> Candidates:
    """One row per pair of pictures, that with the largest cosine; a few rows per picture.

    Without the second limit, a set whose pictures are all alike would hold N² candidates.
    """
    if not len(found):
        return found
    low = np.minimum(found.ours, found.theirs).astype(np.int64)
    high = np.maximum(found.ours, found.theirs).astype(np.int64)
    pair = low * (int(high.max()) + 1) + high
    order = np.lexsort((-found.cosines, pair))
    found = found.take(order[_firsts(pair[order])])
    order = np.lexsort((-found.cosines, found.ours))
    starts = np.flatnonzero(_firsts(found.ours[order]))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    return found.take(order[rank < MOST_EACH])


def _firsts(values: np.ndarray) -> np.ndarray:
    """bool [N]: whether a sorted value differs from the one before."""
    first = np.ones(len(values), bool)
    first[1:] = values[1:] != values[:-1]
    return first


def compare(
    greys_NHW: np.ndarray, candidates: Candidates, *, listener: Listener = SILENT
) -> Agreement:
    """How well each candidate agrees."""
    told = np.empty((4, len(candidates)), np.float32)
    starts = range(0, len(candidates), AT_ONCE)
    parts = [np.arange(start, min(start + AT_ONCE, len(candidates))) for start in starts]
    with listener.bar("comparing near duplicates", len(candidates)) as bar, _threads() as pool:
        found = pool.map(lambda rows: agreement(*_views(greys_NHW, candidates.take(rows))), parts)
        for rows, part in zip(parts, found, strict=True):
            told[:, rows] = part.fine, part.texture, part.inner, part.share
            bar.advance(len(rows))
    return Agreement(*told)


def covered(
    greys_NHW: np.ndarray, candidates: Candidates, seen: Agreement, passed_N: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows of copies of which something covers a part, their agreement beside it).

    Only of photographs with texture: of little detail an eighth may be all that tells two apart.
    """
    rows = np.flatnonzero(~passed_N & (seen.texture >= TEXTURED) & (seen.fine > HOPELESS))
    beside = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        beside[part] = agreement_beside(*_views(greys_NHW, candidates.take(rows[part])))
    kept = beside >= LEAST_BESIDE
    return rows[kept], beside[kept]


def spares(seen: Agreement, small_N: np.ndarray | bool, alike: bool = False) -> np.ndarray:
    """float32 [N]: what each pair lacks in agreement, of what it may lack; copies have up to 1."""
    bar = needed(seen.texture, small_N)
    if alike:
        bar = np.maximum(bar, LEAST_AMONG_ALIKE)
    inside = needed_inside(seen.share, seen.texture, small_N)
    lacking_inside = np.where(inside < 0, 0, (1 - seen.inner) / (1 - inside))
    lacking = np.maximum((1 - seen.fine) / (1 - bar), lacking_inside)
    refused = (seen.fine <= 0) | (alike & (seen.texture < PLAIN))
    return np.where(refused, 9.0, lacking)


def needed(texture_N: np.ndarray, small_N: np.ndarray | bool = False) -> np.ndarray:
    """The agreement at which a pair counts as a copy, by how much there is to compare.

    Judged by eye on pairs of CIFAR-10: with plenty of texture nearly all pairs above 0.84 are
    copies, and pictures of 32 × 32 pixels have little else. Photographs keep the lower bar:
    blurred copies need it.
    """
    plenty = 0.84 + 0.6 * np.maximum(0, 0.40 - texture_N)
    few = 0.86 + 0.6 * np.maximum(0, 0.42 - texture_N)
    found: np.ndarray = np.minimum(np.where(small_N, few, plenty), 0.99)
    return found


def needed_inside(
    share_N: np.ndarray, texture_N: np.ndarray, small_N: np.ndarray | bool = False
) -> np.ndarray:
    """The agreement without outlines at which a pair counts as a copy, by how much is left.

    Judged by eye on pairs of one half of CIFAR-10: silhouettes of aircraft against the sky agree
    to 0.97 in all and reach 0.84 without the outline, where a third of their detail is left; 99 %
    of copies have more than half of it left and agree to 0.76 or better. Photographs with plenty
    of texture are spared: outlines are little of it, and a stamp would pass for one.
    """
    # a copy of a mere silhouette agrees wholly
    bar = np.minimum(0.76 + 0.8 * np.maximum(0, 0.60 - share_N), 0.97)
    found: np.ndarray = np.where(small_N | (texture_N < TEXTURED), bar, -1.0)
    return found


def _views(greys_NHW: np.ndarray, pairs: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures of each pair in the common pose, float32 [N, 32, 32]."""
    ours = np.empty((len(pairs), 32, 32), np.float32)
    theirs = shrink(greys_NHW[pairs.theirs])
    for part in np.unique(pairs.parts):
        rows = np.flatnonzero(pairs.parts == part)
        down, across = part_window(int(part))
        ours[rows] = shrink(greys_NHW[pairs.ours[rows], down, across])
    for pose in range(8):
        rows = np.flatnonzero(pairs.our_poses == pose)
        ours[rows] = apply_pose(ours[rows], pose)
        rows = np.flatnonzero(pairs.their_poses == pose)
        theirs[rows] = apply_pose(theirs[rows], pose)
    return ours, theirs
