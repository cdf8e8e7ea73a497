"""Pictures in a folder without classes: nothing to train on, but enough to look at."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lamplighter.data.example import Example, Source
from lamplighter.data.files import FileSource
from lamplighter.data.listing import walk_pictures
from lamplighter.data.own import OwnSets
from lamplighter.data.sources import open_source
from lamplighter.errors import DataError


def open_for_look(data: str | Path, *, data_root: str | Path | None = None) -> Source:
    """Opens what a person wants looked at: everything that can be trained on, and plain folders.

    Args:
        data: what the command line was given.
        data_root: where known sets lie, or the folder that a table's paths start from.

    Raises:
        DataError: no such thing, nothing in it, or not pictures.
    """
    try:
        source = open_source(data, data_root=data_root)
    except DataError:
        folder = Path(data).expanduser()
        loose = _open_loose(folder) if folder.is_dir() else _open_numbers(data, data_root)
        if loose is None:
            raise
        return loose
    if isinstance(source, OwnSets):
        raise DataError(
            f"{source.name} yields tensors or other structures, not pictures",
            where=str(data),
            fix=f"lamp check {data} looks at what a network would be given",
        )
    if not source.examples() and Path(data).expanduser().is_dir():
        return _open_loose(Path(data).expanduser()) or source
    return source


def _open_numbers(data: str | Path, data_root: str | Path | None) -> Source | None:
    """A table of measurements, whose pictures are worth a look whatever is learned of them."""
    with contextlib.suppress(DataError):
        source = open_source(data, data_root=data_root, task="regression")
        return None if isinstance(source, OwnSets) else source
    return None


def _open_loose(folder: Path) -> FileSource | None:
    ignored: list[str] = []
    found = [
        Example(key=key.removeprefix("./"), label="", path=path)
        for key, path in walk_pictures(folder, ".", ignored)
    ]
    if not found:
        return None
    return FileSource(
        name=folder.resolve().name or "data",
        layout="pictures without classes (nothing to train on yet)",
        root=folder,
        found=tuple(found),
        ignored=tuple(key.removeprefix("./") for key in ignored),
    )
