"""Wrapping functions of torch and putting them back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lamplighter.watch.data.passes import Bounds, Pass
from lamplighter.watch.events import Stream

Wrapper = Callable[..., Any]


class Taps:
    """The wrapped functions; `close()` puts the originals back.

    Args:
        stream: hears the events.
        bounds: how far loaders are walked.
    """

    def __init__(self, stream: Stream, bounds: Bounds) -> None:
        self.stream = stream
        self.bounds = bounds
        self.undo: list[Callable[[], None]] = []
        self.passes: list[Pass] = []
        # the walk of the newest batch: who follows lightly asks for no more than that
        self.newest: Pass | None = None
        # in it, networks are evaluated as if nobody listened to their operations
        self.aside: Callable[[], AbstractContextManager[None]] = nullcontext

    def replace(self, owner: Any, name: str, make: Callable[[Wrapper], Wrapper]) -> None:
        """Puts `make(original)` in the place of `owner.name`."""
        own = name in vars(owner)
        original = getattr(owner, name)
        wrapped = functools.wraps(original)(make(original))
        wrapped.lamp_original = original  # type: ignore[attr-defined]
        setattr(owner, name, wrapped)

        def put_back() -> None:
            # Somebody may have wrapped our wrapper; theirs is left alone and ours falls silent.
            if getattr(owner, name) is not wrapped:
                return
            if own:
                setattr(owner, name, original)
            else:
                delattr(owner, name)

        self.undo.append(put_back)

    def settle(self) -> None:
        """Ends the walks whose every batch was given.

        A trainer that counts its batches never asks for one more, so it never hears of the end.
        """
        passes, self.passes = self.passes, []
        for current in passes:
            short = self.bounds.has_all_it_counts(current)
            if short or current.has_given_all():
                current.complete, current.shortened = True, current.shortened or short
                self.stream.tell("pass_ended", current)
            elif current.alive():
                self.passes.append(current)

    def close(self) -> None:
        """Ends it."""
        self.stream.on = False
        while self.undo:
            self.undo.pop()()


def told_after(stream: Stream, event: str) -> Callable[[Wrapper], Wrapper]:
    """A wrapper for a method that tells `event` with its object when it is over.

    Args:
        stream: hears it.
        event: a name in `events.EVENTS`.
    """

    def make(original: Wrapper) -> Wrapper:
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            stream.tell(event, self)
            return result

        return wrapped

    return make
