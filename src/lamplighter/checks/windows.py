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
MOST_COLUMNS = 64
NEAR_STEPS = 2  # to the next time of train
SLOW = 0.4  # of the spread of any two targets


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


def times_surrounded(
    train: Tensor, targets: Tensor | None, held_out: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """S106: a column counts the time in even steps, and held-out times lie between those of train.

    That is a leak where the target hardly changes from one time to the next. What is a mere function
    over even places, with no column that jumps, is no series.

    Args:
        train: `(N, D)` floating point with D ≥ 3.
        targets: `(N,)` or `(N, 1)` of train, floating point; else nothing is told.
        held_out: `(M, D)` of the split.
        where: the split.
    """
    if train.dim() != 2 or train.shape[1] < 3 or targets is None or targets.numel() != len(train):
        return
    if len(train) < 8 * FEWEST or len(held_out) < 2 * FEWEST or not targets.is_floating_point():
        return
    goal = targets.detach().reshape(-1).double()
    for column in range(min(MOST_COLUMNS, train.shape[1])):
        mine, theirs = train[:, column].detach().double(), held_out[:, column].detach().double()
        step = _even_step(torch.cat([mine, theirs]))
        if not step:
            continue
        order = mine.argsort()
        known, wanted = mine[order], theirs.contiguous()
        after = torch.searchsorted(known, wanted)
        inside = (after > 0) & (after < len(known))
        before, behind = known[(after - 1).clamp(min=0)], known[after.clamp(max=len(known) - 1)]
        near = (
            inside
            & (wanted - before < (NEAR_STEPS + 0.5) * step)
            & (behind - wanted < (NEAR_STEPS + 0.5) * step)
        )
        share = float(near.double().mean())
        others = [c for c in range(train.shape[1]) if c != column]
        jumps = any(_jumps(train[order, other].detach().double()) for other in others)
        if share > 0.8 and jumps and _moves_slowly(goal[order]):
            yield found(
                "S106",
                where,
                f"column {column} counts the time in even steps, and {share:.0%} of the {len(wanted)} "
                "held-out times lie between two of train that are next to them, where the target is "
                "nearly the same: their past and their future were trained on",
                "cut by time: train on what comes first and hold out what comes last",
            )
            return


def _even_step(times: Tensor) -> float:
    """The distance of neighbouring values, most of which lie a whole number of it apart; 0: none."""
    values = torch.unique(times)
    if len(values) < 0.98 * len(times) or not bool(torch.isfinite(values).all()):
        return 0.0
    gaps = values[1:] - values[:-1]
    step = float(gaps.median())
    steps = gaps / step if step > 0 else gaps
    even = (steps - steps.round()).abs() < 0.02
    dense = step > 0 and float(values[-1] - values[0]) / step < 2 * len(values)
    return step if dense and float(even.double().mean()) > 0.98 else 0.0


def _moves_slowly(values: Tensor) -> bool:
    """Whether neighbours in a row of numbers are much nearer to each other than any two."""
    spread = 2 * float(values.var())
    return spread > 0 and float((values[1:] - values[:-1]).square().mean()) < SLOW * spread


def _jumps(values: Tensor) -> bool:
    """Whether a row of numbers is rough, as what is measured or a weekday is, and no smooth curve."""
    first = values[1:] - values[:-1]
    second = first[1:] - first[:-1]
    return float(second.square().mean()) > 0.5 * float(first.square().mean()) > 0
