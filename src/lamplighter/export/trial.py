"""Whether a network can be exported at all, asked before the night and not after it."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from torch import nn

from lamplighter.errors import LamplighterError
from lamplighter.export.deployed import Deployed, trace
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.models.copying import copied

SECONDS = 5.0
RING_AGAIN = 1.0  # seconds
# Traced by tests/export/test_every_network.py (marked slow); asking again would cost seconds
KNOWN = ("torchvision", "lamplighter")


@dataclass(frozen=True)
class Trial:
    """The answer: `can` is None where the time was up before there was one; `why` says why not."""

    can: bool | None
    why: str = ""
    seconds: float = 0.0


def can_export(
    module: nn.Module,
    architecture: Architecture,
    preprocess: Preprocess | None,
    *,
    seconds: float = SECONDS,
) -> Trial:
    """Tries to write an untrained network down as a graph, on a copy and within bounded time.

    Args:
        module: left as it is; its modes, too.
        architecture: networks of Lamplighter's and torchvision's tables are known and not tried.
        preprocess: gives the size of the pictures; None for the user's own tensors, which no
            export takes.
        seconds: after these the answer is `can=None`. Kept only in a main thread with alarms
            (Linux, macOS); elsewhere an own network is not tried.
    """
    if preprocess is None:
        return Trial(False, "it is trained on your own tensors, so only your code can feed it")
    if architecture.source in KNOWN:
        return Trial(True)
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        return Trial(None, "not tried: this is not the main thread of a system with alarms")
    import torch

    started = time.perf_counter()
    try:
        with _at_most(seconds), torch.random.fork_rng(devices=[]):
            network = copied(module).cpu().eval()
            deployed = Deployed(network, preprocess, "classification", contiguous=True)
            trace(deployed.eval(), preprocess)
    except _TimeIsUpError:
        return Trial(None, f"not known after {seconds:g} s", time.perf_counter() - started)
    except LamplighterError as error:
        if time.perf_counter() - started >= seconds:  # the tracer wrapped our own alarm
            return Trial(None, f"not known after {seconds:g} s", time.perf_counter() - started)
        return Trial(False, error.message, time.perf_counter() - started)
    except Exception as error:  # a module that cannot be copied
        return Trial(None, f"not tried: {type(error).__name__}", time.perf_counter() - started)
    return Trial(True, "", time.perf_counter() - started)


class _TimeIsUpError(BaseException):
    """Not an Exception, so that no `except Exception` in the tracer swallows it."""


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises in the main thread when the time is up; an alarm of the caller's is set again."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _TimeIsUpError

    started = time.monotonic()
    before: Any = signal.signal(signal.SIGALRM, ring)
    # again and again: what is raised while Python is in a destructor or a callback is ignored there
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds, RING_AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            rest = max(0.01, left - (time.monotonic() - started))
            signal.setitimer(signal.ITIMER_REAL, rest, again)
