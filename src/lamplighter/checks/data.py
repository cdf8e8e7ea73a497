"""Family D, as far as the numbers of a batch go; loaders are looked at in `loading`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

IMAGE_CHANNELS = (1, 3)


def inputs_all_alike(inputs: Tensor, *, where: str = "inputs") -> Iterator[Finding]:
    """D101: every sample is the same.

    Args:
        inputs: `(N, ...)`; at least 4 samples are needed for a verdict.
        where: the field or split it is about.
    """
    if inputs.shape[0] < 4 or inputs.numel() == 0 or inputs.numel() == inputs.shape[0] == 4:
        return
    values = inputs.detach().float()
    spread = (values - values[:1]).abs().max()
    if float(spread) < 1e-6 * max(1.0, float(values[0].abs().max())):
        yield found(
            "D101",
            where,
            f"all {inputs.shape[0]} samples looked at are identical (shape {tuple(inputs.shape[1:])})",
            "look at how a sample is read: a constant index, an unread file, or a division that "
            "rounds to 0",
        )


def values_not_finite(
    inputs: Tensor, *, where: str = "inputs", tolerated: bool = False
) -> Iterator[Finding]:
    """D102: NaN or infinity in the inputs, with its first place.

    Args:
        inputs: any shape.
        where: the field or split it is about.
        tolerated: whether the model was seen to answer with finite values nevertheless.
    """
    if not inputs.is_floating_point():
        return
    bad = ~torch.isfinite(inputs)
    if not bool(bad.any()):
        return
    place = tuple(int(i) for i in bad.nonzero()[0])
    kind = "NaN" if bool(torch.isnan(inputs).any()) else "infinity"
    rows = int(bad.flatten(1).any(1).sum()) if inputs.dim() > 1 else int(bad.sum())
    spot = f"row {place[0]}" + (f", column {place[1]}" if inputs.dim() == 2 else f", index {place}")
    yield found(
        "D102",
        where,
        f"{kind} in {rows} of {inputs.shape[0]} samples looked at; the first is {spot}",
        "fill or drop missing values before training, and look for divisions by a zero deviation",
        level="warning" if tolerated else None,
    )


def not_normalised(
    inputs: Tensor, *, absorbed: bool = False, where: str = "inputs"
) -> Iterator[Finding]:
    """D103: values far outside the range that layers are made for.

    Args:
        inputs: `(N, ...)` floating point, as the first layer with weights receives them.
        absorbed: whether a normalisation comes before or right after that layer.
        where: the field or layer it is about.
    """
    if not inputs.is_floating_point() or inputs.numel() < 16:
        return
    values = inputs.detach().float()
    largest, spread = float(values.abs().max()), float(values.std())
    if not (math.isfinite(largest) and largest > 30 and spread > 10):
        return
    picture = inputs.dim() >= 3 and inputs.shape[1] in IMAGE_CHANNELS and largest <= 255
    yield found(
        "D103",
        where,
        f"inputs reach from {float(values.min()):.4g} to {float(values.max()):.4g} "
        f"(deviation {spread:.3g})" + (", the range of raw pixels" if picture else ""),
        "scale pictures with v2.ToDtype(torch.float32, scale=True) and Normalize; standardise the "
        "columns of a table with the mean and deviation of train",
        level=None if picture and not absorbed else "warning",
    )


def scaled_twice(images: Tensor, *, where: str = "inputs") -> Iterator[Finding]:
    """D104: pictures whose channels look normalised, or divided by 255, twice.

    Args:
        images: `(N, C, H, W)` floating point with 1 or 3 channels.
        where: the field or split it is about.
    """
    if images.dim() != 4 or images.shape[1] not in IMAGE_CHANNELS or images.numel() < 1024:
        return
    if not images.is_floating_point():
        return
    values = images.detach().float()
    largest = float(values.abs().max())
    means, deviations = values.mean((0, 2, 3)), values.std((0, 2, 3))
    if 0 < largest < 0.02:
        yield found(
            "D104",
            where,
            f"no pixel is above {largest:.3g}: divided by 255 twice?",
            "keep one scaling: ToTensor and ToDtype(scale=True) already divide by 255",
        )
    elif largest < 30 and (float(means.abs().max()) > 1.5 or float(deviations.max()) > 3):
        yield found(
            "D104",
            where,
            f"channel means {_row(means)}, deviations {_row(deviations)}: normalised twice, or by "
            "figures of another range?",
            "apply Normalize once, after scaling to [0, 1]",
        )


def reshaped_for_permuted(
    images: Tensor, *, where: str = "inputs", least: float = 1.3
) -> Iterator[Finding]:
    """D105: a picture is smoother when its memory is read as H × W × C.

    Args:
        images: `(N, C, H, W)` with more than one channel.
        where: the field or split it is about.
        least: how many times smoother; a little is enough where the shapes say the same.
    """
    if images.dim() != 4 or images.shape[1] not in (2, 3, 4) or min(images.shape[2:]) < 8:
        return
    count, channels, height, width = images.shape
    values = images.detach().float()
    as_it_is = _roughness(values)
    reread = values.reshape(count, height, width, channels).permute(0, 3, 1, 2)
    other = _roughness(reread)
    if other > 0 and as_it_is / other > least:
        yield found(
            "D105",
            where,
            f"neighbouring pixels differ {as_it_is / other:.2f} times as much as when the same "
            "numbers are read as height × width × channels",
            "use permute(2, 0, 1) (or ToImage/ToTensor), not view or reshape, to bring channels first",
            level="warning",
        )


def fields_differ_in_length(fields: dict[str, Tensor]) -> Iterator[Finding]:
    """D112: the inputs and targets of one batch have different numbers of samples.

    Args:
        fields: name → tensor with samples along dimension 0.
    """
    lengths = {name: t.shape[0] for name, t in fields.items() if t.dim() > 0}
    if len(lengths) != 2 or len(set(lengths.values())) == 1:
        return
    inputs, targets = fields.values()
    places = {*inputs.shape, inputs.shape[0] * inputs.shape[1] if inputs.dim() > 1 else 0}
    if targets.shape[0] not in places:  # time first, or a target for each place, is no fault
        told = ", ".join(f"{name} {count}" for name, count in lengths.items())
        yield found(
            "D112",
            "batch",
            f"its fields have different lengths: {told}",
            "look at the collate function or processor that drops rows",
        )


def sequences_cut(
    tokens: Tensor, *, where: str = "inputs", padding: int | None = None
) -> Iterator[Finding]:
    """D113: many token rows fill the maximum length while others are padded.

    Args:
        tokens: `(N, T)` integers, padded at the end.
        where: the field it is about.
        padding: the token that fills rows up, where rows are known to be shortened to T; then
            nearly all of them may be.
    """
    if (
        tokens.dim() != 2
        or tokens.is_floating_point()
        or tokens.shape[0] < 32
        or tokens.shape[1] < 8
    ):
        return
    lengths = valid_lengths(tokens)
    if padding is not None:
        lengths = tokens.shape[1] - (tokens == padding).flip(1).long().cumprod(1).sum(1)
    if lengths is None:
        return
    full = float((lengths == tokens.shape[1]).float().mean())
    most = 0.95 if padding is None else 1.0
    if 0.2 < full < most and float((lengths == tokens.shape[1] - 1).float().mean()) < full / 4:
        yield found(
            "D113",
            where,
            f"{full:.0%} of the rows fill all {tokens.shape[1]} places and the others are padded: "
            "they were probably cut off",
            "raise the maximum length, or split long texts in pieces",
        )


def never_padded(tokens: Tensor, padding: int, *, where: str = "inputs") -> Iterator[Finding]:
    """D113: the network knows a padding token and no row ever ends in it.

    Rows of one length are healthy where a text was cut in windows; whether they were shortened is
    for the caller to know.

    Args:
        tokens: `(N, T)` integers, N ≥ 64 and T ≥ 8.
        padding: the id that the embedding leaves out.
        where: the field it is about.
    """
    if tokens.dim() != 2 or tokens.shape[0] < 64 or tokens.shape[1] < 8:
        return
    if not tokens.is_floating_point() and not bool((tokens == padding).any()):
        yield found(
            "D113",
            where,
            f"all {tokens.shape[0]} rows looked at fill all {tokens.shape[1]} places and none has "
            f"the padding {padding} that the embedding expects: they were probably cut off",
            "raise the maximum length, or split long texts in pieces",
        )


def valid_lengths(tokens: Tensor) -> Tensor | None:
    """Length of each row without its trailing padding; None where no padding is seen.

    Args:
        tokens: `(N, T)`; padding is the value that ends most of the rows that end in a run, and
            stands hardly anywhere else.
    """
    if tokens.dim() != 2 or tokens.shape[1] < 3:
        return None
    ends = tokens[:, -1][tokens[:, -1] == tokens[:, -2]]
    if len(ends) < max(2, tokens.shape[0] // 10):
        return None
    pad = ends.mode().values
    if float((ends == pad).float().mean()) < 0.9:
        return None
    trailing = (tokens == pad).flip(1).long().cumprod(1).sum(1)
    elsewhere = int((tokens == pad).sum()) - int(trailing.sum())
    if elsewhere > 0.1 * int(trailing.sum()):
        return None  # a word like others that happens to be repeated
    return tokens.shape[1] - trailing


def _roughness(images: Tensor) -> float:
    across = (images[..., 1:] - images[..., :-1]).abs().mean()
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().mean()
    return float(across + down)


def _row(values: Tensor) -> str:
    return "(" + ", ".join(f"{v:.2f}" for v in values.tolist()) + ")"
