"""Content hashes of all examples, several files at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lamplighter.data.example import Example, Source
from lamplighter.errors import DataError
from lamplighter.listener import SILENT, Listener

CHUNK = 128


class UnreadableFiles(DataError):
    """Files that cannot be read; `keys` are their examples, to be passed to `collect` as `skip`."""

    def __init__(self, faults: Mapping[str, DataError], total: int, *, where: object) -> None:
        self.keys = frozenset(faults)
        super().__init__(
            list_faults(
                f"{len(faults):,} of {total:,} files cannot be read",
                [f"{fault.where}: {fault.message}" for fault in faults.values()],
            ),
            where=where,
            fix="mend them, or leave them out with --skip-unreadable",
        )


def digest_all(
    source: Source, examples: Sequence[Example], listener: Listener = SILENT
) -> dict[str, str]:
    """Key → SHA-256 (hex) of the content.

    Raises:
        UnreadableFiles: files that cannot be read, the first ten named.
    """
    digests: dict[str, str] = {}
    faults: dict[str, DataError] = {}

    def digest_some(some: Sequence[Example]) -> tuple[dict[str, str], dict[str, DataError]]:
        done: dict[str, str] = {}
        failed: dict[str, DataError] = {}
        for example in some:
            try:
                done[example.key] = source.digest(example)
            except DataError as error:
                failed[example.key] = error
        return done, failed

    chunks = [examples[start : start + CHUNK] for start in range(0, len(examples), CHUNK)]
    workers = min(8, 2 * (os.cpu_count() or 1))
    with (
        listener.bar("hashing files", len(examples)) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        for some, (done, failed) in zip(chunks, pool.map(digest_some, chunks), strict=True):
            digests |= done
            faults |= failed
            bar.advance(len(some))
    if faults:
        raise UnreadableFiles(faults, len(examples), where=source.root or source.name)
    return digests


def list_faults(head: str, faults: Sequence[str], shown: int = 10) -> str:
    """A headline and the first faults below it, one a line."""
    lines = [f"  {fault}" for fault in faults[:shown]]
    if len(faults) > shown:
        lines.append(f"  … and {len(faults) - shown:,} more")
    return "\n".join([f"{head}:", *lines])
