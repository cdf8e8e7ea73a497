"""Arithmetic on many thumbnails at once, each a row of SIDE · SIDE grey levels."""

from __future__ import annotations

import numpy as np

SIDE = 32


def blurred(flat_NP: np.ndarray, reach: int) -> np.ndarray:
    """Mean over a box of 2·reach + 1 pixels, edges repeated."""
    wide = 2 * reach + 1
    ends = ((0, 0), (reach, reach), (reach, reach))
    square = np.pad(flat_NP.reshape(len(flat_NP), SIDE, SIDE), ends, mode="edge")
    rows = square[:, :SIDE].copy()
    for shift in range(1, wide):
        rows += square[:, shift : shift + SIDE]
    box = rows[:, :, :SIDE].copy()
    for shift in range(1, wide):
        box += rows[:, :, shift : shift + SIDE]
    return (box / (wide * wide)).reshape(flat_NP.shape)


def correlation(ours_NP: np.ndarray, theirs_NP: np.ndarray, inside_NP: np.ndarray) -> np.ndarray:
    """float32 [N]: correlation over the pixels that both have."""
    weight = np.maximum(inside_NP.sum(axis=1, keepdims=True), 1)
    a = (ours_NP - (ours_NP * inside_NP).sum(axis=1, keepdims=True) / weight) * inside_NP
    b = (theirs_NP - (theirs_NP * inside_NP).sum(axis=1, keepdims=True) / weight) * inside_NP
    scale = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return (a * b).sum(axis=1) / np.maximum(scale, 1e-6)
