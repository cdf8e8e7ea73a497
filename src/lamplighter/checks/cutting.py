"""Reshapes that are meant to exchange axes, by their shapes: D105 within a network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

Kind = Literal["heads", "merged", "patches", "swapped"]
Shape = Sequence[int]


def kind_of_cut(
    given: Shape, made: Shape, *, rows: int | None = None, mixed: bool = False
) -> Kind | None:
    """What a `view` or `reshape` is meant for, where only exchanging axes could do it.

    "heads": tokens × features becomes heads × tokens × features of a head, so that each "token" is
    cut from another one. "merged": the way back. "patches": pieces of a picture that end in the
    middle of a channel. "swapped": two axes or more change places.

    Args:
        given: the shape that went in.
        made: the shape that came out, of as many numbers.
        rows: samples in a batch of the loader, which tells that dimension 0 is the samples.
        mixed: whether what went in is the answer of an attention, by heads.
    """
    if _cuts(tuple(given), tuple(made)):
        return "heads"
    if mixed:
        return "merged" if _cuts(tuple(made), tuple(given)) else None
    if _splits_channels(tuple(given), tuple(made)):
        return "patches"
    if not _swaps(tuple(given), tuple(made)):
        return None
    small, large = sorted(given[1:3])
    if len(given) == len(made) == 3 and large % small == 0 and given[0] != rows:
        return None  # time × samples × features may be cut into heads, of as many features
    return "swapped"


def moves_channels(given: Shape, made: Shape) -> bool:
    """`(…, H, W, 3)` against `(…, 3, H, W)`: colours that are to come first."""
    if len(given) != len(made) or len(given) < 3 or tuple(given[:-3]) != tuple(made[:-3]):
        return False
    height, width, channels = given[-3:]
    return channels == 3 and tuple(made[-3:]) == (3, height, width) and min(height, width) >= 8


def _cuts(whole: Shape, parts: Shape) -> bool:
    """`(…, N, D)` against `(…, H, N, d)`, `(…, 3, H, N, d)` or `(…·H, N, d)`, with H not N."""
    if len(whole) < 2 or len(parts) < 3:
        return False
    if len(whole) == len(parts) == 4:
        # heads and tokens are apart already, and change places
        (_, length, heads, _), (_, first, second, _) = whole, parts
        exchanged = whole[0] == parts[0] and whole[3] == parts[3]
        return exchanged and (first, second) == (heads, length) and 1 < heads != length > 1
    length, features = whole[-2:]
    if parts[-2] != length or length < 2 or features % max(1, parts[-1]):
        return False
    heads = features // max(1, parts[-1])
    if heads < 2 or heads == length:
        return False
    before, beside = tuple(whole[:-2]), tuple(parts[:-2])
    if len(whole) == len(parts) == 3:
        return before[0] * heads == beside[0] and before[0] > 1
    split = beside[len(before) :]
    return (
        len(parts) > len(whole)
        and beside[: len(before)] == before
        and math.prod(split) == heads
        and split[0] != length
    )


def _splits_channels(given: Shape, made: Shape) -> bool:
    """`(B, C, H, W)` against `(B, n, p)` where a row of p numbers ends within a channel's map."""
    if len(given) != 4 or len(made) != 3 or given[0] != made[0] or given[1] < 2:
        return False
    pixels, (count, size) = given[2] * given[3], made[1:]
    return min(count, size) > 1 and size != given[1] and pixels % size != 0 != size % pixels


def _swaps(given: Shape, made: Shape) -> bool:
    """Rows × columns that become columns × rows, maps that become channels last, and back."""
    if len(given) < 3 or len(made) < 3 or given[0] != made[0]:
        return False
    one, other = given[1:], made[1:]
    if len(one) == len(other) == 2:
        return one == other[::-1] and _surely_apart(*one)
    if len(one) == 3 and other in ((*one[1:], one[0]), (math.prod(one[1:]), one[0])):
        return _surely_apart(one[0], math.prod(one[1:])) and one[0] != one[1]
    if len(other) == 3 and one in ((*other[1:], other[0]), (math.prod(other[1:]), other[0])):
        return _surely_apart(other[0], math.prod(other[1:])) and other[0] != other[1]
    return False


def _surely_apart(rows: int, columns: int) -> bool:
    """Whether these sizes change places for no other reason: not by stacking frames or by a skew."""
    small, large = sorted((rows, columns))
    return small > 1 and large > small + 1 and large != 2 * small


def axes_cut(kind: Kind, given: Shape, made: Shape, *, where: str = "view") -> Iterator[Finding]:
    """D105: a reshape stands where axes are to change places.

    Args:
        kind: of `kind_of_cut`.
        given: the shape that went in.
        made: the shape that came out.
        where: the call.
    """
    what = {
        "heads": "each row of a head is cut from the features of one token and holds no other's, so "
        "the attention compares pieces of the same few tokens",
        "merged": "the heads of one token are not laid side by side: its row is filled with other "
        "tokens of one head",
        "patches": "each row is a run of numbers that ends in one channel and begins in another, and "
        "no patch of the picture",
        "swapped": "the axes have changed their sizes and not their places: every row is filled with "
        "pieces of other rows",
    }[kind]
    fix = {
        "heads": "x.view(b, n, heads, -1).transpose(1, 2)",
        "merged": "x.transpose(1, 2).reshape(b, n, -1)",
        "patches": "x.unfold(2, p, p).unfold(3, p, p), or a Conv2d with stride p, then flatten and "
        "transpose",
        "swapped": "use permute or transpose, which move the numbers with their axes",
    }[kind]
    yield found("D105", where, f"{tuple(given)} → {tuple(made)}: {what}", fix)
