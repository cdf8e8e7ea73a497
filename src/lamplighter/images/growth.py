"""What short trainings do to pictures: a flip that alternates, a reflected border, a growing size."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lamplighter.images.crop import resize_weights

WHOLE_FROM = 0.75  # of the training; the end is learnt at the size of the answers


def side_at(epoch: int, epochs: int, size: int, first: float, least: int = 1) -> int:
    """The side of the training pictures in an epoch, in pixels: even, and whole in the last quarter.

    Args:
        epoch: from 1.
        epochs: of the training.
        size: side of the whole picture.
        first: share of it in the first epoch.
        least: what the network can take.

    Source: Howard 2018, progressive resizing (fast.ai's DAWNBench entry).
    """
    growing = max(1, math.floor(WHOLE_FROM * epochs))
    done = min(1.0, (epoch - 1) / growing)
    side = 2 * round(size * (first + (1 - first) * done) / 2)
    return size if done >= 1 else min(size, max(least, side))


def shrunk(images_BCHW: Tensor, side: int) -> Tensor:
    """Square pictures made smaller, antialiased; float32 [B, C, side, side]."""
    whole = images_BCHW.shape[2]
    if side == whole:
        return images_BCHW
    zero = torch.zeros(1, device=images_BCHW.device)
    weights_SH = resize_weights(zero, zero + whole, whole, side)[0]
    return weights_SH @ images_BCHW @ weights_SH.T


def alternated(coins_N: Tensor, epoch: int) -> Tensor:
    """Which pictures are flipped in an epoch (from 1): those of `coins_N`, then the others, in turn.

    Two epochs on end show every picture both ways, which random flips do for half of them.

    Source: Jordan 2024 (arXiv 2404.00498), section 3.6.
    """
    return coins_N if epoch % 2 else ~coins_N
