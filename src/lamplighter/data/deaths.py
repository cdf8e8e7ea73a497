"""Faults of worker processes, told apart: what a loader raises, and when it may raise it."""

from __future__ import annotations

import os
import re
import signal
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import torch

from lamplighter.data import worker
from lamplighter.errors import DataError, LamplighterError, RunFailed
from lamplighter.machine import is_out_of_memory

END = object()
UNSEEN = "ended without a word"
# by their own folders: a user's may be called the same
PACKAGES = tuple(
    str(folder) + os.sep
    for folder in (Path(str(torch.__file__)).resolve().parent, Path(__file__).resolve().parents[1])
)
_LIBRARY = (sysconfig.get_path("stdlib"), *PACKAGES, "<frozen")


class WorkersLost(RunFailed):
    """Worker processes ended, and the training cannot go on by itself."""


class _Heeding:
    """torch's own handler of SIGCHLD, asked only while a batch is waited for.

    torch raises from that handler wherever the program is, in the middle of a step or of a save.
    """

    def __init__(self) -> None:
        self.inner: Any = None
        self.waiting = self.missed = False

    def __call__(self, number: int, frame: Any) -> None:
        self.missed = not self.waiting
        if self.waiting:
            self.inner(number, frame)

    def install(self) -> None:
        """Takes the place of torch's handler, once that is there."""
        if not hasattr(signal, "SIGCHLD"):
            return
        found = signal.getsignal(signal.SIGCHLD)
        main = threading.current_thread() is threading.main_thread()
        if main and callable(found) and found is not self:
            self.inner = found
            signal.signal(signal.SIGCHLD, self)

    def during(self, wait: Callable[[], Any]) -> Any:
        """What `wait` gives; a death before it or in it is raised from here."""
        self.waiting = True
        try:
            if self.missed and self.inner is not None:
                self.missed = False
                self.inner(signal.SIGCHLD, None)
            return wait()
        finally:
            self.waiting = False


_heeding = _Heeding()


def begun(loader: Any) -> Iterator[Any]:
    """`iter(loader)`; a worker's death is raised here and by `waited_for`, and nowhere else."""
    source: Iterator[Any] = _heeding.during(lambda: iter(loader))
    _heeding.install()
    return source


def waited_for(source: Iterator[Any]) -> Iterator[Any]:
    """The items of a loader's iterator, or the error of a worker that died."""
    while (item := _heeding.during(lambda: next(source, END))) is not END:
        yield item


def death_in(error: BaseException) -> str:
    """How workers ended, in words, if that is what the error is about; else nothing."""
    told = f"{error} {error.__cause__ or ''}"
    if "DataLoader worker" in told and "Caught " not in told:
        by = re.search(r"killed by signal: ([\w ]+)", told)
        if by:
            return f"was killed ({by[1].strip()})"
        code = re.search(r"exit code (\d+)", told)
        return f"ended with code {code[1]}" if code else UNSEEN
    # what the pipes of a worker say when it is gone in the middle of handing something over
    gone = isinstance(error, EOFError | ConnectionError | FileNotFoundError)
    return "was gone when its batch was fetched" if gone and _of_sharing(error) else ""


def _of_sharing(error: BaseException) -> bool:
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename.endswith(("reductions.py", "resource_sharer.py")):
            return True
        at = at.tb_next
    return False


def shortage_of(error: BaseException) -> str:
    """What there was too little of for workers, if that is what the error is about."""
    if isinstance(error, OSError | RuntimeError) and not is_out_of_memory(error):
        return worker.shortage_in(f"{error} {error.__cause__ or ''}")
    return "memory" if isinstance(error, OSError) and error.errno == 12 else ""


def cannot_be_sent(error: BaseException) -> bool:
    """Whether the data set cannot be handed to workers that are started afresh."""
    text = f"{type(error).__name__}: {error}"
    return bool(re.search(r"[Cc]an(?:'t|not) (?:pickle|get local)|PicklingError", text))


def raise_for_own(error: Exception, batch: int, loader: Any) -> NoReturn:
    """An error of a loader that the user made, told as an error of the data.

    Raises:
        WorkersLost: its workers died; which batch was waited for.
        DataError: its code raised; the user's own lines.
    """
    name = type(getattr(loader, "dataset", loader)).__name__
    if isinstance(error, LamplighterError) or is_out_of_memory(error):
        raise error
    death, short = death_in(error), shortage_of(error)
    if death or (short and "Caught " not in str(error)):
        count = getattr(loader, "num_workers", 0)
        told = f"a worker {death}" if death else f"there is too little {short} for its workers"
        raise WorkersLost(
            f"{told} while batch {batch} of the epoch was read from {name}",
            fix=f"lamp train --resume goes on from the last checkpoint; give it fewer than {count} "
            "workers, or none to see an error of the data set itself",
        ) from error
    lines = str(error).rstrip().splitlines()
    trace, last = _users_lines(lines), (lines or [""])[-1]
    if not trace:
        frames = traceback.extract_tb(error.__traceback__)
        kept = [frame for frame in frames if is_the_users(frame.filename)]
        trace = "".join(traceback.format_list(kept[-6:])).rstrip()
        last = f"{type(error).__name__}: {error}"
    raise DataError(
        f"batch {batch} of the epoch cannot be read from {name}: {last}"
        + (f"\n{trace}" if trace else ""),
        fix="mend the data or the lines shown",
    ) from error


def is_the_users(file: str) -> bool:
    """Whether a line of a stack is neither torch's nor Python's nor ours."""
    installed = "site-packages" in file and not any(package in file for package in PACKAGES)
    return installed or not any(part in file for part in _LIBRARY)


def _users_lines(lines: list[str]) -> str:
    """Of the traceback that torch puts into a worker's error, the lines outside of torch."""
    kept: list[str] = []
    ours = False
    for line in lines:
        if line.startswith('  File "'):
            ours = is_the_users(line)
        if ours and line.startswith("  "):
            kept.append(line)
    return "\n".join(kept[-12:])
