"""Losses that are a sum in which one term stands twice: L124."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.own_arithmetic import same_term_twice
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here, here_exactly

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 24  # backward passes that are read
SURE = 5  # of one sum, in which the terms must be equal
MOVING = 4  # different values that they must have had
MOST = 6  # terms of a sum that somebody has written down
_WEIGHING = ("MulBackward", "DivBackward")


@dataclass(frozen=True, eq=False, slots=True)
class Term:
    """One number of a sum.

    Args:
        value: a copy, as the sum may be made in place.
        made: where a loss of torch gave it, with the way there.
        added: where it was added.
        weighed: whether it is a product: a term may be weighed to be as large as another one.
    """

    value: Tensor
    made: Place | None
    added: Place | None
    weighed: bool


@dataclass(eq=False, slots=True)
class Pair:
    """Two places in a sum, and the values that both had."""

    values: list[float] = field(default_factory=list)
    apart: bool = False


class RepeatedTerms(Watcher):
    """Follows single numbers with a graph through sums to `backward()`."""

    codes = ("L124",)
    operations = frozenset({"add", "sum", "mean", "stack", "mul", "div"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.made: ByIdentity[Place] = ByIdentity()
        self.sums: ByIdentity[tuple[Term, ...]] = ByIdentity()
        self.pairs: dict[tuple[Place | None, int, int, int], Pair] = defaultdict(Pair)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.looks < LOOKS and isinstance(result, Tensor) and _is_term(result):
            place = here_exactly()
            if place is not None:
                self.made[result] = place

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.looks >= LOOKS:
            return
        if name in ("sum", "mean"):
            known = self.sums.get(args[0]) if args else None
            if known is not None and isinstance(result, Tensor) and result.numel() == 1:
                self.sums[result] = known
        elif name == "stack":
            several = list(shallow(args))
            if 1 < len(several) <= MOST and all(map(_is_term, several)):
                self.sums[result] = tuple(self._term(t) for t in several)
        elif isinstance(result, Tensor) and _is_term(result):
            self._combine(name, [a for a in args if isinstance(a, Tensor)], result)

    def _combine(self, name: str, given: list[Tensor], result: Tensor) -> None:
        terms = [t for t in given if t.requires_grad]
        if name == "add" and len(terms) == 2 and terms[0] is not terms[1]:
            self.sums[result] = (*self._terms(terms[0]), *self._terms(terms[1]))
        elif len(terms) == 1 and len(given) == 1:
            known = self.sums.get(terms[0])
            if known is not None:
                self.sums[result] = known  # one half of a sum, or a sum and a number
            elif name == "add":
                self.sums[result] = (self._term(terms[0]),)  # `0 + loss` begins one

    def _terms(self, tensor: Tensor) -> tuple[Term, ...]:
        return self.sums.get(tensor) or (self._term(tensor),)

    def _term(self, tensor: Tensor) -> Term:
        weighed = tensor.grad_fn is not None and tensor.grad_fn.name().startswith(_WEIGHING)
        return Term(tensor.detach().clone(), self.made.get(tensor), here(), weighed)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        if self.looks >= LOOKS or self.world.found("L124"):
            return
        for root in roots:
            terms = self.sums.get(root)
            if terms is not None and 2 <= len(terms) <= MOST:
                self.looks += 1
                self._compare(terms)

    def _compare(self, terms: tuple[Term, ...]) -> None:
        for (i, one), (k, other) in combinations(enumerate(terms), 2):
            pair = self.pairs[other.added, len(terms), i, k]
            if pair.apart:
                continue
            value = float(one.value)
            pair.apart = value == 0 or one.weighed != other.weighed
            pair.apart |= not torch.equal(one.value, other.value)
            pair.values.append(value)
            moving = len(set(pair.values)) >= MOVING
            if not pair.apart and len(pair.values) >= SURE and moving:
                place = _second(one, other) or other.added
                self.world.adopt(same_term_twice(value, len(pair.values), len(terms)), place)
                return


def _is_term(tensor: Tensor) -> bool:
    return tensor.requires_grad and tensor.numel() == 1 and tensor.is_floating_point()


def _second(one: Term, other: Term) -> Place | None:
    """The line that leads to the second of two terms and not to the first."""
    if one.made is None or other.made is None:
        return None
    mine, theirs = (one.made, *one.made.outer), (other.made, *other.made.outer)
    return next((q for p, q in zip(mine, theirs, strict=False) if p != q), None)
