"""The memory of a process and all that it started, with pages that they share counted once (Linux)."""

from __future__ import annotations

import threading
import time
from pathlib import Path

EVERY = 0.2  # seconds between two looks, at least
SHARE = 0.02  # of a core that looking may take: each walks over all page tables, with a lock held


def held(pid: int) -> float:
    """Proportional set size of a process and its descendants, MB; 0 where it cannot be read."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        lists = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # ended meanwhile, or another system
        return 0.0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return own / 1024 + sum(held(int(child)) for text in lists for child in text.split())


class Meter:
    """Looks at a process while the context lasts; `peak` is the most that was seen, MB."""

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, args=(pid,), daemon=True)

    def __enter__(self) -> Meter:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._looking.join()

    def _look(self, pid: int) -> None:
        pause = EVERY
        while not self._ended.wait(pause):
            began = time.thread_time()
            self.peak = max(self.peak, held(pid))
            pause = max(EVERY, (time.thread_time() - began) / SHARE)
