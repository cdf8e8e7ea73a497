"""Arithmetic on the figures of a message: shapes, bytes, how a picture shrinks."""

from __future__ import annotations

import math
import re

CONV_FORMULA = "out = floor((in + 2·padding − dilation·(kernel − 1) − 1) / stride + 1)"


def sizes(text: str) -> list[int]:
    """The whole numbers of a shape as printed: "[2, 3, 8]", "(4 x 4)" and "64x4096" alike."""
    return [int(number) for number in re.findall(r"-?\d+", text)]


def shape(numbers: list[int]) -> str:
    """A shape as people write it: 3×32×32."""
    return "×".join(str(number) for number in numbers)


def squares(features: int) -> list[tuple[int, int]]:
    """Ways to read a number of features as channels × side × side, likeliest first.

    Returns:
        (channels, side) with a side of at least 2, channels that networks use first.
    """
    found = []
    for side in range(2, math.isqrt(features) + 1):
        if features % (side * side) == 0 and features // (side * side) >= 3:
            found.append((features // (side * side), side))
    return sorted(found, key=lambda pair: (_rank(pair[0]), pair[1]))


# channel counts as networks have them, the commonest last layers first
_USUAL = (64, 32, 128, 16, 256, 512, 1024, 2048, 1280, 96, 192, 384, 20, 50)


def _rank(channels: int) -> int:
    return _USUAL.index(channels) if channels in _USUAL else len(_USUAL)


def shared_channels(came: int, wanted: int) -> tuple[int, int, int] | None:
    """(channels, side that came, side wanted), if both numbers fit one number of channels."""
    wanted_sides = dict(squares(wanted))
    for channels, side in squares(came):
        if channels in wanted_sides and channels in _USUAL:
            return channels, side, wanted_sides[channels]
    return None


def amount(text: str) -> str:
    """A number of bytes for people: "4000000000" becomes "3.7 GiB"."""
    number = float(text)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.4g} {unit}"
        number /= 1024
    return f"{number:.4g} TiB"
