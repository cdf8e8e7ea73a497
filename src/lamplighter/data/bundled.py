"""The built-in example: 1,797 handwritten digits that come with scikit-learn."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from lamplighter.data.example import Example
from lamplighter.data.memory import MemorySource


def open_digits() -> MemorySource:
    """8 × 8 grey pictures of the digits 0 to 9.

    Returns:
        A source with the classes "0" … "9" and no splits; the original values 0–16 become 0–255.

    Source: scikit-learn, `load_digits` (Alpaydin and Kaynak, optical recognition of digits).
    """
    values_NV = _read()
    pixels = np.rint(values_NV[:, :64].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    found = tuple(
        Example(key=f"digits/{index:04d}", label=str(label), index=index)
        for index, label in enumerate(values_NV[:, 64].astype(int).tolist())
    )
    return MemorySource("digits", "built-in digits, 8 × 8 grey", pixels, found)


def _read() -> np.ndarray:
    """64 values and the digit of each picture, float64 [N, 65].

    scikit-learn's own file is read without scikit-learn, whose import takes 0.7 s.
    """
    spec = importlib.util.find_spec("sklearn")
    package = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    file = package / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        values: np.ndarray = np.loadtxt(
            gzip.decompress(file.read_bytes()).decode().splitlines(), delimiter=","
        )
        return values
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.column_stack([digits.data, digits.target])
