"""Near duplicates: candidates by fingerprint, then each pair laid on each other and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lamplighter.listener import SILENT, Listener
from lamplighter.look.align import agreement, shrink
from lamplighter.look.fingerprints import (
    PARTS,
    apply_pose,
    part_prints,
    part_window,
    whole_prints,
)
from lamplighter.look.neighbours import Index

LEAST_COSINE = 0.80
AT_ONCE = 1024
# standard deviation of grey levels below which a picture has nothing that could be compared
LEAST_CONTRAST = 4.0
# a group of look-alikes larger than this share of the pictures is their nature, not copying
LARGEST_SHARE = 0.01
LARGEST_ANYWAY = 40


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
    greys_NHW: np.ndarray, *, listener: Listener = SILENT
) -> tuple[list[Pair], bool]:
    """Copies with changes: turned, mirrored, resized, recompressed, cropped, brightened.

    Args:
        greys_NHW: uint8 [N, 48, 48], byte-identical pictures only once.
        listener: hears the progress.

    Returns:
        (pairs, most alike first; whether the pictures are alike by nature). Digits or stamps of
        one kind cannot be told from copies: where groups of look-alikes outgrow what copying
        makes, the bar is raised until they fall apart.
    """
    clear = np.flatnonzero(greys_NHW.std(axis=(1, 2)) >= LEAST_CONTRAST)
    if len(clear) < 2:
        return [], False
    candidates = find_candidates(greys_NHW[clear], listener=listener)
    fine, texture = compare(greys_NHW[clear], candidates, listener=listener)
    alike = False
    spare = np.where(fine > 0, (1 - fine) / (1 - needed(texture)), 9.0)
    limit = 1.0
    largest = max(LARGEST_ANYWAY, LARGEST_SHARE * len(clear))
    while limit > 0.001:
        rows = np.flatnonzero(spare <= limit)
        if _largest_group(candidates.ours[rows], candidates.theirs[rows], len(clear)) <= largest:
            break
        alike = True
        limit /= 2
    else:
        rows = np.zeros(0, np.int64)
    pairs = [
        Pair(
            *sorted((int(clear[candidates.ours[row]]), int(clear[candidates.theirs[row]]))),
            float(fine[row]),
        )
        for row in rows[np.argsort(-fine[rows], kind="stable")]
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


def find_candidates(greys_NHW: np.ndarray, *, listener: Listener = SILENT) -> Candidates:
    """Pairs of pictures of which a part of one resembles the whole of the other.

    Args:
        greys_NHW: uint8 [N, 48, 48].
        listener: hears the progress.
    """
    whole = whole_prints(greys_NHW)
    index = Index(whole.vectors_NL)
    found: list[Candidates] = []
    with listener.bar("searching for near duplicates", len(PARTS)) as bar:
        for part in bar.over(range(len(PARTS))):
            asked = part_prints(greys_NHW, part)
            for rows, hits, cosines in index.close(asked.vectors_NL, LEAST_COSINE):
                ours, theirs = asked.owners_N[rows], whole.owners_N[hits]
                # the whole against the whole is symmetric: once is enough
                keep = ours < theirs if part == 0 else ours != theirs
                rows, hits = rows[keep], hits[keep]
                found.append(
                    Candidates(
                        ours[keep],
                        theirs[keep],
                        np.full(len(rows), part, np.int8),
                        asked.poses_N[rows],
                        whole.poses_N[hits],
                        cosines[keep],
                    )
                )
    return _best_of_each_pair(found)


def _best_of_each_pair(found: Sequence[Candidates]) -> Candidates:
    """One row per pair of pictures, that with the largest cosine."""
    empty = Candidates(*(np.zeros(0, np.int32) for _ in range(5)), np.zeros(0, np.float32))
    parts = [empty, *found]
    joined = Candidates(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("ours", "theirs", "parts", "our_poses", "their_poses", "cosines")
        )
    )
    low = np.minimum(joined.ours, joined.theirs).astype(np.int64)
    high = np.maximum(joined.ours, joined.theirs).astype(np.int64)
    order = np.lexsort((-joined.cosines, high, low))
    pair = (low * (int(high.max()) + 1 if len(high) else 1) + high)[order]
    first = np.ones(len(pair), bool)
    first[1:] = pair[1:] != pair[:-1]
    return joined.take(order[first])


def compare(
    greys_NHW: np.ndarray, candidates: Candidates, *, listener: Listener = SILENT
) -> tuple[np.ndarray, np.ndarray]:
    """(fine, texture) of each candidate, float32 [N] each; see `align.agreement`."""
    fine = np.empty(len(candidates), np.float32)
    texture = np.empty(len(candidates), np.float32)
    with listener.bar("comparing near duplicates", len(candidates)) as bar:
        for start in range(0, len(candidates), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(candidates)))
            fine[rows], texture[rows] = agreement(*_views(greys_NHW, candidates.take(rows)))
            bar.advance(len(rows))
    return fine, texture


def needed(texture_N: np.ndarray) -> np.ndarray:
    """The agreement at which a pair counts as a copy, by how much there is to compare.

    Judged by eye on pairs of CIFAR-10: with plenty of texture nearly all pairs above 0.84 are
    copies; silhouettes against the sky reach 0.9 and are not.
    """
    return 0.84 + 0.6 * np.maximum(0, 0.40 - texture_N)


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
