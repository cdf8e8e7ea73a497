"""Going over a split without learning: figures for choosing, outputs for the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.data.batches import Batch, Batches, chunks
from lamplighter.errors import DataError
from lamplighter.machine import is_out_of_memory
from lamplighter.models.answers import main_output
from lamplighter.tasks.tally import Tally
from lamplighter.training.stopping import heeding, was_cut
from lamplighter.training.waiting import Patience


def validate(
    module: nn.Module,
    batches: Batches,
    loss: Callable[[Any, Any], Tensor],
    tally: Tally,
    stop: Callable[[], bool] = lambda: False,
    patience: Patience | None = None,
) -> dict[str, float] | None:
    """Figures over all batches, in evaluation mode and float32.

    Float32 whatever the training's precision: the figures by which an epoch is chosen are then the
    ones that `evaluate` and `predict` find again.

    Returns:
        The tally's figures; None when `stop` said so on the way.
    """
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            seen = most = 0
            for batch in heeding(batches.epoch(1), stop, patience):
                if stop():
                    return None
                most = _add(module, batch, loss, tally, most or batch.size)
                seen += batch.size
            if was_cut(stop):
                return None
    finally:
        module.train(was_training)
    if not seen:
        raise DataError(
            "the validation data gave no batches", fix="is the loader empty, or used up?"
        )
    return tally.result()


def _add(
    module: nn.Module, batch: Batch, loss: Callable[[Any, Any], Tensor], tally: Tally, most: int
) -> int:
    """Counts a batch, at most `most` examples at a time; returns how many the memory takes."""
    parts = list(chunks([batch], most))
    while parts:
        part = parts[0]
        try:
            outputs = main_output(part.call(module))
            value = loss(outputs, part.targets)
        except Exception as error:
            if not is_out_of_memory(error) or part.size < 2:
                raise
            most = (part.size + 1) // 2
        else:
            tally.add(outputs, part.targets, value, part.size)
            parts.pop(0)
            continue
        # out here, where the error no longer holds on to the tensors that filled the memory
        parts = [smaller for whole in parts for smaller in chunks([whole], most)]
    return most
