"""Inputs and targets that must move together: Y109."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

LIKE = 0.9  # correlation of a picture with its own mirror image, other augmentation allowed


def flipped_without_target(
    readings: Sequence[tuple[Tensor, Tensor]], *, where: str = "train"
) -> Iterator[Finding]:
    """Y109: read again, a picture comes mirrored while its mask stays as it was.

    Args:
        readings: the same sample several times: picture `(C, H, W)` and mask `(H, W)` or
            `(1, H, W)`.
        where: the data set.
    """
    for (one, mask), (other, same) in combinations(readings, 2):
        if one.dim() != 3 or one.shape != other.shape or mask.shape[-2:] != one.shape[-2:]:
            continue
        if mask.dim() not in (2, 3) or mask.shape != same.shape or not torch.equal(mask, same):
            continue
        for axis, name in ((-1, "left and right"), (-2, "top and bottom")):
            mirrored = _likeness(one, other.flip(axis))
            lopsided = not torch.equal(mask, mask.flip(axis))
            if lopsided and mirrored > LIKE and mirrored > _likeness(one, other) + 0.1:
                yield found(
                    "Y109",
                    where,
                    f"read twice, the picture of one sample has {name} exchanged and its mask is "
                    "the same both times",
                    "apply one and the same flip to both: torchvision.transforms.v2 does so for "
                    "tv_tensors.Mask",
                )
                return


def _likeness(one: Tensor, other: Tensor) -> float:
    """Correlation of two pictures, from −1 to 1."""
    pair = torch.stack([one.reshape(-1).double(), other.reshape(-1).double()])
    value = float(torch.corrcoef(pair)[0, 1])
    return value if value == value else 0.0
