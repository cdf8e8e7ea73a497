"""What torch warns of while the program has silenced all warnings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.wrapping import Taps, Wrapper

BROAD = (Warning, UserWarning, Exception, BaseException)  # kinds that a filter for all may name


class Text:
    """Stands for a pattern that matches everything; Python asks it before the kind of warning.

    Other libraries read and copy the filters, as scikit-learn does for each of its jobs, so it has
    what they ask a pattern for, and is a plain text in another process.
    """

    pattern = ""

    def __init__(self) -> None:
        self.said = ""

    def match(self, text: str) -> bool:
        self.said = text
        return True

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (self.pattern,)


class Ear(type):
    """The type of a kind of warning that none belongs to."""

    asked: ClassVar[list[Callable[[type, Any], None]]] = []

    def __subclasscheck__(cls, kind: type) -> bool:
        frame = sys._getframe(1)
        for hear in Ear.asked:
            hear(kind, frame)
        return False


class NoWarning(Warning, metaclass=Ear):
    """What the filter that hears is about."""


def tap_warnings(taps: Taps) -> None:
    """Puts a filter in front that takes no warning, and sees which the program's own would hide."""
    stream = taps.stream
    made: list[tuple[Any, Place | None]] = []  # the program's filters, and where they were made
    text = Text()
    own: Any = ("ignore", text, NoWarning, None, 0)

    def hear(kind: type, frame: Any) -> None:
        if stream.on and _is_torchs(frame) and issubclass(kind, UserWarning):
            hiding = _hidden_by(text.said, kind, own)
            if hiding is not None:
                place = next((place for one, place in made if one is hiding), None)
                stream.tell("warning_hidden", text.said, place)

    def make(original: Wrapper) -> Wrapper:
        def wrapped(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            filters: list[Any] = warnings.filters  # type: ignore[assignment]
            if filters and filters[0] is not own:
                made.append((filters[0], here()))
                _put_first(own)

        return wrapped

    def take_away() -> None:
        filters: list[Any] = warnings.filters  # type: ignore[assignment]
        filters[:] = [one for one in filters if one is not own]
        warnings._filters_mutated()  # type: ignore[attr-defined]
        Ear.asked.remove(hear)

    Ear.asked.append(hear)
    for name in ("filterwarnings", "simplefilter"):
        taps.replace(warnings, name, make)
    _put_first(own)
    taps.undo.append(take_away)


def _put_first(own: Any) -> None:
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    filters[:] = [own, *(one for one in filters if one is not own)]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _is_torchs(frame: Any) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "torch"


def _hidden_by(text: str, kind: type, own: Any) -> Any:
    """The filter for all warnings that hides this one; None where another decides."""
    for one in warnings.filters:
        # a library may have copied the one that hears
        if one is own or one[2] is NoWarning or not issubclass(kind, one[2]):
            continue
        action, message, category, module, _ = one
        if message is None and module is None:
            return one if action == "ignore" and category in BROAD else None
        if message is not None and message.match(text):
            return None
    return None
