"""The seam between work and screen: rooms call a listener, only `cli` prints.

Every method is a no-op, so a listener overrides what it wants to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Listener:
    """Hears what the work says; this one stays silent."""

    def say(self, text: str) -> None:
        """One line of talk: what was chosen, what was recovered, what comes next."""

    def warn(self, text: str) -> None:
        """One line that a person should not miss."""

    def finding(self, finding: Any) -> None:
        """A `checks.finding.Finding`, as soon as it is known."""

    @contextmanager
    def bar(self, what: str, total: int | None) -> Iterator[Bar]:  # noqa: ARG002
        """A progress bar for a stretch of work of `total` units (None: unknown)."""
        yield Bar()

    def epoch_starts(self, epoch: int, epochs: int, steps: int) -> None:
        """Epoch `epoch` (from 1) of `epochs` begins; it has `steps` steps."""

    def step_done(self, step: int, figures: dict[str, float]) -> None:
        """Step `step` (from 1, within the epoch) is over; figures may be empty (not fetched)."""

    def epoch_done(self, row: dict[str, Any]) -> None:
        """The epoch is over; `row` is the line of metrics.jsonl, plus `is_best`."""


class Bar:
    """Counts progress; the silent one forgets it."""

    def advance(self, units: int = 1) -> None:
        """`units` more are done."""

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yields the items, advancing by one after each."""
        for item in items:
            yield item
            self.advance()


SILENT = Listener()
