"""Attention that the program writes itself: the dimension of the softmax, L105."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lamplighter.checks import weighing as criteria
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import CONVERTING, handed_on
from lamplighter.watch.world import World

LOOKS = 6  # softmaxes at one line that must all be over a single value
# what leaves the dimensions where they are, with numbers beside it
CARRYING = frozenset(
    (
        *("mul", "div", "add", "sub", "masked_fill", "where", "type_as", "contiguous", "clone"),
        *("dropout", "nan_to_num", "clamp", "tril", "triu"),
    )
)
CARRYING |= CONVERTING
PRODUCTS = ("matmul", "einsum", "baddbmm")
FOLDING = ("view", "reshape", "flatten", "expand")


@dataclass(frozen=True, slots=True)
class Weights:
    """Products of two tensors, or what a softmax made of them.

    Args:
        dim: where the softmax was taken, counted from the end; 0: not yet.
        place: of the softmax.
        batch: whether the softmax is over the samples.
        fixed: whether one of the two wants no gradient, as the edges of a graph.
    """

    dim: int = 0
    place: Place | None = None
    batch: bool = False
    fixed: bool = False


class Weighing(Watcher):
    """Follows attention weights from the softmax to where they are used."""

    codes = ("L105",)
    operations = CARRYING | {*PRODUCTS, *FOLDING, "sum", "mean", "softmax", "unsqueeze"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.weights: ByIdentity[Weights] = ByIdentity()
        self.rows = 0
        self.single: dict[Place | None, int] = {}

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        first = next(shallow((*args, *kwargs.values())), None)
        self.rows = first.shape[0] if first is not None and first.dim() else 0

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or not torch.is_grad_enabled():
            return
        given = list(shallow((*args, *kwargs.values())))
        if name in PRODUCTS:
            self._look_at_product(args, given)
            if result.dim() > 1 and not any(is_weight(t) for t in given):
                self.weights[result] = Weights(fixed=not all(t.requires_grad for t in given))
        elif name in ("sum", "mean") and given:
            self._look_at_sum(name, args, kwargs, given[0])
        elif name == "softmax" and given:
            self._look_at_softmax(args, kwargs, given[0], result)
        else:
            self._carry(name, args, given, result)

    def _carry(self, name: str, args: tuple[Any, ...], given: list[Tensor], result: Tensor) -> None:
        parts = handed_on(name, given)
        known = next(((t, w) for t in parts if (w := self.weights.get(t)) is not None), None)
        if known is None:
            return
        tensor, weights = known
        same = result.shape == tensor.shape
        if weights.batch and name == "unsqueeze":
            place = next((a for a in args[1:] if isinstance(a, int)), 0)
            place = place if place >= 0 else place + result.dim()
            old = weights.dim + tensor.dim()
            self.weights[result] = replace(weights, dim=old + (place <= old) - result.dim())
            return
        if weights.batch and name == "mul" and result.dim() == tensor.dim():
            self.weights[result] = weights
            return
        numbers_only = len(given) == 1 or name in ("masked_fill", "where", "type_as", "to")
        folded = name in FOLDING and tensor.dim() > 2
        left = name in CARRYING and same and (not weights.dim or numbers_only)
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
        elif dim == -result.dim() and result.dim() > 1 and self._is_batch(result):
            self.weights[result] = Weights(dim, place, batch=True)
        alone = result.shape[dim] == 1 and result.numel() > 1
        hits = self.single.get(place, 0)
        self.single[place] = hits + 1 if alone and hits >= 0 else -1
        if self.single[place] == LOOKS and not self.world.found("L105"):
            self.world.adopt(criteria.softmax_over_one(tuple(result.shape), dim), place)

    def _is_batch(self, weights: Tensor) -> bool:
        """Whether dimension 0, and no other, is as long as the batch that the network was given."""
        return weights.shape[0] == self.rows > 1 and self.rows not in weights.shape[1:]

    def _look_at_sum(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], product: Tensor
    ) -> None:
        weights = self.weights.get(product)
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        if weights is None or not weights.batch or not isinstance(dim, int) or name == "mean":
            return
        dim = dim if dim < 0 else dim - product.dim()
        if dim != weights.dim and product.dim() > 2 and not self.world.found("L105"):
            found = criteria.weights_over_batch(self.rows, product.shape[dim])
            self.world.adopt(found, weights.place)

    def _look_at_product(self, args: tuple[Any, ...], given: list[Tensor]) -> None:
        for number, tensor in enumerate(given[:2] if args else ()):
            weights = self.weights.get(tensor)
            if weights is None or not weights.dim or len(given) < 2 or self.world.found("L105"):
                continue
            summed = criteria.summed_dimensions(args[0], number, given)
            collects = isinstance(args[0], str)
            if collects and weights.fixed:
                continue  # nodes share themselves out among clusters, which the sum collects for
            if summed and weights.dim not in summed:
                told = criteria.weights_of_others(
                    tensor.detach(), weights.dim, summed, certain=not collects
                )
                self.world.adopt(told, weights.place)
