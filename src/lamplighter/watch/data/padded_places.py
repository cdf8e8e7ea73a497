"""Places behind the end of a sequence that the loss learns from, whatever loss it is: Y107."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.labels import padding_learned
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # training calls that are looked at
SURE = 2  # of them must show it
FEWEST = 8  # sequences


class PaddedPlaces:
    """Knows padding for certain where the batch itself says how long its sequences are.

    Args:
        world: gets what is found.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.batch: list[Tensor] = []
        self.wanted = True
        self.looks = 0
        self.hits = Often(SURE)

    def given(self, batch: Any) -> None:
        """Notes the newest batch of a loader."""
        self.batch = list(tensors_in(batch))

    def left(self, module: nn.Module, args: Any, output: Any) -> None:
        """Looks at what one training call was given and gave."""
        given = list(tensors_in(args)) if torch.is_grad_enabled() and module.training else []
        if not given or not isinstance(output, Tensor) or not output.requires_grad:
            return
        self.looks += 1
        self.wanted = self.looks < LOOKS
        places = places_behind(given[0].detach(), [*given[1:], *self.batch])
        if places is None or output.dim() < 2 or output.shape[:2] != places.shape:
            return
        line = here()
        output.register_hook(lambda gradient: self._look(gradient, places, line))

    def _look(self, gradient: Tensor, places: Tensor, line: Place | None) -> None:
        moved = (gradient.detach().reshape(*places.shape, -1) != 0).any(2)
        learned = bool(moved[~places].any()) and float(moved[places].float().mean()) > 0.9
        if learned and self.hits.again():
            self.world.adopt_new(padding_learned(float(places.float().mean())), line)


def places_behind(inputs: Tensor, others: list[Tensor]) -> Tensor | None:
    """`(B, T)` True behind the end of each sequence, where a row of lengths says the same.

    Args:
        inputs: `(B, T)` or `(B, T, F)`, filled up with 0 behind.
        others: tensors of the same batch, among which the lengths may be.
    """
    if inputs.dim() not in (2, 3) or len(inputs) < FEWEST or inputs.shape[1] < 4:
        return None
    whole = [t for t in others if t.dim() == 1 and len(t) == len(inputs)]
    whole = [t for t in whole if not t.is_floating_point() and t.dtype != torch.bool]
    if not whole:
        return None
    filled = inputs.detach().reshape(*inputs.shape[:2], -1).ne(0).any(2)
    lengths = inputs.shape[1] - filled.flip(1).long().cumsum(1).eq(0).sum(1)
    if len(lengths.unique()) < 3:
        return None
    if not any(torch.equal(t.to(lengths.device).long(), lengths) for t in whole):
        return None
    return torch.arange(inputs.shape[1], device=inputs.device) >= lengths[:, None]
