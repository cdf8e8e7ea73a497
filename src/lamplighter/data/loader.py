"""Loaders for the user's own data sets, whose workers may die without harm to the training.

What an example is depends on (seed, epoch, index) alone, so a loader that is made again goes on at
the same place with the same batches, whatever the number of its workers.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from lamplighter.data import worker
from lamplighter.data.deaths import (
    UNSEEN,
    WorkersLost,
    begun,
    cannot_be_sent,
    death_in,
    is_the_users,
    shortage_of,
    waited_for,
)
from lamplighter.data.seeded import EpochSampler, Failed, SeededCollate, SeededExamples
from lamplighter.data.whole import WholeLoader, whole_of
from lamplighter.errors import UsageError
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import cores

CPU = torch.device("cpu")
MOST_IN_A_ROW = 3  # deaths without a batch between them
MOST_IN_AN_EPOCH = 20
PER_CORE, LEAST = 4, 8  # workers beyond which nothing gets faster
ANSWER_SECONDS = 1.0  # in which a worker says where it stands


def bounded(asked: int, listener: Listener = SILENT) -> int:
    """As many workers as make sense here: at most four a core, and eight in any case."""
    most = max(LEAST, PER_CORE * cores())
    if asked > most:
        listener.warn(
            f"{asked} workers were asked for and this machine has {cores()} cores: {most} work, "
            "more would only take memory and turns from each other"
        )
    return min(asked, most)


@dataclass
class WorkedLoader:
    """Batches of a map-style data set, read by workers; made again where they die.

    Args:
        dataset: read under seeds of its own.
        sampler: the order.
        batch: examples in each.
        drop_last: leaves a lone last example out.
        collate: examples → batch.
        workers: processes; lowered where the machine cannot bear them.
        pin: page-locked memory, for a GPU.
        listener: hears what was recovered.
    """

    dataset: SeededExamples
    sampler: EpochSampler
    batch: int
    drop_last: bool
    collate: SeededCollate
    workers: int
    pin: bool = False
    listener: Listener = SILENT
    strategy: str = field(default_factory=torch.multiprocessing.get_sharing_strategy)
    _inner: Any = None
    _iterator: Any = None
    _folder: Any = None

    def __post_init__(self) -> None:
        if self.workers:
            self._enough_handles()

    def __len__(self) -> int:
        full, left = divmod(len(self.sampler), self.batch)
        return full + (left > 0 and not self.drop_last)

    def begin(self, epoch: int, skip: int = 0) -> None:
        """The next iteration is that epoch's, without its first `skip` batches."""
        self.sampler.set_epoch(epoch, skip * self.batch)

    def __iter__(self) -> Iterator[Any]:
        deaths = in_a_row = given = 0
        start = self.sampler.begin
        while True:
            try:
                for raw in self._batches():
                    if isinstance(raw, Failed):
                        raise raw.raised() from raw.cause
                    in_a_row, given = 0, given + 1
                    yield raw
                return
            except (
                RuntimeError,
                OSError,
                EOFError,
                AttributeError,
                TypeError,
                ValueError,
            ) as error:
                deaths, in_a_row = deaths + 1, in_a_row + 1
                if not self.workers or not self._mended(error, deaths, in_a_row):
                    raise
                self.sampler.begin = start + given * self.batch

    def _batches(self) -> Iterator[Any]:
        if self._inner is None:
            self._inner = self._made()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            warnings.filterwarnings("ignore", message="Got pickle error")  # said below
            self._iterator = begun(self._inner)
        yield from waited_for(self._iterator)

    def _made(self) -> DataLoader[Any]:
        named: dict[str, Any] = {}
        if self.workers:
            self._folder = tempfile.mkdtemp(prefix="lamp-workers-")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            begin = worker.Begin(self._folder, self.strategy)
            named = {"persistent_workers": True, "worker_init_fn": begin}
            torch.multiprocessing.set_sharing_strategy(self.strategy)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            return DataLoader(
                self.dataset, batch_size=self.batch, sampler=self.sampler, drop_last=self.drop_last,
                collate_fn=self.collate, num_workers=self.workers, pin_memory=self.pin,
                # a loader draws a seed for each epoch, but none for workers that are there already:
                # from a generator of its own, or dropout would depend on the number of workers
                generator=torch.Generator().manual_seed(0), **named,
            )  # fmt: skip

    def _mended(self, error: BaseException, deaths: int, in_a_row: int) -> bool:
        """Puts right what it can, says so, and returns whether the error was about workers.

        Raises:
            WorkersLost: they die again and again.
        """
        death, last = death_in(error) and self._how_ended(death_in(error)), self._last_words()
        why = next((one for _, one in last if one), "")
        short = shortage_of(error) or worker.shortage_in(why) or worker.shortage_in(death)
        before = self.workers
        if cannot_be_sent(error):
            told = f"the data set cannot be handed to workers ({_short(error)})"
            self.workers = 0
        elif short:
            told = f"there is too little {short} for {_workers(before)}"
            self._with_less(short)
        elif death:
            if in_a_row >= MOST_IN_A_ROW or deaths >= MOST_IN_AN_EPOCH:
                raise self._lost(death, last, deaths) from error
            told = f"a worker {death}{_read_then(last)}"
            self.workers = self.workers if in_a_row == 1 else max(1, self.workers // 2)
        else:
            return False
        self._drop()
        now = (
            f"{_workers(self.workers)} go{'es' * (self.workers == 1)} on"
            if self.workers
            else "the training's own process reads"
        )
        if self.workers == before:
            now = "new workers go on"
        self.listener.warn(f"{told}: {now} from the same place, with the same results")
        return True

    def _with_less(self, short: str) -> None:
        if short == "file handles" and self._more_handles():
            return
        if short == "file handles" and self.strategy != "file_system" and self.workers > 1:
            self.strategy = "file_system"  # one name a tensor in place of an open file
            return
        self.workers //= 2

    def _more_handles(self) -> bool:
        """Raises the limit of open files as far as the system lets this process."""
        try:
            import resource
        except ImportError:
            return False
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        if soft == resource.RLIM_INFINITY or soft >= most:
            return False
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return True

    def _enough_handles(self) -> None:
        """Too few of them can make a worker lose a batch without a word, so they are counted first."""
        try:
            import resource
        except ImportError:
            return
        self._more_handles()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY or soft >= 128 + 32 * self.workers:
            return
        before, self.workers = self.workers, max(0, (soft - 128) // 32)
        self.strategy = "file_system"
        self.listener.warn(
            f"this process may have {soft} files open, too few for {_workers(before)}: "
            f"{_workers(self.workers) if self.workers else 'the training itself'} will read (ulimit -n 4096 allows more)"
        )

    def _lost(self, death: str, last: list[tuple[int | None, str]], deaths: int) -> WorkersLost:
        afresh = torch.multiprocessing.get_start_method() != "fork"
        if all(index is None for index, _ in last) and afresh:
            return WorkersLost(
                f"workers end before they read anything (the last one {death})",
                where=type(self.dataset.examples).__name__,
                fix='put what your script does below: if __name__ == "__main__":   '
                "(workers that are started afresh import the script), or --workers 0",
            )
        return WorkersLost(
            f"a worker {death}{_read_then(last)}, after {deaths - 1} others in this epoch; what was "
            "trained is kept. «Killed» is mostly the system's doing when the memory is full; "
            "«Segmentation fault» a crash in what decodes",
            where=type(self.dataset.examples).__name__,
            fix="look at those examples; --resume with --workers 0 reads in one process, or fewer workers take less memory",
        )

    def _how_ended(self, told: str) -> str:
        """How a worker ended, by its process where torch did not see it."""
        if told != UNSEEN:
            return told
        codes = [process.exitcode for process in getattr(self._iterator, "_workers", [])]
        ended = [code for code in codes if code]
        if not ended:
            return told
        if ended[0] > 0:
            return f"ended with code {ended[0]}"
        return f"was killed ({signal.strsignal(-ended[0]) or -ended[0]})"

    def _last_words(self) -> list[tuple[int | None, str]]:
        """(example, why it gave up) of each worker that has ended."""
        if self._folder is None:
            return []
        processes = getattr(self._iterator, "_workers", [])
        return [
            worker.last_words(self._folder, number)
            for number, process in enumerate(processes)
            if not process.is_alive()
        ]

    def _drop(self) -> None:
        self._inner = self._iterator = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def stacks(self) -> str:
        """Where each worker stands, line by line; asks them to say it."""
        processes = list(getattr(self._iterator, "_workers", []))
        if self._folder is None or not hasattr(signal, "SIGUSR2"):
            return ""
        asked = []
        for number, process in enumerate(processes):
            if process.is_alive() and worker.stack_file(self._folder, number).exists():
                os.kill(process.pid, signal.SIGUSR2)
                asked.append((number, process.pid))
        time.sleep(ANSWER_SECONDS if asked else 0)
        return "\n".join(self._stack(number, pid) for number, pid in asked)

    def _stack(self, number: int, pid: int) -> str:
        index, _ = worker.last_words(self._folder, number)
        lines = worker.stack_file(self._folder, number).read_text(errors="replace").splitlines()
        # most recent first, down to torch's loop
        inner = itertools.takewhile(lambda line: "/torch/" not in line, lines)
        frames = [line for line in inner if line.startswith("  File") and is_the_users(line)]
        if not frames:
            return f"worker {pid}: waits for something to do"
        return "\n".join([f"worker {pid} at example {index}:", *frames[:4]])


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]


def _read_then(last: list[tuple[int | None, str]]) -> str:
    indices = sorted({index for index, _ in last if index is not None})
    return f" while it read example {', '.join(map(str, indices))}" if indices else ""


def make_loader(
    data: Any,
    *,
    batch: int,
    shuffle: bool,
    seed: int,
    workers: int,
    collate: Callable[[list[Any]], Any] | None = None,
    device: torch.device = CPU,
    listener: Listener = SILENT,
) -> tuple[Any, Callable[[int], None] | None]:
    """A loader for what the user gave, and how to tell it the epoch.

    Args:
        data: a map-style or iterable `Dataset`, a `DataLoader`, or any iterable of batches.
        device: where the batches are wanted.

    Returns:
        (loader, set_epoch or None). Loaders and iterables are taken as they are.

    Raises:
        UsageError: a plain list whose items may be whole batches.
    """
    if isinstance(data, DataLoader) or not is_dataset(data):
        sampler = getattr(data, "sampler", None)
        return data, getattr(sampler, "set_epoch", None)
    refuse_batches(data)
    if isinstance(data, IterableDataset):
        # each worker would yield the whole of it; who shares it out hands over a DataLoader
        loader: Any = DataLoader(
            data, batch_size=batch, collate_fn=collate, pin_memory=device.type == "cuda",
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        return loader, getattr(data, "set_epoch", None)
    sampler = EpochSampler(len(data), seed, shuffle)
    lone = shuffle and len(data) > batch and len(data) % batch == 1
    whole = whole_of(data) if collate is None else None
    if whole is not None:
        loader = WholeLoader(
            data, whole, sampler, batch=batch, drop_last=lone, seed=seed, device=device
        )
        return loader, loader.begin
    loader = WorkedLoader(
        SeededExamples(data, seed), sampler, batch, lone, SeededCollate(collate, seed),
        workers, device.type == "cuda", listener,
    )  # fmt: skip
    return loader, loader.begin


def refuse_batches(data: Any) -> None:
    """Refuses a plain list whose items have the form of batches: as examples they would be batched again.

    Raises:
        UsageError: inputs and target of an item have as many rows, as those of a batch do.
    """
    first = data[0] if isinstance(data, list | tuple) and data else ()
    fields = first.values() if isinstance(first, Mapping) else first
    several = isinstance(first, Mapping | list | tuple)
    parts = [part for part in fields if hasattr(part, "shape")] if several else []
    rows = {tuple(part.shape[:1]) for part in parts}
    if len(parts) < 2 or len(rows) > 1 or () in rows or parts[0].ndim < 2:
        return
    raise UsageError(
        f"inputs and target of its items have {parts[0].shape[0]} rows each: they may be examples, "
        "and they may be whole batches, which a plain list does not tell",
        where=f"a {type(data).__name__} of {len(data)} items",
        fix="DataLoader(batches, batch_size=None, shuffle=True) for batches; "
        "DataLoader(examples, batch_size=32, shuffle=True) for examples",
    )


def is_dataset(data: Any) -> bool:
    """Whether it yields examples (a Dataset) rather than batches."""
    return isinstance(data, torch.utils.data.Dataset) or (
        hasattr(data, "__getitem__")
        and hasattr(data, "__len__")
        and not hasattr(data, "batch_size")
    )
