"""How much unrelated pictures of a set resemble each other.

Photographs of many things share little: half of all pairs have a cosine of fingerprints under 0.2.
Digits, strokes, X-rays of one organ are alike by nature, and there a resemblance that would prove
a copy among photographs proves nothing. Random pairs tell which it is: copies are few among them,
however many a set holds.
"""

from __future__ import annotations

import numpy as np

from lamplighter.look.fingerprints import part_prints, whole_prints

SAMPLE = 600
# median cosine of random pairs: photographs 0.11–0.17, MNIST 0.37, digits 0.46, strokes 0.74
ALIKE = 0.27
# of fewer pictures the pairs are too few to call a set anything
FEWEST = 12


def usual_likeness(greys_NHW: np.ndarray, seed: int = 0) -> float:
    """The median cosine between fingerprints of two pictures, in the pose that suits them best.

    Args:
        greys_NHW: uint8 [N, 48, 48].
        seed: of the sample.

    Returns:
        −1…1; 0 where there are too few pictures to tell.
    """
    if len(greys_NHW) < FEWEST:
        return 0.0
    chosen = np.random.default_rng(seed).permutation(len(greys_NHW))[:SAMPLE]
    sample = greys_NHW[np.sort(chosen)]
    asked, whole = part_prints(sample, 0), whole_prints(sample)
    best = np.full((len(sample), len(sample)), -1, np.float32)
    for pose in range(8):
        rows = np.flatnonzero(whole.poses == pose)
        owners = whole.owners[rows]
        best[:, owners] = np.maximum(best[:, owners], asked.vectors @ whole.vectors[rows].T)
    others = best[~np.eye(len(sample), dtype=bool)]
    return float(np.median(others))
