"""Brightness, contrast and saturation of whole batches."""

from __future__ import annotations

from torch import Tensor


def jitter(images_BCHW: Tensor, factors_B3: Tensor) -> Tensor:
    """Brightness, contrast and saturation, in that order, each with one factor per picture.

    Args:
        images_BCHW: float in 0…1; with one channel saturation does nothing.
        factors_B3: 1 changes nothing.

    Source: torchvision.transforms.v2.functional.adjust_brightness, adjust_contrast and
    adjust_saturation (grey = 0.2989 R + 0.587 G + 0.114 B).
    """
    brightness, contrast, saturation = factors_B3[:, :, None, None, None].unbind(1)
    images = (images_BCHW * brightness).clamp(0, 1)
    mean = _grey(images).mean(dim=(1, 2, 3), keepdim=True)
    images = (mean + (images - mean) * contrast).clamp(0, 1)
    if images.shape[1] == 1:
        return images
    grey = _grey(images)
    return (grey + (images - grey) * saturation).clamp(0, 1)


def _grey(images_BCHW: Tensor) -> Tensor:
    if images_BCHW.shape[1] == 1:
        return images_BCHW
    red, green, blue = images_BCHW.unbind(1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue)[:, None]
