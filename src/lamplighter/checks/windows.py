"""Windows over a series that lie on both sides of a split: S106."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

LOOKS = 64  # held-out windows that are looked for in train
MOST_STEPS = 1_000_000  # time steps of train that are searched for each
FEWEST = 8  # windows, and time steps of one


def windows_surrounded(
    train: Tensor, held_out: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """S106: held-out windows share their beginning and their end with windows of train.

    A cut by time leaves at most the windows beside it with a neighbour in train, and on one side
    only. Windows that were mixed before the split have train on both sides.

    Args:
        train: `(N, W)` or `(N, W, D)` windows over W steps of time, floating point.
        held_out: the same of the split.
        where: the split.
    """
    if train.dim() not in (2, 3) or train.shape[1:] != held_out.shape[1:]:
        return
    if min(len(train), len(held_out)) < FEWEST:
        return
    readings = [(train, held_out)]
    if train.dim() == 3:  # channels may come first
        readings.append((train.transpose(1, 2), held_out.transpose(1, 2)))
    for one, other in readings:
        share, looked = _share_surrounded(_keys(one), _keys(other))
        if share >= 0.5:
            yield found(
                "S106",
                where,
                f"{share:.0%} of {looked} windows looked at begin within one window of train and end "
                "within another: their past and their future were trained on",
                "cut the series by time first and make the windows of each part, or leave a gap as "
                "long as a window",
            )
            return


def _keys(windows: Tensor) -> Tensor:
    """`(N, W)` one number for each step of time."""
    values = windows.detach().double()
    if values.dim() == 2:
        return values
    weights = torch.linspace(1.0, 1.7, values.shape[2], dtype=torch.float64)
    return (values * weights).sum(2)


def _share_surrounded(train: Tensor, held_out: Tensor) -> tuple[float, int]:
    """The share of windows with train on both sides, and how many were looked at."""
    width = train.shape[1]
    if width < FEWEST or train.shape[0] * width > MOST_STEPS:
        train = train[: MOST_STEPS // width] if width >= FEWEST else train[:0]
    changes = (held_out[:, 1:] != held_out[:, :-1]).sum(1)
    varied = held_out[changes >= width // 2]
    looked = varied[:: max(1, -(-len(varied) // LOOKS))]
    if len(train) < FEWEST or len(looked) < FEWEST:
        return 0.0, 0
    hits = count = 0
    turned = train.flip(1)
    for number, window in enumerate(looked):
        if bool((train == window).all(1).any()):
            continue  # in a cross-validation over time, this was trained on afterwards
        count += 1
        hits += _begins_within(train, window) and _begins_within(turned, window.flip(0))
        if number == FEWEST - 1 and not hits:
            return 0.0, 0  # what is no windows costs no more than this
    return (hits / count, count) if count >= FEWEST else (0.0, 0)


def _begins_within(train: Tensor, window: Tensor) -> bool:
    """Whether half of a window or more is the end of another one, moved by a step or more."""
    width = len(window)
    last = width // 2
    starts = (train[:, 1 : last + 1] == window[0]) & (train[:, 2 : last + 2] == window[1])
    for row, column in starts.nonzero()[:16].tolist():
        if torch.equal(train[row, column + 1 :], window[: width - column - 1]):
            return True
    return False
