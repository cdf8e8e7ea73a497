"""Reads the official files of MNIST, CIFAR and SVHN where they lie, without unpacking them."""

from __future__ import annotations

import gzip
import struct
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamplighter.data.pickled import read_pickled
from lamplighter.errors import DataError

IDX_UINT8 = 0x08
FETCH_AGAIN = "fetch the file again"


def read_idx(path: Path) -> np.ndarray:
    """An IDX file, plain or gzipped, as a uint8 array of the shape that it states.

    Raises:
        DataError: damaged, cut off, or of another type than uint8.

    Source: the IDX format as described with MNIST (LeCun, Cortes, Burges).
    """
    content = _unzipped(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != IDX_UINT8:
        raise DataError(
            f"not an IDX file of bytes; it begins with {content[:4]!r}", where=path, fix=FETCH_AGAIN
        )
    rank = content[3]
    if len(content) < 4 + 4 * rank:
        raise DataError("the IDX header is cut off", where=path, fix=FETCH_AGAIN)
    shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    size = int(np.prod(shape, dtype=np.int64))
    if len(content) - 4 - 4 * rank != size:
        raise DataError(
            f"the header promises {size:,} bytes for shape {shape}, the file holds {len(content) - 4 - 4 * rank:,}",
            where=path,
            fix=FETCH_AGAIN,
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _unzipped(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"the file cannot be read: {error}", where=path, fix=FETCH_AGAIN) from error


def read_batches(home: Path, folder: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """The dicts of CIFAR's Python batches, from the archive or from its unpacked folder.

    Args:
        home: the `.tar.gz`, or the unpacked folder.
        folder: the folder within the archive.
        names: the files wanted, such as "data_batch_1".

    Raises:
        DataError: a file is missing or damaged.
    """
    if home.is_dir():
        contents = {name: _unzipped(home / name) for name in names}
    else:
        contents = _from_archive(home, {f"{folder}/{name}": name for name in names})
    return [read_pickled(contents[name], where=f"{home}: {name}") for name in names]


def _from_archive(archive: Path, wanted: dict[str, str]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:*") as opened:
            for member in opened:
                name = wanted.get(member.name.removeprefix("./"))
                stream = opened.extractfile(member) if name and member.isfile() else None
                if name is not None and stream is not None:
                    contents[name] = stream.read()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(
            f"the archive cannot be read: {error}", where=archive, fix=FETCH_AGAIN
        ) from error
    missing = [path for path, name in wanted.items() if name not in contents]
    if missing:
        raise DataError(f"the archive lacks {', '.join(missing)}", where=archive, fix=FETCH_AGAIN)
    return contents


def cifar_pictures(batches: Sequence[dict[str, Any]]) -> np.ndarray:
    """The rows of CIFAR batches as uint8 N × 32 × 32 × 3."""
    rows = np.concatenate([batch["data"] for batch in batches])
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (uint8 N × 32 × 32 × 3) and digits (N; the file's 10 is the digit 0).

    Raises:
        DataError: damaged.
    """
    from scipy.io import loadmat

    try:
        held = loadmat(path)
        pixels = np.ascontiguousarray(held["X"].transpose(3, 0, 1, 2).astype(np.uint8))
        return pixels, held["y"].reshape(-1).astype(np.int64) % 10
    except Exception as error:
        raise DataError(f"the file cannot be read: {error}", where=path, fix=FETCH_AGAIN) from error
