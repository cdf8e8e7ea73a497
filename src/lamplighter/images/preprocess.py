"""From a picture to what the network sees: one object for validation, predict, export and serve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lamplighter.errors import ArtifactError
from lamplighter.images.geometry import FITS, INTERPOLATIONS, Fit, Geometry

LARGEST = 16384  # pixels; what no network takes, and what memory can still bear


@dataclass(frozen=True)
class Preprocess:
    """How a picture of any size becomes a normalised square.

    Args:
        size: side S of the square, pixels.
        fit: "crop" brings the shorter side to `resize` and cuts the centre, "squash" ignores the
            aspect, "pad" keeps all of the picture and fills the rest with grey.
        resize: length of the shorter side before the centre crop, pixels; `size` where unused.
        channels: 3 (RGB) or 1 (grey).
        mean: per channel, of pixels in 0…1.
        std: per channel, of pixels in 0…1.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos".
    """

    size: int
    fit: Fit = "crop"
    resize: int = 0
    channels: int = 3
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        if self.resize < self.size:
            object.__setattr__(self, "resize", self.size)

    def smallest_useful(self) -> tuple[int, int]:
        """(width, height) below which decoding at reduced scale would lose detail."""
        return (self.resize, self.resize)

    def square(self, image: Image.Image) -> np.ndarray:
        """The picture as the network sees it, before normalisation.

        Args:
            image: upright picture of any size and mode.

        Returns:
            uint8 array [S, S, channels].
        """
        return self.geometry.square(image)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, S, S) of a picture that enters the network."""
        return (self.channels, self.size, self.size)

    @property
    def geometry(self) -> Geometry:
        """What of this is done before there are tensors."""
        return Geometry(self.size, self.fit, self.resize, self.channels, self.interpolation)

    def normalise(self, images_BCHW: Tensor) -> Tensor:
        """uint8 [B, C, S, S] in 0…255 → float32 [B, C, S, S], mean taken off, divided by std."""
        return scaled(images_BCHW.to(torch.float32), self)

    def scale_and_shift(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """float32 [C, 1, 1] each, so that x · scale + shift = (x / 255 - mean) / std."""
        return _scale_and_shift(self.mean, self.std, device)

    def inference_batch(self, device: str = "cpu") -> int:
        """Pictures per batch when only answers are wanted.

        Fixed by size and kind of device, so that validation, evaluate and predict cut the same
        batches and give the same last bits. On a CPU the planes of a large batch fall out of the
        caches: there 128 of 32 pixels, and 16 of 128 or more, are about twice as quick as batches
        that fill the memory (docs/speed.md).

        Args:
            device: "cpu", "cuda" or "mps".
        """
        if device == "cpu":
            return int(min(128, max(16, 128 * (32 / self.size) ** 2)))
        return int(min(1024, max(32, 64 * (224 / self.size) ** 2)))

    def as_json(self) -> dict[str, Any]:
        """The form kept in the artifact."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Preprocess:
        """Reads the form kept in an artifact, strictly.

        Raises:
            ArtifactError: a key is missing or unknown, or a value is out of bounds.
        """
        keys = {field.name for field in fields(cls)}
        if not isinstance(document, Mapping) or set(document) != keys:
            raise ArtifactError(
                f"the preprocessing it carries should have {', '.join(sorted(keys))}; got {_short(document)}"
            )
        size, resize, channels = (document[key] for key in ("size", "resize", "channels"))
        sound = (
            all(type(whole) is int for whole in (size, resize, channels))
            and 1 <= size <= resize <= LARGEST
            and channels in (1, 3)
            and all(isinstance(document[key], str) for key in ("fit", "interpolation"))
            and document["fit"] in FITS
            and document["interpolation"] in INTERPOLATIONS
            and _are_figures(document["mean"], channels, -1e6)
            and _are_figures(document["std"], channels, 1e-6)
        )
        if not sound:
            raise ArtifactError(
                f"the preprocessing it carries is out of bounds: {_short(document)}"
            )
        return cls(**{**document, "mean": tuple(document["mean"]), "std": tuple(document["std"])})

    def __str__(self) -> str:
        how = {
            "crop": f"shorter side to {self.resize}, centre {self.size}×{self.size}",
            "squash": f"squashed to {self.size}×{self.size}",
            "pad": f"padded to {self.size}×{self.size}",
        }[self.fit]
        colour = "RGB" if self.channels == 3 else "grey"
        mean = ", ".join(f"{value:.3f}" for value in self.mean)
        std = ", ".join(f"{value:.3f}" for value in self.std)
        return f"{how}, {colour}, mean ({mean}), std ({std})"


def scaled(images_BCHW: Tensor, preprocess: Preprocess) -> Tensor:
    """float32 in 0…255 → normalised, in place."""
    lying = images_BCHW.permute(0, 2, 3, 1)
    if images_BCHW.device.type == "cpu" and lying.is_contiguous():
        # a factor for each value of a row: a tenth of the time of one for each channel, and the
        # same bits
        batch, height, width, channels = lying.shape
        scale, shift = _rows_of_scale_and_shift(preprocess.mean, preprocess.std, width)
        lying.view(batch, height, width * channels).mul_(scale).add_(shift)
        return images_BCHW
    scale, shift = preprocess.scale_and_shift(images_BCHW.device)
    return images_BCHW.mul_(scale).add_(shift)


@lru_cache(maxsize=64)
def _scale_and_shift(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # what is kept must serve training as well
        means = torch.tensor(mean, dtype=torch.float64).view(-1, 1, 1)
        deviations = torch.tensor(std, dtype=torch.float64).view(-1, 1, 1)
        scale = (1 / (255 * deviations)).to(torch.float32)
        shift = (-means / deviations).to(torch.float32)
        return scale.to(device), shift.to(device)


@lru_cache(maxsize=64)
def _rows_of_scale_and_shift(
    mean: tuple[float, ...], std: tuple[float, ...], width: int
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):
        scale, shift = _scale_and_shift(mean, std, torch.device("cpu"))
        return scale.flatten().repeat(width), shift.flatten().repeat(width)


def statistics(
    pixels_NCHW: Tensor | Sequence[Tensor], *, most: int = 4096
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel of uint8 pictures, as fractions of 255.

    Args:
        pixels_NCHW: uint8 [N, C, H, W]; evenly spaced ones are taken when there are over `most`.

    Returns:
        (means, stds), rounded to 4 digits so that the recipe reads well; std is at least 0.01.
    """
    stack = pixels_NCHW if isinstance(pixels_NCHW, Tensor) else torch.stack(list(pixels_NCHW))
    chosen = stack[:: spacing(len(stack), most)]
    sums = torch.zeros(2, stack.shape[1], dtype=torch.int64)
    for some in chosen.split(64):  # a few at a time: as float64 they would fill the memory
        whole = some.to("cpu", torch.int64)
        sums += torch.stack([whole.sum(dim=(0, 2, 3)), whole.square().sum(dim=(0, 2, 3))])
    count = chosen.numel() // stack.shape[1]
    means = [total / count / 255 for total in sums[0].tolist()]
    # whole numbers of any size, so that nothing cancels out
    squares = [count * square - total**2 for total, square in zip(*sums.tolist(), strict=True)]
    stds = [math.sqrt(square) / count / 255 for square in squares]
    return [round(m, 4) for m in means], [round(max(s, 0.01), 4) for s in stds]


def spacing(count: int, most: int) -> int:
    """Every how manyth of `count` is taken so that there are at most `most`."""
    return max(1, -(-count // most))


def _are_figures(values: object, count: int, least: float) -> bool:
    return (
        isinstance(values, list | tuple)
        and len(values) == count
        and all(type(value) in (int, float) and least <= value <= 1e6 for value in values)
    )


def _short(document: object) -> str:
    """What a stranger wrote, cut and without control characters."""
    text = ascii(document)
    return text if len(text) <= 200 else text[:197] + "..."
