"""Ready-made vectors that stand one row beside the number of their word: T105."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.data import valid_lengths
from lamplighter.checks.transforms import vectors_one_row_off
from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.world import World


class Vectors(Watcher):
    """Looks at the table of an embedding before the first step, and at the padding it is given."""

    codes = ("T105",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.given: list[tuple[nn.Module, Tensor]] = []

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.world.steps or len(self.given) >= 4:
            return
        for tensor in (*args, *kwargs.values()):
            if isinstance(tensor, Tensor) and tensor.dim() == 2 and tensor.dtype == torch.int64:
                self.given.append((module, tensor.detach()))
                return

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        given, self.given = self.given, []
        for module, tokens in given if not self.world.steps else ():
            padding = _padding_of(tokens)
            for name, layer in module.named_modules():
                if not isinstance(layer, nn.Embedding | nn.EmbeddingBag):
                    continue
                known = padding if layer.padding_idx is None else layer.padding_idx
                if known is not None and int(tokens.max()) < layer.num_embeddings:
                    told = vectors_one_row_off(layer.weight, known, where=name or "embedding")
                    self.world.adopt(told, self.world.origins.birth(layer))


def _padding_of(tokens: Tensor) -> int | None:
    """The token that fills rows up behind, where some rows end in it."""
    lengths = valid_lengths(tokens)
    if lengths is None or not bool((lengths < tokens.shape[1]).any()):
        return None
    return int(tokens[lengths < tokens.shape[1]][0, -1])
