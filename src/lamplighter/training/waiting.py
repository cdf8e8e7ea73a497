"""A training that waits for data says so, and where its readers stand: it never waits in silence."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamplighter.data.deaths import PACKAGES, is_the_users
from lamplighter.listener import Listener
from lamplighter.machine import children, seconds_of

SLOWEST = 10  # times the slowest batch so far, before a wait is worth a word
BUSY = 0.2  # share of a core that readers use when they are at work and only slow
READERS = "lamp-decode"  # name of the threads that decode


class Patience:
    """Watches how long a batch is waited for.

    A wait is told once it is longer than `after` and ten times the slowest before it, and its
    readers use hardly any processor: one that computes is slow, and left alone. Telling is all that
    is done, for slow storage looks the same as a worker that hangs.

    Args:
        after: seconds; 0 never says anything.
        batches: train and validation batches, whose readers are asked where they stand.
        listener: hears it.
    """

    def __init__(self, after: float, batches: list[Any], listener: Listener) -> None:
        self.after, self.listener = after, listener
        self.loaders = [getattr(one, "loader", one) for one in batches]
        self.slowest = self.since = 0.0
        self.told = 0.0
        self.closed = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[Patience]:
        """Watches while it lasts."""
        if self.after > 0:
            threading.Thread(target=self._watch, daemon=True, name="lamp-patience").start()
        try:
            yield self
        finally:
            self.closed.set()

    def begin(self) -> None:
        """The wait for one batch begins."""
        self.since = time.monotonic()

    def end(self) -> None:
        """It is over, whether a batch came or not."""
        took = time.monotonic() - self.since
        self.since = self.told = 0.0
        self.slowest = max(self.slowest, took)

    def _watch(self) -> None:
        looked, used = time.monotonic(), self._busy()
        while not self.closed.wait(min(self.after / 4, 10.0)):
            now, busy = time.monotonic(), self._busy()
            working = busy - used > BUSY * (now - looked)
            looked, used = now, busy
            since = self.since
            limit = max(self.after, SLOWEST * self.slowest, 2 * self.told)
            if since and now - since >= limit and not working:
                self.told = now - since
                self.listener.warn(self._words(now - since))

    def _words(self, seconds: float) -> str:
        before = f" (the slowest before took {self.slowest:.1f} s)" if self.slowest else ""
        stacks = [str(one.stacks()) for one in self.loaders if hasattr(one, "stacks")]
        where = "\n".join(text for text in stacks or _threads() if text) or _elsewhere()
        return (
            f"no batch has come for {seconds:,.0f} s{before}, and nothing computes: slow storage, or "
            f"a reader that hangs. Ctrl-C stops and keeps what is trained\n{where}"
        )

    def _busy(self) -> float:
        """Processor time of this process and its workers, seconds."""
        return time.process_time() + sum(seconds_of(pid) for pid in children())


def _elsewhere() -> str:
    """Where to look for workers that were not started here, and so cannot be asked."""
    pids = [str(pid) for pid in children()]
    if not pids:
        return "where it is read cannot be seen from here"
    return f"its workers are the processes {', '.join(pids[:16])}; to see where one stands: py-spy dump --pid {pids[0]}"


def _threads() -> list[str]:
    """Where the threads that decode stand, and where nobody else reads, the training itself."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    told = []
    for ident, frame in sys._current_frames().items():
        name = names.get(ident, "")
        if name.startswith(READERS) or ident == threading.main_thread().ident:
            # the frames below our own and torch's: what those wait for
            stack = reversed(traceback.extract_stack(frame))
            inner = itertools.takewhile(lambda f: not f.filename.startswith(PACKAGES), stack)
            frames = [f for f in reversed(list(inner)) if is_the_users(f.filename)]
            if frames:
                told.append(f"{name}:\n" + "".join(traceback.format_list(frames[-3:])).rstrip())
    return told[:4]
