"""A set of photographs with planted copies and faults, and a list of what was planted.

    python benchmarks/look/planted.py PHOTOGRAPHS SET

Every photograph is cut into six tiles that do not meet, so that no two pictures of the set show the
same thing unless it was planted. SET/planted.json holds pairs by kind and files by fault.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/look"))
from changed import CHANGES

ENDINGS = {".jpg", ".jpeg", ".png"}
COPIES = (
    "mirrored", "turned 90", "tilted 3", "half size", "jpeg 10", "crop 85", "crop sides",
    "brighter", "grey", "stamped",
)  # fmt: skip
EACH = 20
FAULTS = ("cut off", "no bytes", "web page", "one colour", "nearly black", "blurred", "long")
EACH_FAULT = 10
WIDE, HIGH = 500, 375


def main() -> None:
    """Draws the set."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("set", type=Path)
    asked = parser.parse_args()
    pictures = asked.set / "pictures"
    files = sorted(p for p in asked.photographs.rglob("*") if p.suffix.lower() in ENDINGS)
    names = []
    for place, file in enumerate(files):
        for tile, picture in enumerate(tiles(ImageOps.exif_transpose(Image.open(file)))):
            names.append(
                save(picture, pictures / f"{'ab'[place % 2]}/{place:04d}{'uvwxyz'[tile]}.jpg")
            )
    order = [names[place] for place in np.random.default_rng(0).permutation(len(names))]
    told: dict = {"pairs": {}, "faults": {}, "pictures": len(names)}
    for kind in ("the same bytes", *COPIES):
        chosen, order = order[:EACH], order[EACH:]
        told["pairs"][kind] = [(name, copy_of(pictures, name, kind)) for name in chosen]
    for fault in FAULTS:
        chosen, order = order[:EACH_FAULT], order[EACH_FAULT:]
        told["faults"][fault] = chosen
        for name in chosen:
            spoil(pictures / name, fault)
    (asked.set / "planted.json").write_text(json.dumps(told, indent=1))
    print(f"{sum(1 for p in pictures.rglob('*') if p.is_file()):,} files in {pictures}")


def tiles(photograph: Image.Image) -> list[Image.Image]:
    """Six parts that do not meet, each enlarged to photo size."""
    rgb = photograph.convert("RGB")
    width, height = rgb.width // 3, rgb.height // 2
    boxes = [
        (x * width, y * height, (x + 1) * width, (y + 1) * height)
        for y in (0, 1)
        for x in (0, 1, 2)
    ]
    return [rgb.crop(box).resize((WIDE, HIGH), Image.Resampling.BICUBIC) for box in boxes]


def save(picture: Image.Image, path: Path) -> str:
    """The name below the folder of pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=90)
    return f"{path.parent.name}/{path.name}"


def copy_of(pictures: Path, name: str, kind: str) -> str:
    """Plants one copy beside its original."""
    source = pictures / name
    target = source.with_name(f"{source.stem}copy.jpg")
    if kind == "the same bytes":
        shutil.copy(source, target)
        return f"{target.parent.name}/{target.name}"
    return save(CHANGES[kind](Image.open(source).convert("RGB")), target)


def spoil(path: Path, fault: str) -> None:
    """Plants a fault in a file."""
    data = path.read_bytes()
    picture = Image.open(path).convert("RGB")
    if fault == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif fault == "no bytes":
        path.write_bytes(b"")
    elif fault == "web page":
        path.write_text("<html><body>404 not found</body></html>")
    elif fault == "one colour":
        Image.new("RGB", picture.size, (128, 90, 60)).save(path)
    elif fault == "nearly black":
        picture.point([level // 24 for level in range(256)] * 3).save(path, quality=90)
    elif fault == "blurred":
        picture.filter(ImageFilter.GaussianBlur(14)).save(path, quality=90)
    elif fault == "long":
        picture.resize((1200, 240)).save(path, quality=90)


if __name__ == "__main__":
    main()
