"""How figures and names are written for people, in the report and in the diagnosis."""

from __future__ import annotations

import re

from lamplighter.evaluation.intervals import Interval


def percent(share: float | None, digits: int = 1) -> str:
    """0.9412 → "94.1 %"; a dash where there is no figure. 100 % is only said of all."""
    if share is None or share != share:
        return "–"
    told = f"{100 * share:.{digits}f}"
    if float(told) == 100 and share < 1:
        told = f"{100 - 10**-digits:.{digits}f}"
    if float(told) == 0 and share > 0:
        told = f"{10**-digits:.{digits}f}"
    return f"{told} %"


def span(interval: Interval, joint: str = "to") -> str:
    """(0.892, 0.969) → "89.2 to 96.9 %"."""
    return f"{percent(interval[0]).removesuffix(' %')} {joint} {percent(interval[1])}"


def points(difference: float) -> str:
    """0.021 → "2.1 points"; without the sign."""
    told = f"{abs(100 * difference):.1f}"
    return f"{told} point" if told == "1.0" else f"{told} points"


def shown(text: object) -> str:
    """Text from outside with control, direction and broken characters made visible.

    A class may be called anything: a name that turns the line around or hides a part of itself
    must not change what a reader sees.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def tied(text: object) -> str:
    """`shown`, with each figure held to its percent sign, so that no line breaks between them."""
    return re.sub(r"(?<=\d) %", "\u00a0%", shown(text))


def listed(names: list[str], most: int = 5) -> str:
    """ "a, b and 3 more"."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
