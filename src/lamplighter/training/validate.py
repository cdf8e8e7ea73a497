"""Going over a split without learning: figures for choosing, outputs for the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lamplighter.data.batches import Batches
from lamplighter.tasks.tally import Tally


def validate(
    module: nn.Module,
    batches: Batches,
    loss: Callable[[Any, Any], Tensor],
    tally: Tally,
    stop: Callable[[], bool] = lambda: False,
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
            for batch in batches.epoch(1):
                if stop():
                    return None
                outputs = main_output(batch.call(module))
                tally.add(outputs, batch.targets, loss(outputs, batch.targets), batch.size)
            return tally.result()
    finally:
        module.train(was_training)


def main_output(outputs: Any) -> Any:
    """The answer among several outputs: `logits` by name, else what the network gave.

    torchvision's inception and googlenet give named tuples when they train, Hugging Face's models
    give objects; their main answer is called `logits`.
    """
    return outputs.logits if hasattr(outputs, "logits") else outputs
