"""Families S and T: numbers that a scaling leaves exactly, and in which samples they are exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding, Level

FEWEST_COLUMNS, MOST_COLUMNS = 3, 512  # that are held against each other
UNCORRELATED, CORRELATED = 1e-3, 1e-2  # largest correlation of two columns
# so many columns are that little correlated by no chance, but by an estimate
MANY, NEARLY = 6, 5e-3
SLIGHT = 0.1  # deviations by which no value is moved further: less than what a model is sure of


def standardised_together(
    train: Tensor, others: Sequence[Tensor], *, where: str = "validation"
) -> Iterator[Finding]:
    """S107: train and validation laid together have mean 0 and deviation 1 exactly, train has not.

    One mean and one deviation for all columns give away next to nothing, so that is for information;
    and a warning where train's own numbers would have given nearly the same rows.

    Args:
        train: `(N, ...)` floating point, all samples, as they enter training.
        others: the same of validation, or of validation and test.
        where: the split.
    """
    if train.dim() < 2 or any(o.shape[1:] != train.shape[1:] for o in others):
        return
    alone = train.detach().double()
    whole = torch.cat([alone, *(o.detach().double() for o in others)])
    overall = tuple(range(train.dim()))
    for dims in [(0,), (0, *range(2, train.dim())), overall]:
        gap = _off_standard(whole, dims)
        own_gap = _off_standard(alone, dims)
        if gap < 2e-5 and own_gap > max(1e-3, 50 * gap):
            yield found(
                "S107",
                where,
                f"laid together, {len(alone)} train and {len(whole) - len(alone)} held-out samples "
                f"have mean 0 and deviation 1 to within {gap:.0e}, train alone only to within "
                f"{own_gap:.1g}: the scaling was fitted on all of them",
                "fit the scaler on train alone, after splitting",
                level="info" if dims == overall and whole[0].numel() > 1 else _level(own_gap),
            )
            return


def scaled_as_a_whole(
    whole: Tensor, train: Tensor, held_out: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """S107: train and held-out samples are parts of one array that was scaled as a whole.

    Args:
        whole: `(N,)` or `(N, D)`: a table, or a series of which the samples are windows.
        train: samples that are trained on, `(M, …)`; their last dimension may be D.
        held_out: samples that are held out.
        where: the split.
    """
    table = whole.detach().double().reshape(len(whole), -1)
    kind = how_scaled(table)
    if not kind or train.dim() < 1 or not train.is_floating_point():
        return
    mine, theirs = _rows_within(table, train), _rows_within(table, held_out)
    if mine is None or theirs is None or len(mine) < 32 or len(theirs) < 8:
        return
    apart = ~torch.isin(theirs, mine)
    if len(mine) > 0.98 * len(table) or float(apart.float().mean()) < 0.5:
        return
    part, own = table[mine], 1.0
    if kind == "mean 0 and deviation 1":
        own = min(_off_standard(part, (0,)), _off_standard(part, (0, 1)))
        scaled_alone = own < 1e-3
    elif kind == "uncorrelated columns":
        scaled_alone = _largest_correlation(part) < CORRELATED
    else:
        scaled_alone = bool((part.amin(0) < 1e-6).all() and (part.amax(0) > 1 - 1e-6).all())
    if not scaled_alone:
        yield found(
            "S107",
            where,
            f"all {len(table)} rows together have {kind} exactly, the {len(mine)} of them that are "
            "trained on have not: the scaling was fitted on what is held out as well",
            "fit the scaler on train alone, after splitting",
            level=_level(own),
        )


def is_nearly_standardised(rows: Tensor) -> bool:
    """Whether each column has nearly the mean 0 and the deviation 1, as a random part of a
    standardised whole has.

    Args:
        rows: `(N, …, D)` of train.
    """
    table = rows.detach().double()
    return table.dim() > 1 and _off_standard(table.reshape(-1, table.shape[-1]), (0,)) < SLIGHT


def _level(own_gap: float) -> Level | None:
    """A warning where train's own numbers would have moved the rows next to nowhere."""
    return "warning" if own_gap < SLIGHT else None


def each_scaled_by_itself(
    train: Tensor, held_out: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """T102: train and the held-out samples both have just the numbers that their own scaling leaves.

    Two columns and more: of a single one, as of a place on a line, both may well be whole.

    Args:
        train: `(N, ...)` floating point with N ≥ 64, all samples.
        held_out: `(M, ...)` with M ≥ 32, all samples.
        where: the split.
    """
    one, other = train.detach().double(), held_out.detach().double()
    if one.dim() < 2 or one.shape[1:] != other.shape[1:] or not 2 <= one[0].numel() <= 4096:
        return
    one, other = one.flatten(1), other.flatten(1)
    kind = how_scaled(one)
    if kind and kind == how_scaled(other, fewest=32):
        yield found(
            "T102",
            where,
            f"the {len(one)} samples of train have {kind} exactly, and so have these {len(other)} by "
            "themselves: each split was scaled by its own numbers, and the same value of a column "
            "means something else here",
            "compute the numbers of the scaling from train alone and apply them to all splits",
            level="warning",
        )


def how_scaled(table: Tensor, fewest: int = 64) -> str:
    """Which scaling fits a table `(N, D)` of so many rows exactly, in words; empty if none does.

    Columns without any correlation are what principal components leave. Numbers that lie in a range
    by nature, as pixels or shares of time, seldom touch both its ends once each.
    """
    if len(table) < fewest or not bool(torch.isfinite(table).all()):
        return ""
    if min(_off_standard(table, (0,)), _off_standard(table, (0, 1))) < 2e-5:
        return "mean 0 and deviation 1"
    low, high = table.amin(0), table.amax(0)
    telling = (high - low) > 0
    for bottom in (0.0, -1.0):
        fits = ((low - bottom).abs() < 1e-6) & ((high - 1).abs() < 1e-6)
        if bool(telling.any()) and bool((fits | ~telling).all()) and _has_lone_ends(table):
            return f"minimum {bottom:.0f} and maximum 1"
    if _largest_correlation(table) < (NEARLY if table.shape[1] >= MANY else UNCORRELATED):
        return "uncorrelated columns"
    return ""


def _largest_correlation(table: Tensor) -> float:
    """Between any two columns `(N, D)`; 1 where they are too few, or of too few numbers, to tell."""
    count, width = table.shape
    if not FEWEST_COLUMNS <= width <= min(MOST_COLUMNS, count // 2):
        return 1.0
    together = torch.corrcoef(table.T).nan_to_num(nan=1.0)
    together.fill_diagonal_(0)
    largest = float(together.abs().max())
    if largest < CORRELATED and any(len(torch.unique(c)) < count // 2 for c in table.T):
        return 1.0  # drawn up by a plan, as the trials of an experiment are
    return largest


def _has_lone_ends(table: Tensor) -> bool:
    """Whether a column of many values reaches its ends once and does not simply rise or fall."""
    for column in table.T[:64]:
        differences = column[1:] - column[:-1]
        rises = bool((differences >= 0).all()) or bool((differences <= 0).all())
        many = len(torch.unique(column)) > 0.5 * len(column)
        lone = int((column == column.max()).sum()) == 1 == int((column == column.min()).sum())
        if many and lone and not rises:
            return True
    return False


def _rows_within(table: Tensor, samples: Tensor) -> Tensor | None:
    """Which rows of a table samples consist of, or None where some come from elsewhere."""
    width = table.shape[1]
    values = samples.detach().to(torch.float32)
    if width > 1 and values.shape[-1] != width and values[0].numel() % width:
        return None
    flat = values.reshape(-1, width)
    if not len(flat):
        return None
    flat = flat[:: max(1, len(flat) // 20_000)]
    own = table.to(torch.float32)
    key = torch.linspace(1.0, 1.7, width, dtype=torch.float64)
    keys, order = torch.sort((own.double() * key).sum(1))
    wanted = (flat.double() * key).sum(1)
    at = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    rows = order[at]
    same = (own[rows] - flat).abs().amax(1) == 0
    return torch.unique(rows[same]) if float(same.float().mean()) > 0.98 else None


def _off_standard(values: Tensor, dims: tuple[int, ...]) -> float:
    """How far the columns are from mean 0 and deviation 1; constant columns do not count."""
    mean = values.mean(dims)
    count = values.numel() // max(1, mean.numel())
    deviation = values.std(dims, correction=0)
    counted = deviation > 0
    if count < 32 or not bool(counted.any()):
        return float("inf")
    unbiased = deviation * (count / (count - 1)) ** 0.5
    spread = torch.minimum((deviation - 1).abs(), (unbiased - 1).abs())
    return float(torch.maximum(mean.abs(), spread)[counted].max())
