"""Dropout that a network writes itself: a random mask of 0 and 1 that is multiplied with features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

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
    that hides a part of the input for a task, as masked modelling does, is not scaled.
    """

    def __init__(self) -> None:
        # each with the tensor itself, so that its identity stays its own for the pass
        self.noise: dict[int, Tensor] = {}
        self.masks: dict[int, Tensor] = {}
        self.scaled: dict[int, Tensor] = {}
        self.products: dict[int, Tensor] = {}
        self.enlarged: dict[int, Tensor] = {}  # features that were divided through a share

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
            self.enlarged[id(result)] = result
        if not self.noise and not self.masks:
            return False
        if _any(args, self.noise):
            if name in _COMPARING or name in _FLOORING:
                self.noise.pop(id(result), None)  # in place
                self.masks[id(result)] = result
            elif name in _SHIFTING or name in _KEEPING:
                self.noise[id(result)] = result
            return False
        return self._meets(name, args, result)

    def _meets(self, name: str, args: Sequence[Any], result: Tensor) -> bool:
        tensors = [a for a in args if isinstance(a, Tensor)]
        scaling = (name in _MULTIPLYING or name in _DIVIDING) and len(tensors) < len(args)
        for kind in (self.scaled, self.masks):
            if not _any(args, kind):
                continue
            if len(tensors) == 1 and (scaling or name in _KEEPING):
                into = self.scaled if scaling else kind
                into[id(result)] = result
            elif name in _MULTIPLYING and len(tensors) == 2 and result.is_floating_point():
                if kind is self.scaled or _any(args, self.enlarged):
                    return True
                self.products[id(result)] = result
            return False
        return scaling and _any(args, self.products)


def _is_share(number: Any) -> bool:
    return isinstance(number, float) and 0 < number < 1


def _any(args: Sequence[Any], kind: dict[int, Tensor]) -> bool:
    return any(isinstance(a, Tensor) and kind.get(id(a)) is a for a in args)
