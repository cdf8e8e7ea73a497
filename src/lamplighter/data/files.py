"""The source whose examples are files, whatever layout they were found in."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from lamplighter.data.example import Example, Source
from lamplighter.errors import DataError
from lamplighter.images.decode import read_picture

BLOCK = 128 << 10  # bytes read at a time
BEGAN = time.time()  # before any digest of this process


@dataclass(frozen=True)
class FileSource:
    """Picture files on disk; see `Source` for the attributes."""

    name: str
    layout: str
    root: Path | None
    found: tuple[Example, ...]
    ignored: Sequence[str] = ()
    empty_classes: Sequence[str] = ()
    notes: Sequence[str] = ()

    def examples(self) -> Sequence[Example]:
        """All examples, in the order of their keys."""
        return self.found

    def open(self, example: Example, *, draft: tuple[int, int] | None = None) -> Image:
        """The decoded picture, upright, its mode untouched."""
        assert example.path is not None
        return read_picture(example.path, draft=draft)

    def digest(self, example: Example) -> str:
        """SHA-256 (hex) of the file's bytes."""
        assert example.path is not None
        try:
            return _digest(example.path)
        except OSError as error:
            raise DataError(
                f"the file cannot be read: {error.strerror or error}",
                where=example.path,
                fix="make it readable, or remove it",
            ) from error


def changed(source: Source, examples: Sequence[Example], digests: Mapping[str, str]) -> list[str]:
    """Keys of the files among `examples` whose content is no longer that of their digest.

    Only files that were written since this process began are read again.
    """
    return [one.key for one in examples if _has_changed(source, one, digests.get(one.key))]


def _has_changed(source: Source, example: Example, digest: str | None) -> bool:
    try:
        late = example.path is not None and example.path.stat().st_ctime >= BEGAN
        return late and source.digest(example) != digest
    except (OSError, DataError):  # it is gone, or shut: decoding it says so
        return False


def _digest(path: Path) -> str:
    """SHA-256 of a file; tens of thousands of small ones cost half of what file objects take."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        while block := os.read(descriptor, BLOCK):
            digest.update(block)
    finally:
        os.close(descriptor)
    return digest.hexdigest()
