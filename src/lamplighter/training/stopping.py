"""The stop flag: signals are noted and polled, so that a step is never cut in half."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from lamplighter.errors import Interrupted
from lamplighter.training.waiting import Patience

T = TypeVar("T")
END = object()
EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGUSR1": 143}


GRACE = 3.0  # seconds in which a batch that is waited for may still come


class CutShort(BaseException):
    """A wait for data that may never come ended because the training is to stop."""


class StopFlag:
    """Whether somebody asked the training to stop; call it to ask.

    Attributes:
        cause: name of the first signal; empty while there is none.
        waiting: whether the loop waits for data, which is the one place where nothing is in the
            middle of a step and where it may wait without end (a worker that hangs).
        cut: such a wait was ended.
        closed: nobody asks any more.
    """

    def __init__(self) -> None:
        self.cause = ""
        self.waiting = False
        self.cut = False
        self.closed = threading.Event()
        self.noted = 0.0

    def note(self, name: str) -> None:
        """Takes note of a signal, and has it come again while the loop does not stop."""
        self.cause, self.noted = name, time.monotonic()
        threading.Thread(target=self._remind, daemon=True, name="lamp-remind").start()

    def _remind(self) -> None:
        while not self.closed.wait(GRACE):
            os.kill(os.getpid(), signal.SIGTERM)

    def __call__(self) -> bool:
        return bool(self.cause)

    def error(self, message: str, fix: str) -> Interrupted:
        """The error that ends the command, with the exit code that belongs to the signal."""
        error = Interrupted(message, fix=fix)
        error.exit_code = EXIT_CODES.get(self.cause, 130)
        return error


@contextmanager
def stop_flag() -> Iterator[StopFlag]:
    """Notes SIGINT, SIGTERM and SIGUSR1 while it lasts; a second SIGINT stops at once.

    Only the main thread may handle signals: elsewhere the flag is never raised, and
    KeyboardInterrupt works as always.
    """
    flag = StopFlag()

    def note(number: int, _: FrameType | None) -> None:
        if flag.cause == "SIGINT" and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not flag.cause:
            flag.note(signal.Signals(number).name)
        elif flag.waiting and time.monotonic() - flag.noted >= GRACE * 0.9:
            raise CutShort

    with _handled(note, tuple(EXIT_CODES)):
        try:
            yield flag
        finally:
            flag.closed.set()


def heeding(
    source: Iterable[T], stop: Callable[[], bool], patience: Patience | None = None
) -> Iterator[T]:
    """The items of a source; ends early when the next one does not come and the flag is up.

    Args:
        patience: told of each wait.
    """
    items = iter(source)
    flag = stop if isinstance(stop, StopFlag) else StopFlag()
    while True:
        try:
            flag.waiting = True
            if patience is not None:
                patience.begin()
            item = next(items, END)
        except CutShort:
            flag.cut = True
            return
        finally:
            flag.waiting = False
            if patience is not None:
                patience.end()
        if item is END:
            return
        yield item  # type: ignore[misc]


@contextmanager
def stop_at_once() -> Iterator[None]:
    """Outside the loop, where nothing is lost, SIGTERM and SIGUSR1 end the work where it stands.

    Raises:
        Interrupted: with the signal's exit code. SIGINT stays what it is, a KeyboardInterrupt.
    """
    flag = StopFlag()

    def note(number: int, _: FrameType | None) -> None:
        flag.cause = flag.cause or signal.Signals(number).name
        # no Exception: what catches faults of pictures or of TensorBoard must not catch this
        raise KeyboardInterrupt

    with _handled(note, ("SIGTERM", "SIGUSR1")):
        try:
            yield
        except KeyboardInterrupt:
            if not flag.cause:
                raise
            raise flag.error(f"stopped by {flag.cause}", fix="") from None


@contextmanager
def _handled(
    note: Callable[[int, FrameType | None], None], names: tuple[str, ...]
) -> Iterator[None]:
    """Only the main thread may handle signals; elsewhere nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # what the shell or nohup had ignored stays ignored
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: a handler that was not set from Python cannot be put back
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def was_cut(stop: Callable[[], bool]) -> bool:
    """Whether `heeding` gave up waiting."""
    return isinstance(stop, StopFlag) and stop.cut
