"""Minima over distances of which some were set to zero to leave them out: L123."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.minima import minimum_of_the_left_out
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 2  # minima that must show it
LARGEST = 2**20  # values among which a minimum is looked at


@dataclass(eq=False)
class Masked:
    """Values of which some were set to zero.

    Args:
        values: as they were.
        kept: where they still are.
    """

    values: Tensor
    kept: Tensor


class MaskedMinima(Watcher):
    """Follows products with a mask into the minimum that is taken over them."""

    codes = ("L123",)
    operations = frozenset({"mul", "where", "masked_fill", "min", "amin"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.masked: ByIdentity[Masked] = ByIdentity()
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name in ("mul", "where", "masked_fill") and isinstance(result, Tensor):
            plain = result.requires_grad and result.dim() > 1 and result.numel() <= LARGEST
            if plain and (made := _masked(name, args)):
                self.masked[result] = made
        elif name in ("min", "amin") and args and (known := self.masked.get(args[0])) is not None:
            dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
            if isinstance(dim, int):
                found = list(minimum_of_the_left_out(known.values.detach(), known.kept, dim))
                if found and self.hits.again():
                    self.world.adopt(found, here())

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.masked = ByIdentity()


def _masked(name: str, args: tuple[Any, ...]) -> Masked | None:
    """What was left of which values, where zeros took the place of the others."""
    if name == "mul" and len(args) == 2 and all(isinstance(a, Tensor) for a in args):
        for values, mask in (args, args[::-1]):
            if values.requires_grad and _is_mask(mask) and values.shape == mask.shape:
                return Masked(values, mask.detach() != 0)
    elif name == "masked_fill" and len(args) == 3 and _is_zero(args[2]):
        values, mask = args[:2]
        if isinstance(mask, Tensor) and values.shape == mask.shape:
            return Masked(values, ~mask)
    elif name == "where" and len(args) == 3:
        mask, one, other = args
        for values, zero, kept in ((one, other, mask), (other, one, mask)):
            if isinstance(values, Tensor) and values.shape == mask.shape and _is_zero(zero):
                return Masked(values, kept if values is one else ~kept)
    return None


def _is_mask(tensor: Tensor) -> bool:
    if tensor.requires_grad:
        return False
    return tensor.dtype == torch.bool or bool(((tensor == 0) | (tensor == 1)).all())


def _is_zero(thing: Any) -> bool:
    return bool((thing == 0).all()) if isinstance(thing, Tensor) else thing == 0
