"""When two figures are one: equal as computed, or as they are printed."""

from __future__ import annotations

import re

NEAR = 4e-6  # relative: sums in single precision are only near
NUMBER = re.compile(r"(?<![\w.])(\d+\.\d{2,})(?![\w.])")  # a figure as it is printed


def is_near(one: float, other: float, within: float = NEAR) -> bool:
    """Whether a figure is another, up to a share of the other; nothing is near 0."""
    return other != 0 and abs(one - other) <= within * abs(other)


def shows(printed: str, value: float) -> bool:
    """Whether a value, rounded to as many places as were printed, gives what was printed."""
    return abs(float(printed) - value) <= half_a_place(printed)


def leeway(printed: str, within: float = 2e-6) -> float:
    """How far a value may be from its printed form: half a place, or what it lost in a sum.

    Args:
        printed: the figure.
        within: what sums in single precision may lose, relatively.
    """
    return max(half_a_place(printed), within * abs(float(printed)))


def half_a_place(printed: str) -> float:
    """How far a value may be from its printed form, and a little: ties are rounded either way."""
    return 0.51 * 10.0 ** -len(printed.partition(".")[2])
