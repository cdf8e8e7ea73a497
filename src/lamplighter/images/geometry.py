"""From a picture of any size to a square of bytes, by Pillow and without torch.

Apart from `preprocess`, so that processes that only decode start in a third of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from lamplighter.images.decode import to_mode

Fit = Literal["crop", "squash", "pad"]
FITS: tuple[Fit, ...] = ("crop", "squash", "pad")
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
PAD_GREY = 128  # between black and white, so that bars carry little signal either way


@dataclass(frozen=True)
class Geometry:
    """How a picture becomes a square; see `Preprocess`, which these belong to.

    Args:
        size: side S of the square, pixels.
        fit: "crop", "squash" or "pad".
        resize: length of the shorter side before the centre crop, pixels, and side of `whole`.
        channels: 3 (RGB) or 1 (grey).
        interpolation: a key of `INTERPOLATIONS`.
    """

    size: int
    fit: Fit
    resize: int
    channels: int
    interpolation: str

    def square(self, image: Image.Image) -> np.ndarray:
        """Upright picture of any mode → uint8 [S, S, channels], as validation sees it."""
        return to_array(self._fitted(to_mode(image, self.channels)))

    def whole(self, image: Image.Image) -> np.ndarray:
        """Upright picture of any mode → uint8 [resize, resize, channels], nothing of it cut away.

        It is squashed unless `fit` is "pad".
        """
        resample = INTERPOLATIONS[self.interpolation]
        picture = to_mode(image, self.channels)
        if self.fit == "pad":
            return to_array(padded(picture, self.resize, resample))
        return to_array(picture.resize((self.resize, self.resize), resample))

    def _fitted(self, image: Image.Image) -> Image.Image:
        resample = INTERPOLATIONS[self.interpolation]
        if image.size == (self.size, self.size) and self.resize == self.size:
            return image
        if self.fit == "squash":
            return image.resize((self.size, self.size), resample)
        if self.fit == "pad":
            return padded(image, self.size, resample)
        return centre_crop(shorter_side_to(image, self.resize, resample), self.size)


def to_array(image: Image.Image) -> np.ndarray:
    """An RGB or L picture as uint8 [H, W, C]."""
    array = np.asarray(image, dtype=np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def shorter_side_to(image: Image.Image, side: int, resample: Image.Resampling) -> Image.Image:
    """Resized so that the shorter side has `side` pixels; the longer is rounded down.

    Source: torchvision.transforms.v2.Resize(int), whose rounding is followed so that pretrained
    networks see what they were measured on.
    """
    width, height = image.size
    if width <= height:
        target = (side, max(side, int(side * height / width)))
    else:
        target = (max(side, int(side * width / height)), side)
    return image if target == image.size else image.resize(target, resample)


def centre_crop(image: Image.Image, side: int) -> Image.Image:
    """The central `side`×`side` square of a picture at least as large.

    Source: torchvision.transforms.v2.CenterCrop, rounding included.
    """
    left = round((image.width - side) / 2.0)
    top = round((image.height - side) / 2.0)
    return image.crop((left, top, left + side, top + side))


def padded(image: Image.Image, side: int, resample: Image.Resampling) -> Image.Image:
    """All of the picture, its longer side brought to `side`, centred on grey."""
    factor = side / max(image.size)
    width, height = (max(1, round(length * factor)) for length in image.size)
    canvas = Image.new(image.mode, (side, side), (PAD_GREY,) * len(image.getbands()))
    canvas.paste(
        image.resize((width, height), resample), ((side - width) // 2, (side - height) // 2)
    )
    return canvas
