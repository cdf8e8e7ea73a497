"""Pictures that a source holds as one array → their facts, whole blocks at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lamplighter.data.memory import digest_of_pixels
from lamplighter.look.facts import GREY_SIDE, Facts
from lamplighter.look.figures import figure_block

# pixels of a block as float32 stay below some 64 MB
MOST_PIXELS = 4 << 20


def blocks_of(pixels: np.ndarray, rows: Sequence[int]) -> list[Sequence[int]]:
    """The rows cut into blocks whose arithmetic fits into a modest memory."""
    each = max(1, int(np.prod(pixels.shape[1:3])), GREY_SIDE * GREY_SIDE)
    size = max(1, min(1024, MOST_PIXELS // each))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def measure_block(pixels_NHWC: np.ndarray) -> list[Facts]:
    """The facts of some pictures.

    Args:
        pixels_NHWC: uint8, N × H × W (grey) or N × H × W × 3 (RGB), each upright.

    Returns:
        As many facts, in order; `pixels` and `sha256` are the digest that the source gives.
    """
    height, width = pixels_NHWC.shape[1:3]
    coloured = pixels_NHWC.ndim == 4
    found = []
    for picture in pixels_NHWC:
        digest = digest_of_pixels(picture)
        found.append(
            Facts(
                length=height * width * (3 if coloured else 1),
                sha256=digest,
                mode="RGB" if coloured else "L",
                width=width,
                height=height,
                pixels=digest,
            )
        )
    figure_block(found, pixels_NHWC)
    return found
