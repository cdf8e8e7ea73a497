"""Attention that the program writes itself: the dimension of the softmax, L105."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lamplighter.checks import weighing as criteria
from lamplighter.watch.descent import is_weight, shallow
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.place import Place, here
from lamplighter.watch.world import World

LOOKS = 6  # softmaxes at one line that must all be over a single value
# what leaves the dimensions where they are, with numbers beside it
LEAVING = frozenset(
    [
        "mul",
        "div",
        "add",
        "sub",
        "masked_fill",
        "where",
        "float",
        "to",
        "type_as",
        "half",
        "contiguous",
        "clone",
        "dropout",
        "nan_to_num",
        "bfloat16",
        "clamp",
        "tril",
        "triu",
    ]
)
PRODUCTS = ("matmul", "einsum", "baddbmm")


@dataclass(frozen=True, slots=True)
class Weights:
    """Products of two tensors, or what a softmax made of them.

    Args:
        dim: where the softmax was taken, counted from the end; 0: not yet.
        place: of the softmax.
    """

    dim: int = 0
    place: Place | None = None


class Weighing(Watcher):
    """Follows attention weights from the softmax to where they are used."""

    codes = ("L105",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.weights: ByIdentity[Weights] = ByIdentity()
        self.single: dict[Place | None, int] = {}

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or not torch.is_grad_enabled():
            return
        given = list(shallow((*args, *kwargs.values())))
        if name in PRODUCTS:
            self._look_at_product(args, given)
            if result.dim() > 1 and not any(is_weight(t) for t in given):
                self.weights[result] = Weights()
        elif name == "softmax" and given:
            self._look_at_softmax(args, kwargs, given[0], result)
        else:
            self._carry(name, given, result)

    def _carry(self, name: str, given: list[Tensor], result: Tensor) -> None:
        known = next(((t, w) for t in given if (w := self.weights.get(t)) is not None), None)
        if known is None:
            return
        tensor, weights = known
        same = result.shape == tensor.shape
        numbers_only = len(given) == 1 or name in ("masked_fill", "where", "type_as", "to")
        folded = name in ("view", "reshape", "flatten", "expand") and tensor.dim() > 2
        left = name in LEAVING and same and (not weights.dim or numbers_only)
        if left or (folded and result.shape[-2:] == tensor.shape[-2:] and weights.dim >= -2):
            self.weights[result] = weights

    def _look_at_softmax(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], scores: Tensor, result: Tensor
    ) -> None:
        dim = kwargs.get("dim", next((a for a in args[1:] if isinstance(a, int)), None))
        if dim is None or not scores.dim() or not scores.requires_grad:
            return
        dim = dim if dim < 0 else dim - scores.dim()
        place = here()
        weights = self.weights.get(scores)
        if weights is not None:
            self.weights[result] = replace(weights, dim=dim, place=place)
        alone = result.shape[dim] == 1 and result.numel() > 1
        hits = self.single.get(place, 0)
        self.single[place] = hits + 1 if alone and hits >= 0 else -1
        if self.single[place] == LOOKS and not self.world.found("L105"):
            self.world.adopt(criteria.softmax_over_one(tuple(result.shape), dim), place)

    def _look_at_product(self, args: tuple[Any, ...], given: list[Tensor]) -> None:
        for number, tensor in enumerate(given[:2]):
            weights = self.weights.get(tensor)
            if weights is None or not weights.dim or len(given) < 2 or self.world.found("L105"):
                continue
            summed = criteria.summed_dimensions(args[0], number, given)
            if summed and weights.dim not in summed:
                self.world.adopt(
                    criteria.weights_of_others(
                        tensor.detach(), weights.dim, summed, certain=not isinstance(args[0], str)
                    ),
                    weights.place,
                )
