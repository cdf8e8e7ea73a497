"""What TensorBoard shows at the beginning of a run: real augmented pictures and the graph."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from lamplighter.data.batches import PictureBatches
from lamplighter.images.preprocess import Preprocess
from lamplighter.training.journal import Journal
from lamplighter.training.parts import Parts

SHOWN = 32
DRAWN_UP_TO = 100_000_000  # parameters; a pass of a larger network takes too long


def show_beginning(journal: Journal, parts: Parts) -> None:
    """Writes pictures of the first training and validation batch, and the network's graph.

    Nothing that the training draws from is touched: batches are made from (seed, epoch) alone, and
    the graph is drawn from one picture's pass in evaluation mode, which changes nothing.
    """
    if not isinstance(parts.train, PictureBatches):
        return
    first = next(itertools.islice(parts.train.epoch(1), 1))
    preprocess = parts.train.preprocess
    journal.pictures("pictures/train", visible(first.inputs[:SHOWN], preprocess), (), 0)
    if isinstance(parts.val, PictureBatches):
        batch = next(itertools.islice(parts.val.epoch(1), 1))
        journal.pictures("pictures/val", visible(batch.inputs[:SHOWN], preprocess), (), 0)
    if sum(p.numel() for p in parts.module.parameters()) <= DRAWN_UP_TO:
        journal.graph(parts.module, first.inputs[:1])


def visible(images_BCHW: Tensor, preprocess: Preprocess) -> Tensor:
    """Normalised pictures back in 0…1, for the eye: float32 [B, C, H, W] on the CPU."""
    scale, shift = preprocess.scale_and_shift(torch.device("cpu"))
    return ((images_BCHW.cpu() - shift) / scale / 255).clamp(0, 1)
