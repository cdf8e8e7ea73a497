"""Decoded pictures on disk: decoded once, memory-mapped by every later run.

An entry is one file of raw uint8 [N, H, W, C] followed by float32 [N] aspects, named by the SHA-256
of what it holds (the pictures' contents in order and how they were rendered), so a changed picture
or size is another entry and nothing is ever stale. Augmentation is never cached.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from lamplighter.images.crew import Files, crew
from lamplighter.images.pixels import (
    HeldPixels,
    Opener,
    Pixels,
    Render,
    StreamedPixels,
    Unreadable,
    decode_into,
)
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import cache_folder, memory

LARGEST = 32 << 30  # bytes that all entries together may take
SHARE_OF_MEMORY = 0.4  # of what is free, for pictures that are held without a file behind them
Check = Callable[[], None]
RENDER_VERSION = 2  # raised when what lies in an entry changes


def entry_key(digests: Sequence[str], how: str) -> str:
    """The name of an entry.

    Args:
        digests: SHA-256 of each picture's content, in order.
        how: a text that fixes the rendering (geometry, interpolation, channels).
    """
    hasher = hashlib.sha256(f"{RENDER_VERSION}\n{how}\n".encode())
    for digest in digests:
        hasher.update(digest.encode())
    return hasher.hexdigest()[:40]


def open_or_decode(
    key: str,
    shape: tuple[int, int, int, int],
    opener: Opener,
    render: Render,
    *,
    workers: int,
    files: Files | None = None,
    listener: Listener = SILENT,
    check: Check = lambda: None,
) -> tuple[Pixels, list[Unreadable]]:
    """The pictures of an entry, decoded first if nobody has yet.

    Two processes that want the same entry: one decodes, the other waits and then maps it. A killed
    one leaves a temporary file that the next one removes. Where the disk is full or may not be
    written, `hold` takes over and that is said.

    Args:
        key: from `entry_key`.
        shape: N, C, H, W.
        opener: position → picture.
        render: picture → uint8 [H, W, C].
        workers: threads that decode, or processes where there are `files` and many of them.
        files: what opener and render do, told so that a process of its own can do it.
        check: called once they are decoded and before anything is kept; raises where what was
            decoded is not what `key` names.

    Returns:
        The pictures, and those that could not be decoded; then there are no pictures and nothing
        is kept on disk: leave those out, and ask again.
    """
    folder = cache_folder() / "pixels"
    path = folder / f"{key}.u8"
    try:
        if not _whole(path, shape):  # an entry in a folder that is read-only serves as well
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder / f"{key}.lock", listener):
                _sweep(folder, key)
                if not _whole(path, shape):
                    make_room(folder, _size(shape))
                    faults = _write(path, shape, opener, render, workers, files, listener, check)
                    if faults:
                        nothing = torch.zeros((0, *shape[1:]), dtype=torch.uint8)
                        return HeldPixels(nothing, torch.zeros(0)), faults
        with contextlib.suppress(OSError):
            os.utime(path)
        return _mapped(path, shape), []
    except OSError as error:
        full = f"the disk is full ({error.strerror})" if error.errno == errno.ENOSPC else str(error)
        how = "kept in memory" if _fits(shape) else "decoded again in each epoch"
        listener.say(f"decoded pictures are {how}: {folder}: {full}")
        return hold(shape, opener, render, workers, listener, check)


def hold(
    shape: tuple[int, int, int, int],
    opener: Opener,
    render: Render,
    workers: int,
    listener: Listener,
    check: Check = lambda: None,
) -> tuple[Pixels, list[Unreadable]]:
    """The pictures in memory, and those that could not be decoded.

    Where they would fill the memory, each is decoded once to be sure of it, and again whenever it
    is asked for.
    """
    if not _fits(shape):
        streamed = StreamedPixels(shape[0], opener, render, workers=workers)
        faults = streamed.unreadable(listener)
        check()
        return streamed, faults
    pixels, aspects = np.zeros(_lying(shape), np.uint8), np.ones(shape[0], np.float32)
    faults = decode_into(pixels, aspects, opener, render, workers=workers, listener=listener)
    check()
    return _held(pixels, aspects), faults


def _lying(shape: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """N, C, H, W → as the pictures lie in memory."""
    count, channels, height, width = shape
    return count, height, width, channels


def _held(pixels_NHWC: np.ndarray, aspects: np.ndarray) -> HeldPixels:
    pixels = torch.from_numpy(pixels_NHWC).permute(0, 3, 1, 2)
    return HeldPixels(pixels, torch.from_numpy(aspects))


def make_room(folder: Path, wanted: int) -> None:
    """Removes the entries used longest ago until `wanted` more bytes are within the bound."""
    entries = []
    for entry in folder.glob("*.u8"):
        with contextlib.suppress(OSError):  # another process may remove it at this moment
            entries.append((entry.stat().st_mtime, entry.stat().st_size, entry))
    total = sum(size for _, size, _ in entries)
    bound = min(LARGEST, (shutil.disk_usage(folder).free + total) // 2)
    if wanted > bound:
        raise OSError(errno.ENOSPC, f"{wanted:,} bytes are more than half of what is free")
    for _, size, entry in sorted(entries):
        if total + wanted <= bound:
            break
        total -= size
        entry.unlink(missing_ok=True)


def _sweep(folder: Path, mine: str) -> None:
    """Removes what killed builders left; `mine` is locked by this process already."""
    for part in folder.glob("*.part"):
        key = part.name.split(".")[0]
        if key == mine or not _is_locked(folder / f"{key}.lock"):
            part.unlink(missing_ok=True)


def _is_locked(path: Path) -> bool:
    try:
        import fcntl

        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return True  # Windows, or somebody holds it: not ours to remove
    return False


def _fits(shape: tuple[int, int, int, int]) -> bool:
    return _size(shape) < SHARE_OF_MEMORY * memory()[1]


def clear() -> int:
    """Removes all entries; returns the bytes set free.

    Lock files stay: a builder may hold one, and another must not get past it with a new file.
    """
    folder = cache_folder() / "pixels"
    freed = 0
    for entry in folder.glob("*.u8"):
        freed += entry.stat().st_size
        entry.unlink(missing_ok=True)
    _sweep(folder, "")
    return freed


def _size(shape: tuple[int, int, int, int]) -> int:
    return math.prod(shape) + 4 * shape[0]


def _whole(path: Path, shape: tuple[int, int, int, int]) -> bool:
    return path.is_file() and path.stat().st_size == _size(shape)


def _write(
    path: Path,
    shape: tuple[int, int, int, int],
    opener: Opener,
    render: Render,
    workers: int,
    files: Files | None,
    listener: Listener,
    check: Check,
) -> list[Unreadable]:
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            if hasattr(os, "posix_fallocate"):  # a full disk is met here, not as a SIGBUS later
                os.posix_fallocate(file.fileno(), 0, _size(shape))
            else:
                file.truncate(_size(shape))
        pixels = np.memmap(temporary, np.uint8, "r+", 0, _lying(shape))
        aspects = np.ones(shape[0], np.float32)
        with crew(files, temporary, _lying(shape), workers) as members:
            faults = decode_into(
                pixels, aspects, opener, render, workers=workers, crew=members, listener=listener
            )
        pixels.flush()
        del pixels
        with temporary.open("r+b") as file:
            file.seek(math.prod(shape))
            file.write(aspects.tobytes())
            file.flush()
            os.fsync(file.fileno())
        check()
        if not faults:
            temporary.replace(path)
        return faults
    finally:
        temporary.unlink(missing_ok=True)


def _mapped(path: Path, shape: tuple[int, int, int, int]) -> HeldPixels:
    # copy-on-write: nobody can change the entry through the tensor, and torch asks for writable
    pixels = np.memmap(path, np.uint8, "c", 0, _lying(shape))
    with path.open("rb") as file:
        file.seek(math.prod(shape))
        aspects = np.frombuffer(file.read(4 * shape[0]), np.float32).copy()
    return _held(pixels, aspects)


@contextmanager
def _locked(path: Path, listener: Listener = SILENT) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows: two builders then do the work twice, and the last one wins
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            listener.say("another command is decoding these pictures: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)


def how_text(**facts: object) -> str:
    """A canonical text of rendering facts for `entry_key`."""
    return json.dumps(facts, sort_keys=True, default=str)
