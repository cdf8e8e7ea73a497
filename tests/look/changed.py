"""Twenty-two ways in which a picture comes back as another file."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

Change = Callable[[Image.Image], Image.Image]


def _jpeg(quality: int) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        held = io.BytesIO()
        picture.save(held, "JPEG", quality=quality)
        return Image.open(io.BytesIO(held.getvalue())).convert("RGB")

    return change


def _crop(left: float, top: float, right: float, bottom: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        w, h = picture.size
        return picture.crop((round(left * w), round(top * h), round(right * w), round(bottom * h)))

    return change


def _resize(factor_x: float, factor_y: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        size = (max(8, round(picture.width * factor_x)), max(8, round(picture.height * factor_y)))
        return picture.resize(size, Image.Resampling.BICUBIC)

    return change


def _tilt(degrees: float) -> Change:
    return lambda picture: picture.rotate(degrees, Image.Resampling.BICUBIC)


def _gamma(power: float) -> Change:
    table = [round(255 * (level / 255) ** power) for level in range(256)] * 3
    return lambda picture: picture.point(table)


def _noise(deviation: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        rng = np.random.default_rng(picture.width * 7919 + picture.height)
        pixels = np.asarray(picture, np.float32)
        noisy = pixels + rng.normal(0, deviation, pixels.shape)
        return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))

    return change


def _stamp(picture: Image.Image) -> Image.Image:
    stamped = picture.copy()
    w, h = picture.size
    draw = ImageDraw.Draw(stamped)
    draw.rectangle((0.05 * w, 0.85 * h, 0.45 * w, 0.95 * h), fill=(255, 255, 255))
    draw.text((0.07 * w, 0.87 * h), "(c) someone", fill=(0, 0, 0))
    return stamped


def _frame(picture: Image.Image) -> Image.Image:
    w, h = picture.size
    framed = Image.new("RGB", (round(w * 1.06), round(h * 1.06)), "white")
    framed.paste(picture, (round(w * 0.03), round(h * 0.03)))
    return framed


CHANGES: dict[str, Change] = {
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "turned 90": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "turned 180": lambda p: p.transpose(Image.Transpose.ROTATE_180),
    "turned 270": lambda p: p.transpose(Image.Transpose.ROTATE_270),
    "tilted 3": _tilt(3),
    "half size": _resize(0.5, 0.5),
    "double size": _resize(2, 2),
    "squeezed": _resize(1, 0.75),
    "jpeg 50": _jpeg(50),
    "jpeg 10": _jpeg(10),
    "crop 95": _crop(0.025, 0.025, 0.975, 0.975),
    "crop 85": _crop(0.08, 0.07, 0.93, 0.92),
    "crop corner 80": _crop(0, 0.2, 0.8, 1),
    "crop sides": _crop(0.1, 0, 0.9, 1),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.4),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.6),
    "less contrast": lambda p: ImageEnhance.Contrast(p).enhance(0.6),
    "gamma": _gamma(1.6),
    "grey": lambda p: p.convert("L").convert("RGB"),
    "colours": lambda p: ImageEnhance.Color(p).enhance(1.8),
    "blurred": lambda p: p.filter(ImageFilter.GaussianBlur(max(1.0, min(p.size) / 150))),
    "sharpened": lambda p: p.filter(ImageFilter.UnsharpMask(2, 150)),
    "noisy": _noise(12),
    "stamped": _stamp,
    "framed": _frame,
    "mirrored, cropped, jpeg": lambda p: _jpeg(40)(
        _crop(0.05, 0.05, 0.95, 0.95)(p.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    ),
}
