"""Where the program's own arithmetic on tensors is listened to, while it is followed closely."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode,
    _pop_mode,
    _push_mode,
)

from lamplighter.watch.attention import Attention, Patience
from lamplighter.watch.events import Stream
from lamplighter.watch.source.place import is_users
from lamplighter.watch.taps.names import LEAVING, name_of
from lamplighter.watch.taps.wrapping import Taps, Wrapper

NOTHING = contextlib.nullcontext()
MOST = 400_000  # operations that are heard of one program
TOLD = (torch.Tensor, tuple)  # what an operation gives
# layers that compute in one fused operation at evaluation, unless somebody listens
FAST = (
    torch.nn.TransformerEncoderLayer,
    torch.nn.TransformerEncoder,
    torch.nn.MultiheadAttention,
)
# what runs a network to write down its operations
RECORDING = ((torch.jit, "trace"), (torch.jit, "trace_module"), (torch.onnx, "export"))


class Operations(TorchFunctionMode):
    """Tells each call of a function of torch that gives tensors; changes none.

    Args:
        stream: hears "operated".
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream
        self.thread = threading.get_ident()
        self.live = self.paused = self.over = False
        self.heard = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        # torch hands over the function by its name, which is a listening one by now: it hears twice
        func = getattr(func, "lamp_original", func)
        result = func(*args, **kwargs) if kwargs else func(*args)
        if self.live and self.stream.on:
            name = name_of(func)
            if not isinstance(result, TOLD) and name not in LEAVING:
                return result
            if name == "add" and args and result is args[0] and _counts(args):
                return result
            self.heard += 1
            self.stream.tell("operated", name, args, kwargs or {}, result)
            if self.heard >= MOST:
                self.finish()
        return result

    def listen(self) -> None:
        """Hears from here on."""
        if self.over or threading.get_ident() != self.thread:
            return
        self.live = True
        if not self.stream.listening and not self.paused:
            self.stream.listening = True
            _push_mode(self)

    def rest(self) -> None:
        """Hears nothing, and costs nothing where no other mode of the program lies above it."""
        self.live = False
        on_top = self.stream.listening and threading.get_ident() == self.thread
        if on_top and _get_current_function_mode() is self:
            _pop_mode()
            self.stream.listening = False

    def finish(self) -> None:
        """Hears nothing any more."""
        self.over = True
        self.rest()

    def pause(self) -> bool:
        """Steps out of the way until `go_on`; False where it is not the one that hears next."""
        if not self.stream.listening or _get_current_function_mode() is not self:
            return False
        _pop_mode()
        self.stream.listening, self.paused = False, True
        return True

    def go_on(self) -> None:
        """Hears again after a `pause`, unless it was told to rest meanwhile."""
        self.paused = False
        if self.live:
            self.listen()

    def away(self) -> AbstractContextManager[None]:
        """Takes itself out of the way: some layers choose a faster path where nobody listens."""
        return self._away() if self.stream.listening else NOTHING

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        paused = self.pause()
        try:
            yield
        finally:
            if paused:
                self.go_on()


def tap_operations(taps: Taps, patience: Patience) -> None:
    """Listens from here on; networks that are being compiled or evaluated are left alone."""
    stream = taps.stream
    operations = Operations(stream)
    stream.add(Attention(patience, operations.listen, operations.rest))
    operations.listen()

    def forward(original: Wrapper) -> Wrapper:
        def wrapped(self: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self.training and torch.is_grad_enabled():
                return original(self, *args, **kwargs)
            with operations.away():
                return original(self, *args, **kwargs)

        return wrapped

    def compile_(original: Wrapper) -> Wrapper:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            operations.finish()  # a compiler that meets a mode compiles it too
            return original(*args, **kwargs)

        return wrapped

    def off(original: Wrapper) -> Wrapper:
        def __enter__(self: Any) -> Any:  # noqa: N807
            result = original(self)
            if stream.on and not operations.live and _asked_by_user():
                stream.tell("gradients_off")
            return result

        return __enter__

    def script(original: Wrapper) -> Wrapper:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            operations.finish()
            present = [(kind, kind.forward) for kind in FAST]
            for kind, function in present:  # TorchScript reads the source of what it meets
                kind.forward = inspect.unwrap(function)  # type: ignore[method-assign]
            try:
                return original(*args, **kwargs)
            finally:
                for kind, function in present:
                    kind.forward = function  # type: ignore[method-assign]

        return wrapped

    def traced(original: Wrapper) -> Wrapper:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            # what a watcher computes beside the network would be recorded as a part of it
            on, stream.on = stream.on, False
            try:
                with operations.away():
                    return original(*args, **kwargs)
            finally:
                stream.on = on

        return wrapped

    def taken_over(original: Wrapper) -> Wrapper:
        def wrapped(array: Any) -> Any:  # torch hands this one to no mode
            result = original(array)
            if stream.on and operations.live:
                stream.tell("operated", "from_numpy", (array,), {}, result)
            return result

        return wrapped

    for kind in FAST:
        taps.replace(kind, "forward", forward)
    taps.replace(torch, "from_numpy", taken_over)
    taps.aside = operations.away
    stream.pause, stream.go_on = operations.pause, operations.go_on
    taps.replace(torch.jit, "script", script)
    for owner, name in RECORDING:
        taps.replace(owner, name, traced)
    taps.replace(torch.nn.Module, "compile", compile_)
    taps.replace(torch, "compile", compile_)
    taps.replace(torch.no_grad, "__enter__", off)
    taps.replace(torch.inference_mode, "__enter__", off)
    taps.undo.append(operations.finish)


def _asked_by_user() -> bool:
    """Whether `with torch.no_grad()`, or a function with that decorator, is the user's own."""
    return any(is_users(sys._getframe(depth).f_code.co_filename) for depth in (2, 3))


def _counts(args: tuple[Any, ...]) -> bool:
    """Whether a number that counts is made larger in place, as each BatchNorm does at every call."""
    number = args[0]
    return type(args[-1]) is int and number.dim() == 0 and not number.is_floating_point()
