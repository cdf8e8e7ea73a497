"""Which share of changed copies `lamp look` finds, by kind of change, and what it invents.

    python benchmarks/look/recall.py PHOTOGRAPHS [--kinds stamped framed]

Each kind is searched in a set of the originals and their copies, with the bars in use.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lamplighter.look.measure import measure_picture
from lamplighter.look.near import near_duplicates

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/look"))
from changed import CHANGES

ENDINGS = {".jpg", ".jpeg", ".png"}


def main() -> None:
    """A line per kind of change, Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kinds", nargs="+", choices=list(CHANGES), default=list(CHANGES))
    asked = parser.parse_args()
    files = sorted(p for p in asked.folder.rglob("*") if p.suffix.lower() in ENDINGS)
    pictures = [ImageOps.exif_transpose(Image.open(file)).convert("RGB") for file in files]
    originals = thumbnails(pictures)
    count = len(pictures)
    print(f"{count} photographs\n\n| change | found | false pairs | seconds |\n|---|---|---|---|")
    for kind in asked.kinds:
        copies = thumbnails([CHANGES[kind](picture) for picture in pictures])
        started = time.process_time()
        pairs, _ = near_duplicates(np.concatenate([originals, copies]))
        right = sum(1 for pair in pairs if pair.theirs - pair.ours == count)
        # true copies among the originals themselves are pairs in both halves; they are shown, not hidden
        wrong = len(pairs) - right
        seconds = time.process_time() - started
        print(f"| {kind} | {right / count:.1%} | {wrong} | {seconds:.1f} |", flush=True)


def thumbnails(pictures: list[Image.Image]) -> np.ndarray:
    """uint8 [N, 48, 48]."""
    return np.stack([measure_picture(picture, "").grey_array() for picture in pictures])


if __name__ == "__main__":
    main()
