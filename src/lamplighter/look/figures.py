"""The figures of pictures' pixels, whole blocks of one size at once.

They are those of Pillow, to within a level of rounding, at about a fifteenth of the time: tens of
thousands of small pictures pay for arithmetic, not for as many trips through Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from lamplighter.look.facts import COLOUR_SIDE, GREY_SIDE, Facts

STATISTICS_SIDE = 128
# Pillow's weights of red, green and blue in a grey level, of 65,536
GREY_OF_RGB = np.array([19595, 38470, 7471], np.int32)


def figure_block(facts: Sequence[Facts], pixels_NHWC: np.ndarray) -> None:
    """Fills in what the pixels say: thumbnails, and the figures that tell a photograph from a sign.

    Args:
        facts: one for each picture, written in place.
        pixels_NHWC: uint8, N × H × W (grey) or N × H × W × 3 (RGB), each upright.
    """
    height, width = pixels_NHWC.shape[1:3]
    coloured = pixels_NHWC.ndim == 4
    full_grey = _grey(pixels_NHWC) if coloured else pixels_NHWC
    grey = resize(full_grey, GREY_SIDE)
    if coloured:
        channels = [resize(pixels_NHWC[..., channel], COLOUR_SIDE) for channel in range(3)]
    else:
        channels = [resize(full_grey, COLOUR_SIDE)] * 3
    colour = np.ascontiguousarray(np.stack(channels, axis=-1))
    levels = grey.astype(np.float32)
    means, deviations = levels.mean(axis=(1, 2)), levels.std(axis=(1, 2))
    details = (levels - np.rint(_blurred(levels))).std(axis=(1, 2))
    step = -(-max(height, width) // STATISTICS_SIDE)
    small = pixels_NHWC[:, ::step, ::step]
    flats = flat_shares(small)
    for place, one in enumerate(facts):
        one.mean, one.deviation = float(means[place]), float(deviations[place])
        one.detail, one.flat = float(details[place]), float(flats[place])
        one.colours = colours_needed(small[place])
        one.grey, one.colour = grey[place].tobytes(), colour[place].tobytes()


def resize(levels_NHW: np.ndarray, side: int) -> np.ndarray:
    """uint8 [N, side, side]: Pillow's bilinear resize, which averages when it makes smaller."""
    height, width = levels_NHW.shape[1:]
    across = np.rint(levels_NHW.astype(np.float32) @ resize_matrix(width, side).T)
    return np.rint(resize_matrix(height, side) @ across).astype(np.uint8)


@cache
def resize_matrix(length: int, side: int) -> np.ndarray:
    """float32 [side, length]: triangles as wide as the pixels that they make."""
    scale = length / side
    reach = max(1.0, scale)
    centres = (np.arange(side) + 0.5) * scale - 0.5
    weights = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(length)[None, :]) / reach)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _grey(rgb_NHW3: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W], as Pillow turns RGB to L."""
    return ((rgb_NHW3 @ GREY_OF_RGB + 0x8000) >> 16).astype(np.uint8)


def _blurred(levels_NHW: np.ndarray) -> np.ndarray:
    """Mean over a box of 5 × 5, edges repeated."""
    wide = np.pad(levels_NHW, ((0, 0), (2, 2), (2, 2)), mode="edge")
    height, width = levels_NHW.shape[1:]
    rows = np.zeros((len(wide), height, width + 4), np.float32)
    for shift in range(5):
        rows += wide[:, shift : shift + height]
    box = np.zeros(levels_NHW.shape, np.float32)
    for shift in range(5):
        box += rows[:, :, shift : shift + width]
    return box / 25


def flat_shares(small_NHWC: np.ndarray) -> np.ndarray:
    """float64 [N]: share of pixels whose right and lower neighbours differ by at most 2 of 255."""
    if min(small_NHWC.shape[1:3]) < 2:
        return np.zeros(len(small_NHWC))
    signed = small_NHWC.astype(np.int16)
    here = signed[:, :-1, :-1]
    even = (np.abs(signed[:, :-1, 1:] - here) <= 2) & (np.abs(signed[:, 1:, :-1] - here) <= 2)
    if even.ndim == 4:
        even = even.all(axis=3)
    share: np.ndarray = even.mean(axis=(1, 2))
    return share


def colours_needed(pixels: np.ndarray) -> int:
    """How many cells of a 16×16×16 colour cube cover 98 % of the pixels; H × W or H × W × 3."""
    cells = (pixels >> 4).astype(np.intp)
    code = cells if cells.ndim == 2 else (cells[..., 0] << 8) | (cells[..., 1] << 4) | cells[..., 2]
    counts = np.bincount(code.ravel())
    covered = np.cumsum(np.sort(counts[counts > 0])[::-1])
    return int(np.searchsorted(covered, 0.98 * covered[-1]) + 1)
