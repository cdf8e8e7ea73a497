"""Dropout that a network writes itself: a random mask of 0 and 1 that is multiplied with features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

DEVIATIONS, ROUNDING = 5, 0.01  # by which a mask may keep more or less than it is meant to
_DRAWING = frozenset(("rand", "rand_like", "uniform_"))
_TOSSING = frozenset(("bernoulli", "bernoulli_"))
_COMPARING = frozenset((
    "gt", "lt", "ge", "le", "__gt__", "__lt__", "__ge__", "__le__", "greater", "less",
    "greater_equal", "less_equal",
))  # fmt: skip
_SHIFTING = frozenset(("add", "add_", "__add__", "__radd__", "__iadd__", "sub", "__sub__"))
_FLOORING = frozenset(("floor", "floor_"))
# a mask stays one
_KEEPING = frozenset((
    "to", "float", "double", "half", "bfloat16", "bool", "type", "type_as", "view", "reshape",
    "unsqueeze", "squeeze", "expand", "expand_as", "contiguous", "__getitem__", "detach",
    "logical_not", "__invert__", "bitwise_not", "rsub", "__rsub__",
))  # fmt: skip
_MULTIPLYING = frozenset(("mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"))
_DIVIDING = frozenset(("div", "div_", "__truediv__", "__itruediv__", "divide", "true_divide"))


class OwnMasks:
    """Follows random numbers through one forward pass, until a scaled mask meets features.

    Only a mask that is made up for, by dividing through the share that it keeps, is a dropout: one
    that hides a part of the input for a task, as masked modelling does, is not scaled, or by
    another number.
    """

    def __init__(self) -> None:
        # each with the tensor itself, so that its identity stays its own for the pass
        self.noise: dict[int, Tensor] = {}
        self.masks: dict[int, Tensor] = {}
        self.scaled: dict[int, Tensor] = {}
        # features times a mask, with the mask; and features that were divided through a share
        self.products: dict[int, tuple[Tensor, Tensor]] = {}
        self.enlarged: dict[int, tuple[Tensor, float]] = {}

    def completes(self, name: str, args: Sequence[Any], result: Any) -> bool:
        """Notes one operation; whether features have now been dropped and scaled by it.

        Args:
            name: of the function of torch.
            args: what it was given.
            result: what it gave.
        """
        if not isinstance(result, Tensor):
            return False
        if name in _DRAWING or name in _TOSSING:
            kind = self.masks if name in _TOSSING else self.noise
            kind[id(result)] = result
            return False
        if name in _DIVIDING and len(args) == 2 and _is_share(args[1]):
            self.enlarged[id(result)] = (result, 1 / args[1])
        if not self.noise and not self.masks:
            return False
        if _one_of(args, self.noise) is not None:
            if name in _COMPARING or name in _FLOORING:
                self.noise.pop(id(result), None)  # in place
                self.masks[id(result)] = result
            elif name in _SHIFTING or name in _KEEPING:
                self.noise[id(result)] = result
            return False
        return self._meets(name, args, result)

    def _meets(self, name: str, args: Sequence[Any], result: Tensor) -> bool:
        tensors = [a for a in args if isinstance(a, Tensor)]
        factor = _factor_in(name, args)
        for kind in (self.scaled, self.masks):
            mask = _one_of(args, kind)
            if mask is None:
                continue
            if len(tensors) == 1 and (factor or name in _KEEPING):
                into = self.scaled if factor else kind
                into[id(result)] = result
            elif name in _MULTIPLYING and len(tensors) == 2 and result.is_floating_point():
                enlarged = [e[1] for t in tensors if (e := self.enlarged.get(id(t))) and e[0] is t]
                if kind is self.scaled or enlarged:
                    return _is_made_up(mask, *enlarged[:1])
                self.products[id(result)] = (result, mask)
            return False
        known = self.products.get(id(tensors[0])) if factor and len(tensors) == 1 else None
        return known is not None and known[0] is tensors[0] and _is_made_up(known[1], factor)


def _is_share(number: Any) -> bool:
    return isinstance(number, float) and 0 < number < 1


def _factor_in(name: str, args: Sequence[Any]) -> float:
    """The number that a tensor was multiplied with; 0.0: with none."""
    number = next((a for a in args if isinstance(a, int | float) and a), None)
    if number is None or len(args) != 2:
        return 0.0
    return float(number) if name in _MULTIPLYING else 1 / number if name in _DIVIDING else 0.0


def _is_made_up(mask: Tensor, factor: float = 1.0) -> bool:
    """Whether a mask, times a factor, keeps as much on the whole as it is given.

    Args:
        mask: 0, or one other number.
        factor: by which the features, or their product with it, are larger.
    """
    values = mask.detach().float()
    kept = float((values != 0).float().mean())
    if not 0 < kept < 1:
        return False
    chance = ((1 - kept) / (kept * values.numel())) ** 0.5
    return abs(float(values.mean()) * factor - 1) <= DEVIATIONS * chance + ROUNDING


def _one_of(args: Sequence[Any], kind: dict[int, Tensor]) -> Tensor | None:
    return next((a for a in args if isinstance(a, Tensor) and kind.get(id(a)) is a), None)
