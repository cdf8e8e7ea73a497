"""How much work a network is, roughly and at once: multiply-adds of its convolutions and products.

`summarise` counts every operation, layer by layer; torch's counter, which it uses, takes seconds to
import (triton and torch's compiler come with it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from lamplighter.models.shape import materialised, send

COUNTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def multiply_adds(module: nn.Module, shape: Sequence[int]) -> int:
    """Multiply-adds of one sample in the layers that carry nearly all of them.

    Args:
        module: any network; it runs once in evaluation mode, and its modes are put back.
        shape: (C, H, W) of a picture, or the shape of any one sample.

    Raises:
        ModelError: the shape does not fit.
    """
    module = materialised(module, shape)
    found: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(layer, nn.MultiheadAttention):
            # four projections; the products of queries and keys are few beside them at usual sizes
            found.append(4 * inputs[0].numel() * layer.embed_dim)
        elif isinstance(output, Tensor) and isinstance(layer, COUNTED):
            found.append(output.numel() * layer.weight[0].numel())

    hooks = [layer.register_forward_hook(count) for layer in module.modules()]
    try:
        send(module, shape)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(found)
