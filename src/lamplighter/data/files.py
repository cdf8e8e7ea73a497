"""The source whose examples are files, whatever layout they were found in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from lamplighter.data.example import Example
from lamplighter.errors import DataError
from lamplighter.images.decode import read_picture

BLOCK = 128 << 10  # bytes read at a time


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
