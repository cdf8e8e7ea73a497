"""What one kind of error is: how its text is recognised, what it means, what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lamplighter.explain.trace import Frame, Raised, Trace


@dataclass(frozen=True, slots=True)
class Case:
    """One recognised error: the match of its pattern, the error itself, the whole output."""

    match: re.Match[str]
    raised: Raised
    trace: Trace

    def __getitem__(self, group: str) -> str:
        """The text of a named group; empty if it took no part."""
        return self.match[group] or ""


Text = str | Callable[[Case], str]
Lines = tuple[str, ...] | Callable[[Case], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of error.

    Args:
        name: stable, such as "matmul-shape".
        title: the error in a few plain words.
        pattern: searched in the error's message; its named groups are the figures.
        meaning: what happened, as a template over the groups or a function of the case.
        fixes: what to change, as lines of code or commands where that is possible.
        types: names of the exception types (last part) it is limited to; empty is any.
        wrapper: only says that something else failed: tried after all others.
        via: the end of a file's path through which the traceback must pass; empty is any.
        anywhere: also searched in the whole output, for logs that hold no traceback.
    """

    name: str
    title: str
    pattern: str
    meaning: Text
    fixes: Lines
    types: tuple[str, ...] = ()
    via: str = ""
    wrapper: bool = False
    anywhere: bool = False

    def recognise(self, raised: Raised, trace: Trace) -> Case | None:
        """The case, if this error is of this kind."""
        if self.types and raised.name.rpartition(".")[2] not in self.types:
            return None
        if self.via and not trace.passes(self.via):
            return None
        found = re.search(self.pattern, raised.message, re.DOTALL)
        return Case(found, raised, trace) if found else None

    def tell(self, case: Case) -> tuple[str, tuple[str, ...]]:
        """Meaning and fixes with this message's own figures in them."""
        groups = {name: value or "" for name, value in case.match.groupdict().items()}
        meaning = (
            self.meaning.format_map(groups) if isinstance(self.meaning, str) else self.meaning(case)
        )
        if callable(self.fixes):
            return meaning, self.fixes(case)
        return meaning, tuple(line.format_map(groups) for line in self.fixes)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error, explained.

    Args:
        kind: name of the kind, such as "matmul-shape".
        title: the error in a few plain words.
        error: the error line that is explained.
        meaning: what happened, with the figures of this message.
        fixes: the usual remedies, likeliest first; lines of code where possible.
        place: the last line of the person's own code before the error, if the text shows it.
        layer: the layer that raised it, if the text shows it, such as "self.fc1 (Linear)".
    """

    kind: str
    title: str
    error: str
    meaning: str
    fixes: tuple[str, ...]
    place: Frame | None = None
    layer: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def where(self) -> str:
        """`file:line in function: code`, or empty if the text shows no place."""
        if self.place is None:
            return ""
        function = f" in {self.place.function}" if self.place.function else ""
        code = f": {self.place.code}" if self.place.code else ""
        return f"{self.place.file}:{self.place.line}{function}{code}"

    def as_json(self) -> dict[str, Any]:
        """The form that `lamp explain - --json` prints."""
        return {
            "kind": self.kind,
            "title": self.title,
            "error": self.error,
            "meaning": self.meaning,
            "where": self.where,
            "file": self.place.file if self.place else None,
            "line": self.place.line if self.place else None,
            "layer": self.layer,
            "fixes": list(self.fixes),
            "notes": list(self.notes),
        }
