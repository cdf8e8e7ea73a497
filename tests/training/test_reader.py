"""Pictures are read as often as they must be, and one that changes meanwhile is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lamplighter.data.bundled import open_digits
from lamplighter.data.digests import digest_all
from lamplighter.data.example import Example
from lamplighter.data.files import FileSource
from lamplighter.data.folder import open_folder
from lamplighter.data.memory import MemorySource
from lamplighter.errors import DataError
from lamplighter.images import cache
from lamplighter.images.pixels import HeldPixels, StreamedPixels
from lamplighter.images.preprocess import Preprocess
from lamplighter.training import prepare
from lamplighter.training.pictures import Reader, UnreadablePictures


def paint(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((9, 9, 3), grey, np.uint8)).save(path)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileSource:
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "cache"))
    for number in range(4):
        paint(tmp_path / "data" / "ab"[number % 2] / f"{number}.png", 10 * number)
    return open_folder(tmp_path / "data")


def read(source: FileSource, digests: dict[str, str], kept: str) -> list[int]:
    pixels = Reader(source, digests, kept, 2).pixels(source.examples(), Preprocess(8))
    assert isinstance(pixels, HeldPixels)
    return pixels.pixels[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("kept", ["on", "off"])
def test_a_picture_replaced_under_its_name(kept: str, source: FileSource, tmp_path: Path) -> None:
    """One that is written to after its digest is named; afterwards, and when it comes back, it is itself."""
    digests = digest_all(source, source.examples())
    file = tmp_path / "data" / "a" / "0.png"
    before = file.read_bytes()
    times = file.stat()
    paint(file, 200)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as rsync --times would
    with pytest.raises(DataError) as told:
        read(source, digests, kept)
    assert "1 picture was written to during the reading" in told.value.message
    assert "a/0.png" in told.value.message
    assert "give the command again" in told.value.fix
    assert not list((tmp_path / "cache").rglob("*.u8"))
    assert read(source, digest_all(source, source.examples()), kept) == [200, 20, 10, 30]
    file.write_bytes(before)
    assert read(source, digests, kept) == [0, 20, 10, 30]


@pytest.mark.parametrize("kept", ["on", "off"])
def test_a_picture_that_goes_away_is_unreadable(
    kept: str, source: FileSource, tmp_path: Path
) -> None:
    """One that is gone by the time it is decoded is told as such, and can be left out."""
    digests = digest_all(source, source.examples())
    (tmp_path / "data" / "b" / "1.png").unlink()
    with pytest.raises(UnreadablePictures) as told:
        read(source, digests, kept)
    assert told.value.keys == ["b/1.png"]


class Counting:
    """A source that counts how often a picture is opened."""

    def __init__(self, inner: MemorySource) -> None:
        self.inner, self.opened = inner, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def open(self, example: Example, *, draft: tuple[int, int] | None = None) -> Image.Image:
        self.opened += 1
        return self.inner.open(example, draft=draft)


def test_what_is_held_to_judge_by_is_read_once() -> None:
    """A split that lies in memory is not read again for the report; another size or split is."""
    source = Counting(open_digits())
    some, others = source.examples()[:6], source.examples()[6:9]
    reader = Reader(source, {}, "auto", 1)
    first = reader.pixels(some, Preprocess(8, channels=1, mean=(0.1,), std=(0.3,)))
    again = reader.pixels(some, Preprocess(8, channels=1, mean=(0.2,), std=(0.4,)))
    assert source.opened == 6
    assert again is first
    assert len(reader.pixels(others, Preprocess(8, channels=1, mean=(0.1,), std=(0.3,)))) == 3
    larger = reader.pixels(some, Preprocess(9, channels=1, mean=(0.1,), std=(0.3,)))
    assert isinstance(larger, HeldPixels)
    assert larger.pixels.shape[2:] == (9, 9)
    assert source.opened == 15


def test_the_mean_is_that_of_the_same_pictures_held_or_streamed(
    source: FileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only some pictures are asked for mean and spread, streaming asks the same ones."""
    digests = digest_all(source, source.examples())
    for most in (1, 2, 3, 4):
        monkeypatch.setattr(prepare, "STATISTICS_FROM", most)
        with monkeypatch.context() as small:
            held = Reader(source, digests, "off", 2).pixels(source.examples(), Preprocess(8))
            small.setattr(cache, "memory", lambda: (0, 0))
            streamed = Reader(source, digests, "off", 2).pixels(source.examples(), Preprocess(8))
        assert isinstance(streamed, StreamedPixels)
        assert prepare._statistics(streamed) == prepare._statistics(held)
