"""Small pictures that look like photographs, and a look that keeps its cache to itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[[int], Image.Image]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache folder of its own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(folder))
    return folder


def photograph(seed: int, width: int = 240, height: int = 200) -> Image.Image:
    """A scene of soft clouds and hard leaves in many colours; another one for every seed."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (3, 6, 12, 24, 48):
        rough = rng.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
        layer = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
        picture += np.asarray(layer, np.float32) / cells**0.6
    picture += rng.normal(0, 4, picture.shape)
    low, high = np.percentile(picture, (1, 99))
    scaled = np.clip((picture - low) * (255 / (high - low)), 0, 255)
    return Image.fromarray(scaled.astype(np.uint8))


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Seed → photograph."""
    return photograph


@pytest.fixture(scope="session")
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `clean_set`, drawn once for all tests."""
    root = tmp_path_factory.mktemp("drawn")
    seed = 0
    for split, count in (("train", 40), ("val", 32)):
        for name in ("cats", "dogs"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for place in range(count):
                file = folder / f"{name}{chr(97 + place % 26)}{seed}.jpg"
                photograph(seed).save(file, quality=90)
                seed += 1
    return root


@pytest.fixture
def clean_set(tmp_path: Path, drawn_once: Path) -> Path:
    """Two classes, train and val, nothing wrong with it: 2 × 40 and 2 × 32 pictures."""
    return Path(shutil.copytree(drawn_once, tmp_path / "photos"))
