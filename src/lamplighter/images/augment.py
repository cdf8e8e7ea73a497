"""Varying training pictures: parameters drawn per picture and epoch, applied to whole batches.

All parameters of an epoch are drawn at once from (seed, epoch), so picture i of epoch e is varied
in the same way whatever the batch size, the number of workers or the point of a resume. The
pictures of a batch are then varied together, as tensors, on the device that trains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lamplighter.images.colour import jitter
from lamplighter.images.crop import (
    TRIES,
    boxes,
    in_pixels,
    is_bytes_on_cpu,
    resized_bytes,
    resized_crop,
)
from lamplighter.images.preprocess import Preprocess, scaled

SMALL = 64  # up to this side a picture is shifted within a border; above it is cropped and resized
Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Augment:
    """A named policy in figures.

    Args:
        crop: "none", "shift" (a border, then a random window) or "resized" (random part of the
            picture brought to size).
        flip: probability of a left-right flip.
        alternating: a picture is flipped in every other epoch (see `images.growth`).
        border: pixels of border for "shift"; it is zero, or mirrors the picture if `reflected`.
        scale: smallest and largest share of the picture's area for "resized".
        ratio: smallest and largest aspect of the part, for "resized".
        jitter: largest relative change of brightness, contrast and saturation; 0 is off.
        erase: probability that a rectangle (2–33 % of the area) is blanked.
    """

    crop: Literal["none", "shift", "resized"] = "none"
    flip: float = 0.0
    alternating: bool = False
    border: int = 0
    reflected: bool = False
    scale: tuple[float, float] = (0.35, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    jitter: float = 0.0
    erase: float = 0.0

    @property
    def changes_nothing(self) -> bool:
        """Whether training pictures are just validation pictures."""
        return self.crop == "none" and not (self.flip or self.jitter or self.erase)


def policy(name: str, size: int) -> Augment:
    """The policy of that name for pictures of `size` pixels.

    Args:
        name: "none", "flip", "crop", "light" (crop and flip), "alternating" (a smaller crop, a
            flip every other epoch) or "strong" (light, colour jitter and erasing); "auto" is
            resolved by the caller, who knows the classes.
        size: side of the square that the network sees.
    """
    moved = (
        Augment(crop="shift", border=max(1, round(size / 8)))
        if size <= SMALL
        else Augment(crop="resized")
    )
    policies = {
        "none": Augment(),
        "flip": Augment(flip=0.5),
        "crop": moved,
        "light": replace(moved, flip=0.5),
        "alternating": replace(
            moved, flip=0.5, alternating=True, border=max(1, round(size / 16)), reflected=True
        ),
        "strong": replace(moved, flip=0.5, jitter=0.3, erase=0.25),
    }
    return policies[name]


def canvas(image: Image.Image, preprocess: Preprocess, augment: Augment) -> np.ndarray:
    """The picture that training keeps: as validation sees it, or all of it for resized crops.

    Returns:
        uint8 [side, side, channels]; for "resized" the side is `preprocess.resize` and the whole
        picture is squashed into it (`box_in_canvas` undoes the aspect).
    """
    geometry = preprocess.geometry
    return geometry.whole(image) if augment.crop == "resized" else geometry.square(image)


def draw(augment: Augment, count: int, generator: torch.Generator) -> Parameters:
    """Parameters for `count` pictures, each a tensor whose first dimension is `count`.

    Every picture takes the same number of random draws, whatever comes of them.
    """
    parameters: Parameters = {}
    if augment.crop == "shift":
        span = 2 * augment.border + 1
        parameters["shift"] = torch.randint(0, span, (count, 2), generator=generator)
    if augment.crop == "resized":
        parameters["box_draws"] = torch.rand((count, TRIES, 4), generator=generator)
    if augment.flip:
        parameters["flip"] = torch.rand(count, generator=generator) < augment.flip
    if augment.jitter:
        low, high = 1 - augment.jitter, 1 + augment.jitter
        parameters["jitter"] = torch.rand((count, 3), generator=generator) * (high - low) + low
    if augment.erase:
        parameters["erase"] = torch.rand((count, TRIES, 5), generator=generator)
    return parameters


def apply(
    images_BCHW: Tensor,
    parameters: Parameters,
    aspect_B: Tensor,
    augment: Augment,
    preprocess: Preprocess,
) -> Tensor:
    """Varies and normalises a batch.

    Args:
        images_BCHW: uint8 canvases.
        parameters: the rows of `draw` that belong to these pictures, on the same device.
        aspect_B: width / height of each picture before it was squashed into its canvas; 1 where
            it was not.
        augment: the policy that `parameters` was drawn for.
        preprocess: gives the size and the normalisation.

    Returns:
        float32 [B, C, S, S], normalised.
    """
    flip_B = parameters.get("flip")
    if augment.crop == "resized":
        images = _resized(
            images_BCHW, parameters["box_draws"], aspect_B, flip_B, augment, preprocess
        )
    else:
        if augment.crop == "shift":
            images_BCHW = shift(
                images_BCHW, parameters["shift"], augment.border, reflected=augment.reflected
            )
        if flip_B is not None:
            images_BCHW = flip(images_BCHW, flip_B)
        images = images_BCHW
    if augment.jitter:
        fractions = images.to(torch.float32) / 255
        images = jitter(fractions, parameters["jitter"]) * 255
    normalised = scaled(images.to(torch.float32), preprocess)
    if augment.erase:
        height, width = normalised.shape[-2:]
        blank = erased_boxes(parameters["erase"], augment.erase, height, width)
        normalised = erase(normalised, blank)
    return normalised


def _resized(
    images_BCHW: Tensor,
    draws_BT4: Tensor,
    aspect_B: Tensor,
    flip_B: Tensor | None,
    augment: Augment,
    preprocess: Preprocess,
) -> Tensor:
    boxes_B4 = in_pixels(
        boxes(draws_BT4, aspect_B, augment.scale, augment.ratio), *images_BCHW.shape[-2:]
    )
    crop = resized_bytes if is_bytes_on_cpu(images_BCHW) else resized_crop
    return crop(images_BCHW, boxes_B4, preprocess.size, flip_B)


def shift(
    images_BCHW: Tensor, offsets_B2: Tensor, border: int, *, reflected: bool = False
) -> Tensor:
    """A window of the original size, moved by up to `border` pixels over a border.

    Args:
        images_BCHW: any dtype.
        offsets_B2: int64, top and left in 0…2·border; `border` is no shift.
        reflected: the border mirrors the picture; else it is zero.
    """
    count, _, height, width = images_BCHW.shape
    if reflected:
        down_H, along_W = (mirroring(n, border, images_BCHW.device) for n in (height, width))
        bordered = images_BCHW.index_select(2, down_H).index_select(3, along_W)
    else:
        bordered = torch.nn.functional.pad(images_BCHW, (border,) * 4)
    if is_bytes_on_cpu(images_BCHW):
        lying = bordered.permute(0, 2, 3, 1).numpy()  # rows of a window are then whole
        picture, down, right, channel = lying.strides
        every = np.lib.stride_tricks.as_strided(
            lying,
            (count, 2 * border + 1, 2 * border + 1, height, width, lying.shape[3]),
            (picture, down, right, down, right, channel),
        )
        top_B, left_B = offsets_B2.numpy().T
        return torch.from_numpy(every[np.arange(count), top_B, left_B]).permute(0, 3, 1, 2)
    windows = bordered.unfold(2, height, 1).unfold(3, width, 1)
    picture_B = torch.arange(count, device=images_BCHW.device)
    return windows[picture_B, :, offsets_B2[:, 0], offsets_B2[:, 1]]


def mirroring(length: int, border: int, device: torch.device) -> Tensor:
    """Indices that continue 0…length-1 by `border` on both sides, mirrored at the ends."""
    period = max(1, 2 * (length - 1))
    out_I = torch.arange(-border, length + border, device=device).remainder(period)
    return torch.minimum(out_I, period - out_I).clamp(max=length - 1)


def flip(images_BCHW: Tensor, flip_B: Tensor) -> Tensor:
    """The pictures, those of `flip_B` (bool) left-right reversed."""
    if is_bytes_on_cpu(images_BCHW):
        chosen = flip_B.numpy().nonzero()[0]
        lying = images_BCHW.permute(0, 2, 3, 1).numpy()
        turned = torch.from_numpy(lying[chosen]).permute(0, 3, 1, 2).flip(3)
        pictures = lying.copy()
        pictures[chosen] = turned.permute(0, 2, 3, 1).numpy()
        return torch.from_numpy(pictures).permute(0, 3, 1, 2)
    return torch.where(flip_B[:, None, None, None], images_BCHW.flip(3), images_BCHW)


def erased_boxes(draws_BT5: Tensor, probability: float, height: int, width: int) -> Tensor:
    """Rectangles to blank: int64 [B, 4], top, left, height and width in pixels; 0 high is none.

    Args:
        draws_BT5: uniform numbers [B, TRIES, 5]: whether (of the first try), area, aspect, top,
            left.

    Source: torchvision.transforms.v2.RandomErasing (scale 0.02–0.33, ratio 0.3–3.3, first of ten
    tries that is smaller than the picture, else nothing).
    """
    area_BT = (draws_BT5[..., 1] * 0.31 + 0.02) * height * width
    ratio_BT = torch.exp(draws_BT5[..., 2] * (math.log(3.3) - math.log(0.3)) + math.log(0.3))
    tall_BT = torch.sqrt(area_BT * ratio_BT).round()
    wide_BT = torch.sqrt(area_BT / ratio_BT).round()
    fits_BT = (tall_BT < height) & (wide_BT < width)
    chosen_B = (draws_BT5[:, 0, 0] < probability) & fits_BT.any(dim=1)
    top_BT = (draws_BT5[..., 3] * (height - tall_BT + 1)).floor()
    left_BT = (draws_BT5[..., 4] * (width - wide_BT + 1)).floor()
    boxes_BT4 = torch.stack([top_BT, left_BT, tall_BT, wide_BT], dim=2)
    first_B = fits_BT.to(torch.uint8).argmax(dim=1)
    boxes_B4 = boxes_BT4[torch.arange(len(boxes_BT4), device=first_B.device), first_B]
    return (boxes_B4 * chosen_B[:, None]).long()


def erase(images_BCHW: Tensor, boxes_B4: Tensor) -> Tensor:
    """Blanks a rectangle per picture with 0, which is the mean after normalising.

    Args:
        images_BCHW: normalised.
        boxes_B4: from `erased_boxes`.
    """
    _, _, height, width = images_BCHW.shape
    top_B, left_B, tall_B, wide_B = boxes_B4.unbind(1)
    y_H = torch.arange(height, device=images_BCHW.device)[None, :, None]
    x_W = torch.arange(width, device=images_BCHW.device)[None, None, :]

    def spread(values_B: Tensor) -> Tensor:
        return values_B[:, None, None]

    blank_BHW = (
        (y_H >= spread(top_B))
        & (y_H < spread(top_B + tall_B))
        & (x_W >= spread(left_B))
        & (x_W < spread(left_B + wide_B))
    )
    return images_BCHW.masked_fill(blank_BHW[:, None], 0.0)
