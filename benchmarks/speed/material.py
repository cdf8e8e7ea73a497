"""Folders to measure on: a few pictures of a set at hand, by links, or made ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

ENDINGS = (".jpg", ".jpeg", ".png")
JUDGED = ("val", "valid", "validation", "test")


def folder(target: Path, source: Path | None, train: int, val: int, *, size: int) -> Path:
    """train/ and val/ of class folders with about so many pictures each.

    Args:
        target: made here.
        source: class folders below train/ and val/ (or valid/, validation/, test/); None: made ones.
        train: pictures to learn from.
        val: pictures to judge by.
        size: of made pictures, pixels.
    """
    if source is None:
        _make(target, train, val, size)
        return target
    named = next((source / name for name in JUDGED if (source / name).is_dir()), None)
    if named is None or not (source / "train").is_dir():
        raise SystemExit(f"{source} should hold class folders below train/ and val/ (or test/)")
    for part, name, count in ((source / "train", "train", train), (named, "val", val)):
        groups = sorted(each for each in part.iterdir() if each.is_dir())
        for group in groups:
            files = [p for p in sorted(group.iterdir()) if p.suffix.lower() in ENDINGS]
            wanted = min(len(files), max(1, count // len(groups)))
            to = target / name / group.name
            to.mkdir(parents=True)
            for number in range(wanted):
                file = files[number * len(files) // wanted]
                (to / file.name).symlink_to(file.resolve())
    return target


def _make(target: Path, train: int, val: int, size: int) -> None:
    """Soft blots in one colour per class, with noise; as JPEG, since decoding is measured too."""
    count = 10 if size <= 64 else 2
    rng = np.random.default_rng(0)
    shape = (size, size) if size <= 64 else (375, 500)
    for name, pictures in (("train", train), ("val", val)):
        for k in range(count):
            to = target / name / f"class{k}"
            to.mkdir(parents=True)
            for number in range(max(1, pictures // count)):
                blots = rng.integers(0, 200, (8, 8, 3)).astype(np.uint8)
                blots[..., k % 3] //= 1 + k // 3
                picture = Image.fromarray(blots).resize(shape[::-1], Image.Resampling.BICUBIC)
                noisy = np.asarray(picture) + rng.integers(0, 40, (*shape, 3))
                Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(to / f"{number}.jpg")
