"""Close pairs of unit vectors without comparing each with each.

The indexed vectors are sorted into about 4·√N cells around sample vectors; a query is compared
only with the members of the few cells nearest to it. Work grows as N·√N.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PROBES = 4
BLOCK = 4096
# up to this many vectors, comparing all is quicker than sorting into cells
FEW = 4000


class Index:
    """Unit vectors sorted into cells.

    Args:
        vectors_ND: float32 [N, D], each of length 1.
        seed: of the choice of the cells.
    """

    def __init__(self, vectors_ND: np.ndarray, seed: int = 0) -> None:
        self.vectors = vectors_ND
        count = len(vectors_ND)
        self.cells = 1 if count <= FEW else int(4 * np.sqrt(count))
        self.centres = _centres(vectors_ND, self.cells, np.random.default_rng(seed))
        home = nearest_cells(vectors_ND, self.centres, 1)[:, 0]
        self.members = np.argsort(home, kind="stable")
        self.bounds = np.searchsorted(home[self.members], np.arange(self.cells + 1))

    def close(
        self, queries_QD: np.ndarray, least: float, most: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yields (query rows, indexed rows, cosines) of pairs with a cosine of at least `least`.

        Args:
            queries_QD: float32 [Q, D], each of length 1.
            least: smallest cosine, −1…1.
            most: at most this many of a cell's members per query, the nearest.
        """
        probes = min(PROBES, self.cells)
        visits = nearest_cells(queries_QD, self.centres, probes).ravel()
        order = np.argsort(visits, kind="stable")
        bounds = np.searchsorted(visits[order], np.arange(self.cells + 1))
        for cell in range(self.cells):
            members = self.members[self.bounds[cell] : self.bounds[cell + 1]]
            rows = order[bounds[cell] : bounds[cell + 1]] // probes
            for start in range(0, len(rows) if len(members) else 0, BLOCK):
                part = rows[start : start + BLOCK]
                cosines = queries_QD[part] @ self.vectors[members].T
                wanted = cosines >= least
                # rows that are close to everything must not fill the memory
                crowded = np.flatnonzero(wanted.sum(axis=1) > most)
                if len(crowded):
                    floor = np.partition(cosines[crowded], -most, axis=1)[:, -most, None]
                    wanted[crowded] &= cosines[crowded] >= floor
                hits, found = np.nonzero(wanted)
                if len(hits):
                    yield part[hits], members[found], cosines[hits, found]


def _centres(vectors_ND: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Sample vectors, moved twice to the mean of what is nearest to them."""
    if count == 1:
        return vectors_ND.mean(axis=0, keepdims=True) if len(vectors_ND) else np.zeros((1, 1))
    sample = vectors_ND[rng.permutation(len(vectors_ND))[: 20 * count]]
    centres = sample[:count].copy()
    for _ in range(2):
        home = nearest_cells(sample, centres, 1)[:, 0]
        sums = np.zeros_like(centres)
        np.add.at(sums, home, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centres)
    return centres


def nearest_cells(vectors_ND: np.ndarray, centres_CD: np.ndarray, count: int) -> np.ndarray:
    """int64 [N, count]: the nearest centres of each vector, nearest first."""
    if len(centres_CD) == 1:
        return np.zeros((len(vectors_ND), 1), np.int64)
    found = np.empty((len(vectors_ND), count), np.int64)
    for start in range(0, len(vectors_ND), 2048):
        cosines = vectors_ND[start : start + 2048] @ centres_CD.T
        rows = np.arange(len(cosines))
        # a few passes for the largest are quicker than one partition of every row
        for rank in range(count):
            found[start : start + 2048, rank] = nearest = cosines.argmax(axis=1)
            cosines[rows, nearest] = -np.inf
    return found
