"""The source whose pixels are an array in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lamplighter.data.example import Example


@dataclass(frozen=True, eq=False)
class MemorySource:
    """Pictures held as one array; see `Source` for the other attributes.

    Args:
        pixels: uint8, N × H × W (grey) or N × H × W × 3 (RGB); `Example.index` is the row.
    """

    name: str
    layout: str
    pixels: np.ndarray
    found: tuple[Example, ...]
    root: Path | None = None
    ignored: Sequence[str] = ()
    empty_classes: Sequence[str] = ()
    notes: Sequence[str] = ()

    def examples(self) -> Sequence[Example]:
        """All examples, in the order of the array."""
        return self.found

    def open(
        self,
        example: Example,
        *,
        draft: tuple[int, int] | None = None,  # noqa: ARG002
    ) -> Image.Image:
        """The picture, mode L or RGB."""
        assert example.index is not None
        return Image.fromarray(self.pixels[example.index])

    def digest(self, example: Example) -> str:
        """SHA-256 (hex) of shape, dtype and pixels."""
        assert example.index is not None
        return digest_of_pixels(self.pixels[example.index])


def digest_of_pixels(pixels: np.ndarray) -> str:
    """SHA-256 (hex) of an array: its shape and dtype, then its bytes in C order."""
    head = f"{pixels.dtype.str}{pixels.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(pixels).tobytes()).hexdigest()
