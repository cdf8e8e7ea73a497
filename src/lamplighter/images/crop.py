"""A random part of each picture, brought to size: torchvision's RandomResizedCrop for whole batches.

A crop equals `v2.functional.resized_crop(antialias=True)` on the same box. Bytes on the CPU are cut
one by one by torch's own resize, which is vectorised for them and ten times as quick there; elsewhere a
whole batch is two matrix products: rows and columns of the crop are weighted sums of rows and columns
of the canvas. The two differ by rounding to bytes, a level of 255 at most.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

TRIES = 10  # as torchvision's RandomResizedCrop, which then falls back to the centre


def boxes(
    draws_BT4: Tensor, aspect_B: Tensor, scale: tuple[float, float], ratio: tuple[float, float]
) -> Tensor:
    """Random parts of pictures, as fractions of their sides.

    Args:
        draws_BT4: uniform numbers [B, TRIES, 4]: area, aspect, top, left.
        aspect_B: width / height of each picture.
        scale: smallest and largest share of the picture's area.
        ratio: smallest and largest aspect of the part.

    Returns:
        float32 [B, 4]: top, left, height, width as fractions of the picture.

    Source: torchvision.transforms.v2.RandomResizedCrop (area uniform, aspect log-uniform, first
    of ten tries that fits, else the central part of allowed aspect).
    """
    area_BT = draws_BT4[..., 0] * (scale[1] - scale[0]) + scale[0]
    low, high = math.log(ratio[0]), math.log(ratio[1])
    ratio_BT = torch.exp(draws_BT4[..., 1] * (high - low) + low)
    aspect_B1 = aspect_B[:, None]
    height_BT = torch.sqrt(area_BT * aspect_B1 / ratio_BT)
    width_BT = torch.sqrt(area_BT * ratio_BT / aspect_B1)
    fits_BT = (height_BT <= 1) & (width_BT <= 1)
    first_B1 = fits_BT.to(torch.uint8).argmax(dim=1, keepdim=True)
    height_B = height_BT.gather(1, first_B1)[:, 0]
    width_B = width_BT.gather(1, first_B1)[:, 0]
    top_B = draws_BT4[..., 2].gather(1, first_B1)[:, 0] * (1 - height_B)
    left_B = draws_BT4[..., 3].gather(1, first_B1)[:, 0] * (1 - width_B)
    allowed_B = aspect_B.clamp(*ratio)
    whole_height_B = (aspect_B / allowed_B).clamp(max=1)
    whole_width_B = (allowed_B / aspect_B).clamp(max=1)
    none_fits_B = ~fits_BT.any(dim=1)
    return torch.stack(
        [
            torch.where(none_fits_B, (1 - whole_height_B) / 2, top_B),
            torch.where(none_fits_B, (1 - whole_width_B) / 2, left_B),
            torch.where(none_fits_B, whole_height_B, height_B),
            torch.where(none_fits_B, whole_width_B, width_B),
        ],
        dim=1,
    ).to(torch.float32)


def resize_weights(start_B: Tensor, length_B: Tensor, source: int, target: int) -> Tensor:
    """Matrices that cut [start, start + length) out of `source` pixels and resize it to `target`.

    Returns:
        float32 [B, target, source]; rows sum to 1. Antialiased triangle filter, as Pillow's and
        torch's bilinear resize with antialiasing.
    """
    device = start_B.device
    scale_B11 = (length_B / target)[:, None, None]
    support_B11 = scale_B11.clamp(min=1.0)
    centre_BT1 = start_B[:, None, None] + scale_B11 * (
        torch.arange(target, device=device)[None, :, None] + 0.5
    )
    pixel_S = torch.arange(source, device=device)[None, None, :]
    weights_BTS = (1 - (pixel_S + 0.5 - centre_BT1).abs() / support_B11).clamp_(min=0)
    inside = (pixel_S >= start_B[:, None, None].floor()) & (
        pixel_S < (start_B + length_B)[:, None, None].ceil()
    )
    weights_BTS = weights_BTS * inside
    return weights_BTS / weights_BTS.sum(dim=2, keepdim=True)


def in_pixels(boxes_B4: Tensor, height: int, width: int) -> Tensor:
    """int64 [B, 4]: top, left, height, width in whole pixels, within the picture and not empty."""
    starts, extents = [], []
    for at, side in enumerate((height, width)):  # a tensor of both would have to be copied there
        extent_B = (boxes_B4[:, 2 + at] * side).round().long().clamp(min=1)
        start_B = (boxes_B4[:, at] * side).round().long()
        starts.append(torch.minimum(start_B, side - extent_B))
        extents.append(extent_B)
    return torch.stack([*starts, *extents], dim=1)


def resized_crop(
    images_BCHW: Tensor, boxes_B4: Tensor, size: int, flip_B: Tensor | None = None
) -> Tensor:
    """Cuts one box per picture and resizes it, antialiased; flips where asked.

    Args:
        images_BCHW: uint8 or float.
        boxes_B4: top, left, height, width in pixels.
        size: side of the result.
        flip_B: bool, left-right.

    Returns:
        float32 [B, C, size, size] in the input's range.
    """
    top, left, tall, wide = boxes_B4.to(torch.float32).unbind(1)
    rows_BSH = resize_weights(top, tall, images_BCHW.shape[2], size)
    columns_BSW = resize_weights(left, wide, images_BCHW.shape[3], size)
    if flip_B is not None:
        columns_BSW = torch.where(flip_B[:, None, None], columns_BSW.flip(1), columns_BSW)
    images = images_BCHW.to(torch.float32)
    return rows_BSH[:, None] @ images @ columns_BSW[:, None].transpose(2, 3)


def resized_bytes(
    images_BCHW: Tensor, boxes_B4: Tensor, size: int, flip_B: Tensor | None = None
) -> Tensor:
    """The same for uint8 on the CPU: uint8 [B, C, size, size]."""
    count, channels = images_BCHW.shape[:2]
    made = torch.empty((count, size, size, channels), dtype=torch.uint8).permute(0, 3, 1, 2)
    flipped = [False] * count if flip_B is None else flip_B.tolist()
    for number, (top, left, tall, wide) in enumerate(boxes_B4.tolist()):
        part = images_BCHW[number : number + 1, :, top : top + tall, left : left + wide]
        cut = interpolate(part, (size, size), mode="bilinear", antialias=True)
        made[number] = cut[0].flip(2) if flipped[number] else cut[0]
    return made


def is_bytes_on_cpu(images_BCHW: Tensor) -> bool:
    """Whether there are quicker ways: NumPy moves whole rows of bytes, torch one by one."""
    return images_BCHW.device.type == "cpu" and images_BCHW.dtype == torch.uint8
