"""Family T: what is done to a sample on its way into the network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

MOSTLY = 0.9  # of the samples
FEWEST_PICTURES = 16  # whose channels are held against each other
FEW_COLUMNS = 4  # of a table that a program may lay a grid over, to see the whole curve


def random_at_evaluation(
    first: Tensor, second: Tensor, *, where: str = "validation", sure: bool = True
) -> Iterator[Finding]:
    """T101: the same validation sample, read twice, differs.

    Args:
        first: a sample, any shape.
        second: the same sample, read again under another seed.
        where: the split and index.
        sure: whether nothing else than chance can have changed it.
    """
    if first.shape == second.shape and torch.equal(first, second):
        return
    if first.shape == second.shape and bool(torch.isnan(first).any()):
        return
    detail = (
        f"shape {tuple(first.shape)} and then {tuple(second.shape)}"
        if first.shape != second.shape
        else f"values differ by up to {float((first.float() - second.float()).abs().max()):.3g}"
    )
    yield found(
        "T101",
        where,
        f"the same sample read twice is not the same ({detail}): random augmentation is active on "
        "validation data",
        "give validation its own transform without random parts",
        level="error" if sure else "warning",
    )


def preprocessed_differently(
    train: Tensor, val: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """T102: channel means or deviations of train and validation differ beyond chance and by much.

    Args:
        train: `(N, C, H, W)` or `(N, D)` floating point, at least 16 samples.
        val: the same from validation.
        where: the split.
    """
    if min(train.shape[0], val.shape[0]) < 16 or not train.is_floating_point():
        return
    if train.dim() != val.dim() or train.dim() < 2 or train.shape[1] != val.shape[1]:
        return
    one, other = _per_sample(train), _per_sample(val)
    gap = (one.mean(0) - other.mean(0)).abs()
    noise = (one.var(0) / len(one) + other.var(0) / len(other)).sqrt() + 1e-6
    scale_one, scale_other = _deviation(train), _deviation(val)
    effect = gap / (torch.maximum(scale_one, scale_other) + 1e-6)
    ratio = (scale_other + 1e-6) / (scale_one + 1e-6)
    moved = (gap / noise > 6) & (effect > 0.25)
    stretched = (ratio > 2) | (ratio < 0.5)
    if train.dim() == 2:  # columns of a table shift by nature: only a change of unit is told
        moved, stretched = moved & (effect > 1), (ratio > 20) | (ratio < 0.05)
        series = _is_of_a_series(train)
        if series or (train.shape[1] < FEW_COLUMNS and _is_a_grid(other)):
            # a level drifts by nature in time, and a curve is looked at where there were no data
            moved = torch.zeros_like(moved)
            stretched = torch.zeros_like(stretched) if not series else stretched
        alike = not series and (_one_scale(one, other) or _one_is_standardised(one, other))
        usual = ~_is_mostly_one_value(train)
        moved, stretched = moved & usual, stretched & usual
        if not alike and float((moved | stretched).float().mean()) < 0.5:
            return
        stretched |= torch.tensor(alike)
    if not bool((moved | stretched).any()):
        return
    sure = bool(stretched.all()) or float(effect.max()) > 1
    yield found(
        "T102",
        where,
        f"channel means {_row(one.mean(0))} in train and {_row(other.mean(0))} here; deviations "
        f"{_row(scale_one)} and {_row(scale_other)}",
        "use the same scaling and Normalize for train and validation",
        level="error" if sure and train.dim() == 4 else "warning",
    )


def scaled_by_own_numbers(
    scaler: str, rows: int, *, where: str = "validation", again: bool
) -> Iterator[Finding]:
    """T102: a scaler was fitted on the held-out rows alone, another fit scaled those of train.

    Args:
        scaler: its class.
        rows: held-out rows that it was fitted on.
        where: the split.
        again: whether it is the very object that was fitted on train before; else somebody may
            have meant to scale each set on its own.
    """
    yield found(
        "T102",
        where,
        f"the {scaler} was fitted on these {rows} held-out rows"
        + (" again" if again else "")
        + ", and training saw another fit: the same value of a column means something else here",
        "fit the scaler on train alone and call transform(), not fit_transform(), on the rest",
        level="error" if again else "warning",
    )


def targets_scaled_differently(
    train: Tensor, held_out: Tensor, *, where: str = "targets"
) -> Iterator[Finding]:
    """T102: the numbers to be predicted are in one unit in training and in another at evaluation.

    Args:
        train: `(N,)` targets that the network's answers were compared with in training.
        held_out: `(M,)` the same at evaluation.
        where: what it is about.
    """
    if min(len(train), len(held_out)) < 16:
        return
    mean, spread = float(train.mean()), float(train.std())
    other, wide = float(held_out.mean()), float(held_out.std())
    if not all(math.isfinite(value) for value in (mean, spread, other, wide)) or spread < 1e-6:
        return
    ratio = (wide + 1e-9) / spread
    standard = abs(mean) < 0.15 and 0.8 < spread < 1.25
    if ratio > 20 or ratio < 0.05 or (standard and (ratio > 5 or ratio < 0.2)):
        yield found(
            "T102",
            where,
            f"the network is trained on targets of mean {mean:.3g} and deviation {spread:.3g} and its "
            f"answers are compared with others of mean {other:.3g} and deviation {wide:.3g}",
            "scale the targets of validation by the numbers of train, or bring the answers back to "
            "the unit of the targets",
            level="error" if ratio > 20 or ratio < 0.05 else "warning",
        )


def set_for_all_parts(part: str, name: str) -> Iterator[Finding]:
    """T107: what is set through one part of a data set is set for the part that is trained on.

    Args:
        part: what the program calls the part for evaluation.
        name: of the attribute.
    """
    yield found(
        "T107",
        f"`{part}`",
        f"{part}.dataset is the data set that is trained on as well: both parts share it, so "
        f"{name} is now the same for training",
        "give each part a data set of its own, with its own transform, and the same indices",
    )


def boxes_are_no_corners(boxes: Tensor, *, where: str = "boxes") -> Iterator[Finding]:
    """T108: boxes that are taken for two corners, of which the second lies before the first.

    Args:
        boxes: `(…, 4)` of the targets.
        where: what it is about.
    """
    rows = boxes.detach().reshape(-1, 4).float()
    if len(rows) < 8:
        return
    turned = float((rows[:, 2:] < rows[:, :2]).any(1).float().mean())
    if turned > 0.2:
        yield found(
            "T108",
            where,
            f"the overlap takes these boxes for two corners, and in {turned:.0%} of {len(rows)} the "
            "second lies before the first: they are a centre, or a corner, with width and height",
            'convert both first: torchvision.ops.box_convert(boxes, "cxcywh", "xyxy")',
        )


def _one_scale(train: Tensor, val: Tensor) -> bool:
    """Whether all columns `(N, D)` are stretched by one factor, which no natural shift does."""
    spread, other = train.std(0), val.std(0)
    used = (spread > 1e-6) & (other > 1e-6)
    if int(used.sum()) < 8 or min(len(train), len(val)) < 64:
        return False
    factors = (other[used] / spread[used]).log()
    middle = float(factors.median())
    return abs(middle) > math.log(1.5) and float((factors - middle).abs().median()) < 0.15


def _one_is_standardised(train: Tensor, val: Tensor) -> bool:
    """Whether each column of one split has mean 0 and deviation 1, and few of the other do."""

    def share(values: Tensor, *, centred: bool) -> float:
        used = values.std(0) > 1e-6
        plain = (values.std(0) - 1).abs() < 0.25
        if centred:
            plain &= values.mean(0).abs() < 0.15
        return float(plain[used].float().mean()) if bool(used.any()) else 0.0

    if train.shape[1] < 4 or min(len(train), len(val)) < 64:
        return False
    pairs = ((train, val), (val, train))
    # a level that moves between the splits is no scaling: the other must be wider or narrower
    return any(share(a, centred=True) > 0.9 and share(b, centred=False) < 0.3 for a, b in pairs)


def _is_mostly_one_value(rows: Tensor) -> Tensor:
    """`(D,)` whether a column has one value nearly everywhere, as the count of a rare word has."""
    middle = rows.detach().median(0).values
    return (rows.detach() == middle).float().mean(0) > MOSTLY


def _is_a_grid(rows: Tensor) -> bool:
    """Whether the values of each column `(N, D)` lie at even distances, as nothing measured does."""
    for column in rows.detach().double().T:
        values = torch.unique(column)
        gaps = values[1:] - values[:-1]
        if len(gaps) and float(gaps.max() - gaps.min()) > 1e-3 * float(gaps.mean()):
            return False
    return True


def _is_of_a_series(rows: Tensor) -> bool:
    """Whether neighbouring columns go together, as those of windows over a series do."""
    if rows.shape[1] < 4:
        return False
    values = rows.detach().float()
    values = (values - values.mean(0)) / (values.std(0) + 1e-6)
    return float((values[:, 1:] * values[:, :-1]).mean()) > 0.7


def channels_reversed(
    train: Tensor, val: Tensor, *, where: str = "validation"
) -> Iterator[Finding]:
    """T103: the channels of validation fit those of train only in reverse order.

    Compared are the means, and in each picture by how much the first channel lies above the last:
    that differs less from picture to picture than the brightness, which all channels share.

    Args:
        train: `(N, 3, H, W)` floating point, at least 16 samples.
        val: the same from validation.
        where: the split.
    """
    if train.dim() != 4 or train.shape[1] != 3 or val.dim() != 4 or val.shape[1] != 3:
        return
    if min(train.shape[0], val.shape[0]) < 16:
        return
    one, other = _per_sample(train), _per_sample(val)
    noise = float((one.var(0) / len(one) + other.var(0) / len(other)).sqrt().mean()) + 1e-6
    straight = float((one.mean(0) - other.mean(0)).abs().max())
    reversed_ = float((one.mean(0) - other.mean(0).flip(0)).abs().max())
    by_means = straight > 6 * noise and reversed_ < 2 * noise and straight > 4 * reversed_
    if by_means or _turned(one[:, 0] - one[:, 2], other[:, 0] - other[:, 2]):
        yield found(
            "T103",
            where,
            f"channel means {_row(one.mean(0))} in train and {_row(other.mean(0))} here: equal when "
            "the order is reversed, RGB against BGR",
            "convert with cv2.cvtColor(image, cv2.COLOR_BGR2RGB), or read both with one library",
        )


def _turned(train: Tensor, val: Tensor) -> bool:
    """Whether differences `(N,)` of two channels are the same but for their sign."""
    if min(len(train), len(val)) < FEWEST_PICTURES:
        return False
    errors = [float(part.std()) / len(part) ** 0.5 + 1e-6 for part in (train, val)]
    mine, theirs = float(train.mean()), float(val.mean())
    both = math.hypot(*errors)
    clear = (
        abs(mine) > 5 * errors[0] and abs(theirs) > 5 * errors[1] and abs(mine - theirs) > 8 * both
    )
    return clear and mine * theirs < 0 and abs(mine + theirs) < min(3 * both, 0.25 * abs(mine))


def ids_beyond_embedding(ids: Tensor, rows: int, *, where: str = "embedding") -> Iterator[Finding]:
    """T105: a token id is not a row of the embedding.

    Args:
        ids: integers, any shape.
        rows: number of rows of the embedding.
        where: the embedding layer.
    """
    if ids.numel() == 0 or ids.is_floating_point():
        return
    low, high = int(ids.min()), int(ids.max())
    if high >= rows or low < 0:
        yield found(
            "T105",
            where,
            f"ids from {low} to {high} meet an embedding of {rows} rows",
            f"give it num_embeddings={high + 1} or more, or use the tokenizer it was made for",
        )


def vectors_one_row_off(
    table: Tensor, padding: int, *, where: str = "embedding"
) -> Iterator[Finding]:
    """T105: the one empty row of a table stands at the other end than the number of the padding.

    Args:
        table: `(V, D)` the vectors before training.
        padding: the number of the padding, 0 or V − 1.
        where: the embedding layer.
    """
    empty = (table.detach() == 0).all(1).nonzero().flatten().tolist()
    last = len(table) - 1
    if len(table) < 8 or len(empty) != 1 or {padding, empty[0]} != {0, last}:
        return
    yield found(
        "T105",
        where,
        f"row {empty[0]} of {len(table)} is empty and the padding is number {padding}: the vectors "
        f"stand one row {'too early' if padding == 0 else 'too late'}, and each word has that of "
        "its neighbour",
        "put the empty row where the padding has its number: torch.cat([empty, vectors]) for 0",
        level="warning",
    )


def _per_sample(values: Tensor) -> Tensor:
    """`(N, C)` mean of each channel of each sample."""
    wide = values.detach().float()
    return wide.flatten(2).mean(2) if wide.dim() > 2 else wide


def _deviation(values: Tensor) -> Tensor:
    wide = values.detach().float()
    return wide.transpose(0, 1).flatten(1).std(1)


def _row(values: Tensor) -> str:
    shown = ", ".join(f"{v:.2f}" for v in values[:4].tolist())
    return f"({shown}{', …' if len(values) > 4 else ''})"
