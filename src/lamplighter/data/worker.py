"""What happens within a worker: a process that reads examples for the training.

It leaves the terminal's group, writes down what it is reading (so that it can be said when it is
killed), can be asked where it stands, and ends aloud where torch would let the training wait.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import re
import signal
from dataclasses import dataclass
from multiprocessing import queues
from pathlib import Path
from typing import Any

import torch.multiprocessing

SHORT_OF = {
    "shared memory": re.compile(
        r"shared memory|shm|No space left on device|/torch_\d|Bus error", re.IGNORECASE
    ),
    "file handles": re.compile(
        r"Too many open files|0 items of ancdata|No usable temporary directory", re.IGNORECASE
    ),
    "memory": re.compile(r"Cannot allocate memory|Resource temporarily unavailable"),
}
GAVE_UP = 71  # exit code of a worker that ends itself

_notes: int | None = None  # of this process, where it is a worker


@dataclass(frozen=True)
class Begin:
    """`worker_init_fn` of our loaders.

    Args:
        folder: where workers write what they read, one file each.
        strategy: how tensors are handed over (`torch.multiprocessing.set_sharing_strategy`).
    """

    folder: str
    strategy: str

    def __call__(self, number: int) -> None:
        global _notes
        stand_apart()
        torch.multiprocessing.set_sharing_strategy(self.strategy)
        with contextlib.suppress(OSError):
            _notes = os.open(note_file(self.folder, number), os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if hasattr(faulthandler, "register"):
                stacks = stack_file(self.folder, number).open("w")
                faulthandler.register(signal.SIGUSR2, stacks, all_threads=False)
        # a batch that cannot be handed over is dropped by the queue, and the training waits for it
        # without end; the queue asks this hook first (private, there since Python 3.7)
        queues.Queue._on_queue_feeder_error = staticmethod(_cannot_hand_over)  # type: ignore[attr-defined]


def stand_apart() -> None:
    """Leaves the terminal's group: Ctrl-C is for the process that trains, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()


def note_file(folder: str, number: int) -> Path:
    """Where worker `number` writes what it reads."""
    return Path(folder) / f"{number}.reading"


def stack_file(folder: str, number: int) -> Path:
    """Where worker `number` writes where it stands."""
    return Path(folder) / f"{number}.stack"


def reading(index: int) -> None:
    """Writes down, in a worker, which example is read now (2 µs)."""
    if _notes is not None:
        os.pwrite(_notes, b"%-24d" % index, 0)


def give_up(error: BaseException) -> None:
    """Ends a worker, which leaves why; in the training's own process it does nothing."""
    if _notes is not None:
        os.pwrite(_notes, f"\n{error}".encode()[:2000], 24)
        os._exit(GAVE_UP)


def _cannot_hand_over(error: BaseException, _: Any) -> None:
    give_up(error)


def shortage_in(text: str) -> str:
    """What there was too little of, going by an error's text: one of `SHORT_OF`, or nothing."""
    return next((name for name, pattern in SHORT_OF.items() if pattern.search(text)), "")


def last_words(folder: str, number: int) -> tuple[int | None, str]:
    """The example that a worker read last, and why it gave up, if it did."""
    try:
        content = note_file(folder, number).read_bytes().decode(errors="replace")
    except OSError:
        return None, ""
    index, _, why = content.partition("\n")
    return (int(index) if index.strip().lstrip("-").isdigit() else None), why.strip()
