"""All pictures of a source → their facts: cached, on several threads, with a bar."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamplighter.data.example import Example, Source
from lamplighter.data.memory import MemorySource
from lamplighter.errors import LamplighterError
from lamplighter.listener import SILENT, Listener
from lamplighter.look.facts import Facts
from lamplighter.look.held import blocks_of, measure_block
from lamplighter.look.measure import measure_file, measure_files, measure_picture, quiet_decoding
from lamplighter.look.store import Store, stamp_of
from lamplighter.machine import cores

KEPT_AT_ONCE = 512
MEASURED_AT_ONCE = 64
Stamp = tuple[str, int, int]


@dataclass(slots=True)
class Picture:
    """One example and what its file says.

    Args:
        example: as the source gave it.
        split: its split, "all" where the source has none.
        facts: what the one pass over the file found.
    """

    example: Example
    split: str
    facts: Facts

    @property
    def key(self) -> str:
        """The example's key: what people are shown."""
        return self.example.key

    @property
    def label(self) -> str:
        """The label as text; several names are joined."""
        label = self.example.label
        return "+".join(label) if isinstance(label, tuple) else str(label)


@dataclass(frozen=True)
class Scan:
    """What a pass over a source gave.

    Args:
        pictures: those whose facts are known, in the source's order.
        total: how many examples the source has (before a limit).
        complete: False when the person stopped it or a limit left some out.
        reused: how many facts came from the cache.
    """

    pictures: list[Picture]
    total: int
    complete: bool
    reused: int


def split_of(example: Example) -> str:
    """The split that the source says, or "all"."""
    return example.split or "all"


def scan_source(
    source: Source,
    examples: Sequence[Example],
    *,
    store: Store,
    workers: int = 0,
    listener: Listener = SILENT,
) -> Scan:
    """Measures every example's picture once.

    Args:
        source: opens pictures that have no file.
        examples: what to measure.
        store: facts of earlier looks.
        workers: threads; 0 takes as many as there are cores, up to 16.
        listener: hears the progress.

    Returns:
        The facts; what was known until then when the person stopped it.
    """
    found: dict[int, Facts] = {}
    stamps = [stamp_of(example.path) if example.path else None for example in examples]
    known = store.known([stamp for stamp in stamps if stamp])
    for place, stamp in enumerate(stamps):
        if stamp and stamp[0] in known:
            found[place] = known[stamp[0]]
    reused = len(found)
    todo = [place for place in range(len(examples)) if place not in found]
    complete = True
    fresh: list[tuple[Stamp, Facts]] = []
    try:
        with quiet_decoding(), listener.bar("looking at pictures", len(todo)) as bar:
            for place, facts in _any_measured(source, examples, todo, workers):
                found[place] = facts
                bar.advance()
                stamp = stamps[place]
                # a missing file is no fact about a file
                if stamp and facts.fault != "missing":
                    fresh.append((stamp, facts))
                if len(fresh) >= KEPT_AT_ONCE:
                    store.keep(fresh)
                    fresh = []
    except KeyboardInterrupt:
        complete = False
    store.keep(fresh)
    pictures = [
        Picture(examples[place], split_of(examples[place]), found[place]) for place in sorted(found)
    ]
    return Scan(pictures, len(examples), complete, reused)


def _any_measured(
    source: Source, examples: Sequence[Example], todo: Sequence[int], workers: int
) -> Iterator[tuple[int, Facts]]:
    """(place, facts) in order: whole blocks where the pixels are an array, else file by file."""
    if not isinstance(source, MemorySource):
        yield from _measured(source, examples, todo, workers)
        return
    for block in blocks_of(source.pixels, todo):
        rows = np.array([examples[place].index for place in block], np.int64)
        yield from zip(block, measure_block(source.pixels[rows]), strict=True)


def _measured(
    source: Source, examples: Sequence[Example], todo: Sequence[int], workers: int
) -> Iterator[tuple[int, Facts]]:
    """(place, facts) in order; a few files are read ahead, so memory stays bounded."""
    workers = workers or min(16, cores())
    # handing over costs as much as a small picture, and small ones share their arithmetic
    size = max(1, min(MEASURED_AT_ONCE, len(todo) // (4 * workers)))
    waiting: deque[tuple[Sequence[int], Future[list[Facts]]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lamp-look")
    try:
        for start in range(0, len(todo), size):
            places = todo[start : start + size]
            some = [examples[place] for place in places]
            waiting.append((places, pool.submit(_measure, source, some)))
            if len(waiting) > 2 * workers:
                ready, future = waiting.popleft()
                yield from zip(ready, future.result(), strict=True)
        while waiting:
            ready, future = waiting.popleft()
            yield from zip(ready, future.result(), strict=True)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _measure(source: Source, some: Sequence[Example]) -> list[Facts]:
    paths = [Path(example.path) for example in some if example.path is not None]
    if len(paths) == len(some):
        return measure_files(paths)
    return [_measure_one(source, example) for example in some]


def _measure_one(source: Source, example: Example) -> Facts:
    if example.path is not None:
        return measure_file(Path(example.path))
    try:
        return measure_picture(source.open(example), source.digest(example))
    except LamplighterError as error:
        return Facts(fault="unreadable", reason=error.message)
