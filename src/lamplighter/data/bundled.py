"""The built-in example: 1,797 handwritten digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from lamplighter.data.example import Example
from lamplighter.data.memory import MemorySource


def open_digits() -> MemorySource:
    """8 × 8 grey pictures of the digits 0 to 9.

    Returns:
        A source with the classes "0" … "9" and no splits; the original values 0–16 become 0–255.

    Source: scikit-learn, `load_digits` (Alpaydin and Kaynak, optical recognition of digits).
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    found = tuple(
        Example(key=f"digits/{index:04d}", label=str(label), index=index)
        for index, label in enumerate(digits.target)
    )
    return MemorySource("digits", "built-in digits, 8 × 8 grey", pixels, found)
