"""Y108: classes of a resized mask at places that had none of them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

MOST_CLASSES = 32
NEAR = 2  # pixels of the larger of the two, around the place that a pixel came from


def classes_out_of_place(
    before: Tensor, after: Tensor, *, where: str = "target"
) -> Iterator[Finding]:
    """Y108: a class between two others along their border, though the mask has it elsewhere.

    Args:
        before: `(…, H, W)` the mask as it was.
        after: `(…, h, w)` the same resized, as it enters the loss.
        where: the field it is about.
    """
    whole, seen = before.detach().double(), after.detach().double()
    known = torch.unique(whole)
    if not 3 <= len(known) <= MOST_CLASSES or not bool(torch.isin(seen, known).all()):
        return  # new values are told for themselves
    if whole.dim() < 2 or whole.shape[:-2] != seen.shape[:-2]:
        return
    high, low = _around(whole, seen.shape[-2:])
    invented = torch.zeros_like(seen, dtype=torch.bool)
    for value in known:
        there, _ = _around((whole == value).double(), seen.shape[-2:])
        invented |= (seen == value) & (there == 0)
    invented &= (seen > low) & (seen < high)
    share = float(invented.double().mean())
    if share > 0:
        yield found(
            "Y108",
            where,
            f"{share:.1%} of the pixels have a class that lies between two others and that the mask "
            "had nowhere near: it was resized with interpolation",
            "resize masks with InterpolationMode.NEAREST, Image.NEAREST or mode='nearest'",
        )


def _around(values: Tensor, size: torch.Size) -> tuple[Tensor, Tensor]:
    """The largest and the smallest value near the place of each pixel of another size."""
    rows, columns = values.shape[-2:]
    flat = values.reshape(-1, 1, rows, columns)
    reach = [int(NEAR * max(1.0, a / b)) + 1 for a, b in zip((rows, columns), size, strict=True)]
    kernel = (2 * reach[0] + 1, 2 * reach[1] + 1)
    made = []
    for sign in (1, -1):
        pooled = torch.nn.functional.max_pool2d(sign * flat, kernel, 1, (reach[0], reach[1]))
        at = torch.nn.functional.interpolate(pooled, size=tuple(size), mode="nearest")
        made.append((sign * at).reshape(*values.shape[:-2], *size))
    return made[0], made[1]
