"""All pictures of a source → their facts: cached, on several threads, with a bar."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

MEASURED_AT_ONCE = 64
BYTES_AT_ONCE = 100_000


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

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that it belongs to; an empty name where it has no label or a number."""
        label = self.example.label
        if isinstance(label, tuple):
            return label
        return ("" if isinstance(label, float) else label,)


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
    work = _Work(source, examples, store)
    found = work.known(range(len(examples)))
    reused = len(found)
    todo = [place for place in range(len(examples)) if place not in found]
    complete = True
    try:
        with quiet_decoding(), listener.bar("looking at pictures", len(todo)) as bar:
            for some in work.measured(todo, workers or min(16, cores())):
                found |= some
                bar.advance(len(some))
    except KeyboardInterrupt:
        complete = False
    pictures = [
        Picture(examples[place], split_of(examples[place]), found[place]) for place in sorted(found)
    ]
    return Scan(pictures, len(examples), complete, reused)


class _Work:
    """What is to be measured, by its place among the examples, and where it is kept."""

    def __init__(self, source: Source, examples: Sequence[Example], store: Store) -> None:
        self._source, self._examples, self._store = source, examples, store
        self._stamps = [stamp_of(one.path) if one.path else None for one in examples]

    def known(self, places: Iterable[int]) -> dict[int, Facts]:
        """Those whose facts are in the store."""
        asked = {place: stamp for place in places if (stamp := self._stamps[place])}
        facts = self._store.known(asked.values())
        return {place: facts[path] for place, (path, *_) in asked.items() if path in facts}

    def measured(self, todo: Sequence[int], workers: int) -> Iterator[dict[int, Facts]]:
        """Place → facts, block by block: where the pixels are an array, else by file."""
        if not isinstance(self._source, MemorySource):
            yield from self._of_files(todo, workers)
            return
        for block in blocks_of(self._source.pixels, todo):
            rows = np.array([self._examples[place].index for place in block], np.int64)
            yield dict(zip(block, measure_block(self._source.pixels[rows]), strict=True))

    def _of_files(self, todo: Sequence[int], workers: int) -> Iterator[dict[int, Facts]]:
        """A few blocks are read ahead, so memory stays bounded; each is kept when it is done.

        Another process may measure the same files (see `ahead`), so each is asked for once more.
        """
        waiting: deque[tuple[Sequence[int], Future[list[Facts]]]] = deque()

        def first_done() -> dict[int, Facts]:
            places, future = waiting.popleft()
            some = dict(zip(places, future.result(), strict=True))
            self._keep(some)
            return some

        pool = ThreadPoolExecutor(workers, thread_name_prefix="lamp-look")
        try:
            for block in self._blocks(todo):
                there = self.known(block)
                yield there
                places = [place for place in block if place not in there]
                some = [self._examples[place] for place in places]
                waiting.append((places, pool.submit(_measure, self._source, some)))
                if len(waiting) > 2 * workers:
                    yield first_done()
            while waiting:
                yield first_done()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _blocks(self, todo: Sequence[int]) -> Iterator[list[int]]:
        """Small files together, large ones by themselves.

        Handing over costs as much as a small picture, and small ones share their arithmetic; of
        large ones no more are begun than needed, since another process may have them already.
        """
        block: list[int] = []
        held = 0
        for place in todo:
            stamp = self._stamps[place]
            block.append(place)
            held += stamp[1] if stamp else BYTES_AT_ONCE
            if held >= BYTES_AT_ONCE or len(block) == MEASURED_AT_ONCE:
                yield block
                block, held = [], 0
        if block:
            yield block

    def _keep(self, some: Mapping[int, Facts]) -> None:
        # a missing file is no fact about a file
        self._store.keep(
            (stamp, facts)
            for place, facts in some.items()
            if (stamp := self._stamps[place]) and facts.fault != "missing"
        )


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
