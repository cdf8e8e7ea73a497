"""The stop flag: signals are noted and polled, so that a step is never cut in half."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lamplighter.errors import Interrupted

EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGUSR1": 143}


class StopFlag:
    """Whether somebody asked the training to stop; call it to ask.

    Attributes:
        cause: name of the first signal; empty while there is none.
    """

    def __init__(self) -> None:
        self.cause = ""

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
        flag.cause = flag.cause or signal.Signals(number).name

    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    numbers = [getattr(signal, name) for name in EXIT_CODES if hasattr(signal, name)]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
