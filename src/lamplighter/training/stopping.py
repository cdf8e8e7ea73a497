"""The stop flag: signals are noted and polled, so that a step is never cut in half."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
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

    with _handled(note, tuple(EXIT_CODES)):
        yield flag


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
