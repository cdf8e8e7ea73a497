"""Inputs and targets that must move together: Y109."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

LIKE = 0.9  # correlation of a picture with its own mirror image, other augmentation allowed
SAME = 0.98  # the same of a target, which gets no noise
OVERLAP = 0.4  # of a picture's area, that two cuts of it share
LARGEST = 160  # pixels of a side; larger pictures are only held against their mirror images
MOST_PAIRS = 15


@dataclass(frozen=True)
class Move:
    """How one reading of a picture comes from another: mirrored, then shifted.

    Args:
        mirror: the axes that are exchanged.
        shift: rows and columns.
        likeness: correlation over what both show.
    """

    mirror: tuple[int, ...]
    shift: tuple[int, int]
    likeness: float

    def in_words(self) -> str:
        """What it does to a picture."""
        words = [{-1: "left and right", -2: "top and bottom"}[axis] for axis in self.mirror]
        told = " and ".join(words) + " exchanged" if words else ""
        if self.shift != (0, 0):
            told += ", " if told else ""
            told += f"moved by {self.shift[0]} rows and {self.shift[1]} columns"
        return told or "as it was"


MIRRORS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


def moved_apart(
    readings: Sequence[tuple[Tensor, Tensor]], *, where: str = "train"
) -> Iterator[Finding]:
    """Y109: between two readings a picture and its mask were mirrored or cut in different ways.

    Args:
        readings: the same sample several times: picture `(C, H, W)` and mask `(H, W)` or
            `(C, H, W)`, or any other picture that belongs to it place by place.
        where: the data set.
    """
    apart = []
    for (one, mask), (other, same) in list(combinations(readings, 2))[:MOST_PAIRS]:
        if one.dim() != 3 or one.shape != other.shape or mask.shape != same.shape:
            continue
        if mask.dim() not in (2, 3) or mask.shape[-2:] != one.shape[-2:]:
            continue
        pair = _moves_differ(_grey(one), _grey(other), _grey(mask), _grey(same))
        if pair is not None:
            apart.append(pair)
    if len(apart) > 1 or (apart and len(readings) == 2):
        picture, target = apart[0]
        yield found(
            "Y109",
            where,
            f"read twice, the picture of one sample comes {picture.in_words()} and its mask "
            f"{target.in_words()}: chance was asked twice, or once for the picture alone",
            "draw once and apply the same to both: torchvision.transforms.v2 does so for "
            "tv_tensors.Mask, functional.crop with one get_params() too",
        )


def _moves_differ(
    one: Tensor, other: Tensor, mask: Tensor, same: Tensor
) -> tuple[Move, Move] | None:
    """The moves of a picture and of its target, where both are plain to see and not the same."""
    pictures = _moves(one, other)
    if not pictures or pictures[0].likeness < LIKE:
        return None
    move = pictures[0]
    if _has_rivals(pictures):
        return None
    expected, targets = _likeness_after(mask, same, move), _moves(mask, same)
    if expected is None or not targets or targets[0].likeness < SAME:
        return None
    return (move, targets[0]) if expected < targets[0].likeness - 0.1 else None


def _has_rivals(moves: list[Move]) -> bool:
    """Whether a picture looks much the same from both sides, so that its move is not known."""
    margin = 0.03 if moves[0].likeness > 0.995 else 0.1
    return len(moves) > 1 and moves[1].likeness > moves[0].likeness - margin


def _moves(one: Tensor, other: Tensor) -> list[Move]:
    """For each way of mirroring, the shift that brings `(H, W)` nearest; the best first."""
    found_: list[Move] = []
    for mirror in MIRRORS:
        turned = other.flip(mirror) if mirror else other
        shifts = {(0, 0), *_shifts(one, turned)}
        moves = [Move(mirror, s, v) for s in shifts if (v := _likeness(one, turned, s)) is not None]
        if moves:
            found_.append(max(moves, key=lambda m: m.likeness))
    return sorted(found_, key=lambda m: -m.likeness)


def _shifts(one: Tensor, other: Tensor) -> list[tuple[int, int]]:
    """The shifts at which two pictures may well be alike, by their cross-correlation."""
    height, width = one.shape
    if max(height, width) > LARGEST:
        return []
    size = (2 * height, 2 * width)
    product = torch.fft.rfft2(one - one.mean(), s=size)
    product = product * torch.fft.rfft2(other - other.mean(), s=size).conj()
    shown = torch.fft.irfft2(product, s=size)
    # how much both show at each shift, so that a small common part is not overlooked
    ones = torch.fft.rfft2(torch.ones_like(one), s=size)
    common = torch.fft.irfft2(ones * ones.conj(), s=size)
    shown = torch.where(common >= OVERLAP * height * width, shown / common.clamp(min=1), -1e9)
    best = shown.flatten().topk(3).indices.tolist()
    return [_signed(divmod(at, size[1]), size) for at in best]


def _signed(at: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    row, column = (a - s if a >= s // 2 else a for a, s in zip(at, size, strict=True))
    return row, column


def _likeness_after(one: Tensor, other: Tensor, move: Move) -> float | None:
    return _likeness(one, other.flip(move.mirror) if move.mirror else other, move.shift)


def _likeness(one: Tensor, other: Tensor, shift: tuple[int, int]) -> float | None:
    """Correlation over what both show after a shift; None where that is little or of one value."""
    (row, column), (height, width) = shift, one.shape
    if (height - abs(row)) * (width - abs(column)) < OVERLAP * height * width:
        return None
    here = one[max(row, 0) : height + min(row, 0), max(column, 0) : width + min(column, 0)]
    there = other[max(-row, 0) : height + min(-row, 0), max(-column, 0) : width + min(-column, 0)]
    pair = torch.stack([here.reshape(-1), there.reshape(-1)])
    if bool((pair.amax(1) - pair.amin(1) < 1e-6).any()):
        return None
    return float(torch.corrcoef(pair)[0, 1])


def _grey(picture: Tensor) -> Tensor:
    """`(H, W)` in double precision."""
    values = picture.detach().double()
    return values.mean(0) if values.dim() == 3 else values


def points_stay(
    readings: Sequence[tuple[Tensor, Tensor]], targets: Tensor | None, *, where: str = "train"
) -> Iterator[Finding]:
    """Y109: a picture comes mirrored while the boxes or points that lie in it stay where they were.

    Args:
        readings: the same sample several times: picture `(C, H, W)` and its numbers.
        targets: those of many samples, `(N, 4)` or `(N, K, 2)`, which show whether they are places.
        where: the data set.
    """
    if targets is None or len(targets) < 16:
        return
    for move, one in _mirrored_alone(readings):
        if _are_places(targets, one.shape[-2:]):
            yield found(
                "Y109",
                where,
                f"read twice, the picture of one sample comes {move.in_words()} and the places in "
                "its target are the same both times",
                "mirror the places with the picture: torchvision.transforms.v2 does so for "
                "tv_tensors.BoundingBoxes",
            )
        return


def sides_stay(
    readings: Sequence[tuple[Tensor, Tensor]],
    pictures: Tensor | None,
    targets: Tensor | None,
    *,
    where: str = "train",
) -> Iterator[Finding]:
    """Y109: a picture comes mirrored while a number that tells its sides apart stays the same.

    Such numbers are places within the picture, a direction, a steering angle. That they are shows in
    pictures that nobody mirrors: what differs between the two sides of a picture tells the number.

    Args:
        readings: the same sample of train several times: picture `(C, H, W)` and its numbers.
        pictures: held-out ones, `(N, C, H, W)`, as they are.
        targets: their numbers, `(N,)` or `(N, K)` floating point.
        where: the data set.
    """
    if pictures is None or targets is None or pictures.dim() != 4 or len(pictures) < ENOUGH:
        return
    if not targets.is_floating_point() or targets.dim() > 3 or len(targets) != len(pictures):
        return
    for move, _ in _mirrored_alone(readings):
        for axis in move.mirror:
            known = _told_by_the_sides(pictures, targets.reshape(len(targets), -1), axis)
            if known is None:
                continue
            number, likeness = known
            yield found(
                "Y109",
                where,
                f"read twice, the picture of one sample comes {move.in_words()} and its target is "
                f"the same both times; but what differs between the two sides of a picture tells "
                f"number {number} of the target (correlation {likeness:.2f} in held-out pictures)",
                "mirror the target with the picture: x becomes width − 1 − x, an angle changes its "
                "sign; torchvision.transforms.v2 does so for tv_tensors.KeyPoints",
            )
            return


ENOUGH = 64  # held-out pictures
POOLED = 8  # fields of a side
TOLD = 0.6  # correlation of a number with what the two sides of a picture say


def _told_by_the_sides(pictures: Tensor, targets: Tensor, axis: int) -> tuple[int, float] | None:
    """The first column of targets that the difference of two sides tells, and how well.

    The difference changes its sign when a picture is mirrored, so what it tells changes as well.
    """
    grey = pictures.detach().double().mean(1, keepdim=True)
    height, width = grey.shape[-2:]
    size = (min(POOLED, height), min(POOLED, width))
    fields = torch.nn.functional.adaptive_avg_pool2d(grey, size)[:, 0]
    sides = (fields - fields.flip(axis)).flatten(1)
    spread = float(sides.std())
    if spread < 1e-9 or not bool(torch.isfinite(sides).all()):
        return None
    sides = sides / spread
    for number in range(min(64, targets.shape[1])):
        column = targets[:, number].double()
        if len(torch.unique(column)) < 8 or not bool(torch.isfinite(column).all()):
            continue
        likeness = _foretold(sides, column)
        if likeness > TOLD and likeness * (len(column) // 2) ** 0.5 > 4:
            return number, likeness
    return None


def _foretold(features: Tensor, column: Tensor) -> float:
    """How well half of the samples foretell the others' numbers, as a correlation."""
    one, other = features[::2], features[1::2]
    known, middle = column[::2], column[::2].mean()
    weights = torch.eye(one.shape[1], dtype=torch.float64) * (0.1 * len(one))
    solution = torch.linalg.solve(one.T @ one + weights, one.T @ (known - middle))
    guessed, right = other @ solution, column[1::2]
    if float(guessed.std()) < 1e-9 or float(right.std()) < 1e-9:
        return 0.0
    return float(torch.corrcoef(torch.stack([guessed, right]))[0, 1])


def _mirrored_alone(readings: Sequence[tuple[Tensor, Tensor]]) -> Iterator[tuple[Move, Tensor]]:
    """Pairs of readings with equal targets, of which one shows the picture mirrored."""
    for (one, points), (other, same) in combinations(readings, 2):
        if one.dim() != 3 or one.shape != other.shape or not torch.equal(points, same):
            continue
        moves = _moves(_grey(one), _grey(other))
        if not moves or not moves[0].mirror or moves[0].likeness < LIKE:
            continue
        if not _has_rivals(moves):
            yield moves[0], one


def _are_places(targets: Tensor, size: Sequence[int]) -> bool:
    """Whether numbers are corners of boxes, centres with sizes, or points within a picture."""
    if not targets.is_floating_point() and targets.dtype not in (torch.int32, torch.int64):
        return False
    values = targets.detach().double()
    if values.dim() == 2 and values.shape[1] == 4:
        first, second = values[:, :2], values[:, 2:]
        largest = values.amax()
        limit = 1.0 if largest <= 1 else float(max(size))
        if len(torch.unique(values, dim=0)) < len(values) // 2 or float(values.min()) < 0:
            return False
        corners = bool((second > first).all()) and float(largest) <= limit
        inside = (first - second / 2 > -0.02 * limit) & (first + second / 2 < 1.02 * limit)
        return corners or bool((inside & (second > 0)).all())
    if values.dim() != 3 or values.shape[2] != 2 or values.shape[1] < 2:
        return False
    limits = torch.tensor([float(size[1]), float(size[0])], dtype=torch.float64)
    limits = torch.ones(2, dtype=torch.float64) if float(values.max()) <= 1 else limits
    return bool(((values >= 0) & (values <= limits)).all())
