"""What TensorBoard shows at the beginning of a run: real augmented pictures and the graph."""

from __future__ import annotations

import copy
import itertools

import torch
from torch import Tensor

from lamplighter.data.batches import PictureBatches
from lamplighter.images.preprocess import Preprocess
from lamplighter.training.journal import Journal
from lamplighter.training.parts import Parts

SHOWN = 32
TRACED_UP_TO = 30_000_000  # parameters; tracing a copy of a larger network costs too much memory


def show_beginning(journal: Journal, parts: Parts) -> None:
    """Writes pictures of the first training and validation batch, and the network's graph.

    Nothing that the training draws from is touched: batches are made from (seed, epoch) alone, and
    the graph is traced on a copy, in evaluation mode.
    """
    if not isinstance(parts.train, PictureBatches):
        return
    first = next(itertools.islice(parts.train.epoch(1), 1))
    preprocess = parts.train.preprocess
    journal.pictures("pictures/train", visible(first.inputs[:SHOWN], preprocess), (), 0)
    if isinstance(parts.val, PictureBatches):
        batch = next(itertools.islice(parts.val.epoch(1), 1))
        journal.pictures("pictures/val", visible(batch.inputs[:SHOWN], preprocess), (), 0)
    if sum(p.numel() for p in parts.module.parameters()) <= TRACED_UP_TO:
        module = parts.module
        journal.graph(
            lambda: copy.deepcopy(module).cpu().eval(), first.inputs[:1].cpu().contiguous()
        )


def visible(images_BCHW: Tensor, preprocess: Preprocess) -> Tensor:
    """Normalised pictures back in 0…1, for the eye: float32 [B, C, H, W] on the CPU."""
    scale, shift = preprocess.scale_and_shift(torch.device("cpu"))
    return ((images_BCHW.cpu() - shift) / scale / 255).clamp(0, 1)
