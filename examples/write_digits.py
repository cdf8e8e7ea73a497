"""Writes a few of the built-in digits as PNG files, for `make demo` to predict.

    python examples/write_digits.py RUN FOLDER

The pictures come from the test split that RUN wrote down in its split.csv, so the network has
never seen them. Each file's name begins with its true label: seven-… would be cheating, but the
prediction reads pixels only.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from lamplighter.data.bundled import open_digits

COUNT = 5
SIDE = 64  # pixels; the originals are 8 × 8, hard to see in a picture viewer


def write_digits(run: Path, folder: Path) -> None:
    """Writes the first pictures of the run's test split, enlarged, into `folder`."""
    with (run / "split.csv").open(encoding="utf-8", newline="") as file:
        kept_out = {row["path"] for row in csv.DictReader(file) if row["split"] == "test"}
    source = open_digits()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [example for example in source.examples() if example.key in kept_out][:COUNT]
    for number, example in enumerate(chosen, start=1):
        picture = source.open(example).resize((SIDE, SIDE))
        picture.save(folder / f"{number}-truly-{example.label}.png")


if __name__ == "__main__":
    write_digits(Path(sys.argv[1]), Path(sys.argv[2]))
