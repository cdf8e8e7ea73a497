"""Decoded pictures on disk: decoded once, never stale, and harmless when anything goes wrong."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lamplighter.errors import DataError
from lamplighter.images import cache
from lamplighter.images.pixels import HeldPixels, StreamedPixels
from lamplighter.images.preprocess import Preprocess
from lamplighter.listener import Listener

COUNT, SIDE = 6, 8
SHAPE = (COUNT, 3, SIDE, SIDE)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs flock")


class Heard(Listener):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


class Shelf:
    """Pictures that count how often they are opened; those in `bad` cannot be."""

    def __init__(self, bad: tuple[int, ...] = ()) -> None:
        self.opened: list[int] = []
        self.bad = bad

    def open(self, position: int) -> Image.Image:
        self.opened.append(position)
        if position in self.bad:
            raise DataError("the picture is damaged", where=f"{position}.png")
        rng = np.random.default_rng(position)
        return Image.fromarray(rng.integers(0, 256, (20, 10 + position, 3), dtype=np.uint8))


def render(image: Image.Image) -> np.ndarray:
    return Preprocess(SIDE).square(image)


def expected() -> torch.Tensor:
    shelf = Shelf()
    squares = [render(shelf.open(i)).transpose(2, 0, 1) for i in range(COUNT)]
    return torch.from_numpy(np.stack(squares))


def read(shelf: Shelf, key: str = "k", listener: Listener | None = None):
    return cache.open_or_decode(
        key, SHAPE, shelf.open, render, workers=2, listener=listener or Heard()
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pixels"


def test_second_time_decodes_nothing(folder: Path) -> None:
    """What was decoded once is mapped the next time, with its pixels and its aspects."""
    read(Shelf())
    shelf = Shelf()
    pixels, faults = read(shelf)
    assert shelf.opened == []
    assert faults == []
    assert isinstance(pixels, HeldPixels)
    assert torch.equal(pixels.pixels, expected())
    assert pixels.aspects.tolist() == pytest.approx([(10 + i) / 20 for i in range(COUNT)])
    assert [p.suffix for p in sorted(folder.iterdir())] == [".lock", ".u8"]


def test_tensor_cannot_change_the_entry() -> None:
    """Writing into the tensor leaves what is on disk as it was."""
    pixels, _ = read(Shelf())
    assert isinstance(pixels, HeldPixels)
    pixels.pixels.zero_()
    again, _ = read(Shelf())
    assert isinstance(again, HeldPixels)
    assert torch.equal(again.pixels, expected())


def test_keys() -> None:
    """Another content, order, number or rendering is another entry; the same is the same."""
    digests = [hashlib.sha256(bytes([i])).hexdigest() for i in range(4)]
    how = cache.how_text(size=8, crop="none")
    keys = {
        cache.entry_key(digests, how),
        cache.entry_key(digests[::-1], how),
        cache.entry_key(digests[:3], how),
        cache.entry_key([*digests[:3], "0" * 64], how),
        cache.entry_key(digests, cache.how_text(size=9, crop="none")),
        cache.entry_key(digests, cache.how_text(size=8, crop="resized")),
    }
    assert len(keys) == 6
    assert cache.entry_key(digests, cache.how_text(crop="none", size=8)) in keys


def _in_a_process(gate, queue) -> None:
    shelf = Shelf()
    gate.wait(60)
    pixels, _ = read(shelf)
    queue.put((len(shelf.opened), pixels.pixels.clone().numpy()))


@posix
def test_two_processes_at_once(folder: Path) -> None:
    """Two processes that want the same entry decode it once, and both get its pixels."""
    context = multiprocessing.get_context("spawn")
    gate, queue = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_in_a_process, args=(gate, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    assert sorted(opened for opened, _ in found) == [0, COUNT]
    assert all(np.array_equal(pixels, expected().numpy()) for _, pixels in found)
    assert len(list(folder.glob("*.u8"))) == 1


@posix
def test_waiting_for_another_command_is_told(folder: Path) -> None:
    """Whoever waits for another one's decoding says so, once, and then takes what that one made."""
    folder.mkdir(parents=True)
    heard, found = Heard(), []

    def ask() -> None:
        found.append(read(Shelf(), listener=heard)[0])

    waiting = threading.Thread(target=ask)
    with cache._locked(folder / "k.lock"):
        waiting.start()
        for _ in range(600):
            if heard.said:
                break
            time.sleep(0.05)
        assert not found
    waiting.join(60)
    assert heard.said == ["another command is decoding these pictures: waiting for it"]
    assert torch.equal(found[0].pixels, expected())


@pytest.mark.parametrize("room", ["disk", "memory", "none"])
def test_what_fails_its_check_is_not_kept(
    room: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures that are not those of the key are refused wherever they would be held, and leave no entry."""
    if room == "none":
        monkeypatch.setattr(cache, "memory", lambda: (0, 0))

    def check() -> None:
        raise DataError("a picture was written to", where="a.png")

    shelf = Shelf()
    if room == "disk":
        ask = partial(cache.open_or_decode, "k", SHAPE, shelf.open, render, workers=2, check=check)
    else:
        ask = partial(cache.hold, SHAPE, shelf.open, render, 2, Heard(), check)
    with pytest.raises(DataError, match="written to"):
        ask()
    assert sorted(shelf.opened) == list(range(COUNT))
    assert not list(folder.glob("*.u8")) + list(folder.glob("*.part"))


def test_what_cannot_be_converted_is_told_before_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Streamed pictures that decode and cannot be rendered are told with the unreadable ones."""
    monkeypatch.setattr(cache, "memory", lambda: (0, 0))

    def convert(image: Image.Image) -> np.ndarray:
        if image.width == 13:
            raise DataError("a picture of mode X cannot be brought to RGB")
        return render(image)

    streamed, faults = cache.hold(SHAPE, Shelf().open, convert, 2, Heard())
    assert isinstance(streamed, StreamedPixels)
    assert [(f.position, f.reason) for f in faults] == [
        (3, "a picture of mode X cannot be brought to RGB")
    ]


@posix
def test_leftovers_of_the_killed(folder: Path) -> None:
    """Half an entry, of this key or of another, is removed; a file of the wrong size is decoded again."""
    folder.mkdir(parents=True)
    (folder / "k.u8").write_bytes(b"short")
    (folder / "k.123.part").write_bytes(b"x" * 9)
    (folder / "other.456.part").write_bytes(b"x" * 9)
    (folder / "other.lock").write_bytes(b"")
    pixels, _ = read(Shelf())
    assert isinstance(pixels, HeldPixels)
    assert torch.equal(pixels.pixels, expected())
    assert not list(folder.glob("*.part"))


@posix
def test_part_under_way_is_left_alone(folder: Path) -> None:
    """What another process is building is not removed."""
    folder.mkdir(parents=True)
    part = folder / "other.456.part"
    part.write_bytes(b"x")
    with cache._locked(folder / "other.lock"):
        read(Shelf())
        cache.clear()
    assert part.exists()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="met elsewhere")
def test_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the pictures are held in memory, that is said, and nothing is left there."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    heard = Heard()
    pixels, _ = read(Shelf(), listener=heard)
    assert isinstance(pixels, HeldPixels)
    assert torch.equal(pixels.pixels, expected())
    assert "kept in memory" in heard.said[0]
    assert "the disk is full" in heard.said[0]
    assert not list(folder.glob("*.u8")) + list(folder.glob("*.part"))


def test_full_disk_and_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither disk nor memory has room, pictures are decoded again each epoch, bad ones told first."""
    monkeypatch.setattr(cache, "make_room", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    monkeypatch.setattr(cache, "memory", lambda: (100, 100))
    heard = Heard()
    pixels, faults = read(Shelf(), listener=heard)
    assert isinstance(pixels, StreamedPixels)
    assert "decoded again in each epoch" in heard.said[0]
    assert faults == []
    plan = [torch.tensor([5, 0]), torch.tensor([3])]
    assert torch.equal(torch.cat(list(pixels.read(plan))), expected()[[5, 0, 3]])
    assert pixels.aspects.tolist() == pytest.approx([(10 + i) / 20 for i in range(COUNT)])
    _, faults = read(Shelf(bad=(1, 4)))
    assert [fault.position for fault in faults] == [1, 4]


def test_unreadable_never_enters(folder: Path) -> None:
    """An entry with a picture that cannot be decoded is not kept, and each such picture is told."""
    shelf = Shelf(bad=(2, 4))
    pixels, faults = read(shelf)
    assert [(f.position, f.reason) for f in faults] == [
        (2, "the picture is damaged"),
        (4, "the picture is damaged"),
    ]
    assert len(pixels) == 0
    assert len(shelf.opened) == COUNT  # and none is decoded a second time for nothing
    assert not list(folder.glob("*.u8")) + list(folder.glob("*.part"))
    repaired, faults = read(Shelf())
    assert faults == []
    assert len(repaired) == COUNT


def test_stopped_while_decoding(folder: Path) -> None:
    """Ctrl-C in the middle leaves nothing that the next run could take for pictures."""
    shelf = Shelf()

    def stop(position: int) -> Image.Image:
        if position == 3:
            raise KeyboardInterrupt
        return shelf.open(position)

    with pytest.raises(KeyboardInterrupt):
        cache.open_or_decode("k", SHAPE, stop, render, workers=1)
    assert not list(folder.glob("*.u8")) + list(folder.glob("*.part"))


def test_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that may not be written is said once, and the work goes on in memory."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "file"))
    heard = Heard()
    pixels, _ = read(Shelf(), listener=heard)
    assert isinstance(pixels, HeldPixels)
    assert torch.equal(pixels.pixels, expected())
    assert len(heard.said) == 1


def test_read_only_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry in a folder that may only be read is used, without a lock and without a word."""
    read(Shelf())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache, "_locked", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    shelf, heard = Shelf(), Heard()
    read(shelf, listener=heard)
    assert shelf.opened == []
    assert heard.said == []


def test_eviction(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the bound the entries used longest ago go first; what can never fit removes nothing."""
    for age, key in ((300, "old"), (200, "older-but-used"), (100, "new")):
        read(Shelf(), key)
        os.utime(folder / f"{key}.u8", (1_000_000 - age, 1_000_000 - age))
    read(Shelf(), "older-but-used")
    size = (folder / "new.u8").stat().st_size
    monkeypatch.setattr(cache, "LARGEST", 3 * size)
    read(Shelf(), "next")
    assert sorted(p.stem for p in folder.glob("*.u8")) == ["new", "next", "older-but-used"]
    with pytest.raises(OSError, match="more than half of what is free"):
        cache.make_room(folder, 4 * size)
    assert len(list(folder.glob("*.u8"))) == 3


def test_clear(folder: Path) -> None:
    """Clearing removes every entry and says how much that was; an empty cache is no fault."""
    assert cache.clear() == 0
    read(Shelf())
    assert cache.clear() == COUNT * 3 * SIDE * SIDE + 4 * COUNT
    assert not list(folder.glob("*.u8"))
