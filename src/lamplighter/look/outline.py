"""What two aligned pictures share beyond an outline.

Two aircraft of one type against the sky have the same outline, and at 32 × 32 pixels the outline is
most of their detail. What stands inside it (windows, shadows, a livery) is shared by copies only. So
the outline is taken out: each picture's division into a light and a dark part is fitted to the
detail of both, and what is left of the two is compared.
"""

from __future__ import annotations

import numpy as np

from lamplighter.look.flat import blurred, correlation

# two means settle within a few rounds
ROUNDS = 6


def inner_agreement(
    ours_NP: np.ndarray, theirs_NP: np.ndarray, inside_NP: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How well two aligned pictures agree once their outlines are taken out.

    Args:
        ours_NP, theirs_NP: float32 [N, 32·32], grey levels, laid on each other.
        inside_NP: float32 [N, 32·32], 1 where both have pixels, else 0.

    Returns:
        (inner, share), float32 [N] each. inner: correlation of the remaining detail, −1…1. share:
        how much of the detail of ours remains, 0…1; of a silhouette about a third, of a textured
        scene two thirds and more.
    """
    outlines = []
    for tones in (_two_tones(ours_NP), _two_tones(theirs_NP)):
        soft = blurred(tones, 2)
        # sharp and blurred: the edges of the two pictures need not be equally soft
        outlines += [(tones - soft) * inside_NP, (blurred(tones, 1) - soft) * inside_NP]
    known = np.stack(outlines, axis=1)
    normal = known @ known.swapaxes(1, 2) + 0.1 * np.eye(len(outlines), dtype=np.float32)
    details = [(flat - blurred(flat, 2)) * inside_NP for flat in (ours_NP, theirs_NP)]
    left = [
        detail - (np.linalg.solve(normal, known @ detail[:, :, None]).swapaxes(1, 2) @ known)[:, 0]
        for detail in details
    ]
    whole = (details[0] ** 2).sum(axis=1)
    share = np.sqrt((left[0] ** 2).sum(axis=1) / np.maximum(whole, 1e-6))
    return correlation(left[0], left[1], inside_NP), share


def _two_tones(flat_NP: np.ndarray) -> np.ndarray:
    """Each picture in two grey levels: the means of its lighter and of its darker part."""
    low, high = np.percentile(flat_NP, (10, 90), axis=1)[:, :, None].astype(np.float32)
    light = np.zeros(flat_NP.shape, bool)
    for _ in range(ROUNDS):
        light = flat_NP > (low + high) / 2
        count = light.sum(axis=1, keepdims=True)
        high = (flat_NP * light).sum(axis=1, keepdims=True) / np.maximum(count, 1)
        low = (flat_NP * ~light).sum(axis=1, keepdims=True) / np.maximum(light.shape[1] - count, 1)
    return np.where(light, high, low).astype(np.float32)
