"""A field of a table → a moment in time, where it can be read in one way only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from lamplighter.data.row_labels import text_of

# the camera's own way, "2024:05:01 10:20:30", and days without separators
FORMS = ("%Y:%m:%d %H:%M:%S", "%Y:%m:%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d")
# seconds since 1970 in a plain number: from 1973 to 2096; smaller numbers count something else
STAMPS = (1e8, 4e9)


def moment_of(value: Any) -> float | None:
    """Seconds since 1970; None for nothing, and for what could mean two things (03/04/2024).

    Args:
        value: a field: an ISO date or time, the camera's way of writing one, or such seconds.
    """
    text = text_of(value)
    try:
        stamp = float(text)
    except ValueError:
        return _of_text(text)
    if STAMPS[0] <= stamp <= STAMPS[1]:
        return stamp
    return _of_text(text) if len(text) == len("20240501") else None


def _of_text(text: str) -> float | None:
    for read in (datetime.fromisoformat, *(_reader(form) for form in FORMS)):
        try:
            moment = read(text)
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _reader(form: str) -> Any:
    return lambda text: datetime.strptime(text, form).replace(tzinfo=UTC)


def tells_moments(values: Iterable[Any]) -> bool:
    """Whether a column tells times: two or more fields are filled, and each of them can be read."""
    filled = [text for value in values if (text := text_of(value))]
    return len(filled) > 1 and all(moment_of(text) is not None for text in filled)
