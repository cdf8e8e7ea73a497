"""Overlaps of boxes whose sides are not held above zero: L111, E101."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.overlaps import apart_in_both_directions
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity, version_of
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING, PICKING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LARGER, SMALLER = ("max", "maximum", "fmax"), ("min", "minimum", "fmin")
# what hands a part of a tensor on
PARTING = KEEPING | RESHAPING | PICKING | {"unbind", "chunk", "split", "squeeze", "unsqueeze"}
# who asks for the sign of a side knows that it may be below zero
COMPARING = ("gt", "ge", "lt", "le", "__gt__", "__ge__", "__lt__", "__le__")
ASKING = frozenset((*COMPARING, "sign", "where", "clamp", "clamp_min", "relu", "maximum", "max"))
ASKING |= {"__setitem__", "masked_fill"}
LOOKS = 60  # overlaps that are read
SURE = 2  # of one line that must show it


@dataclass(frozen=True, slots=True)
class Side:
    """The smaller of two ends less the larger of two beginnings.

    Args:
        places: of the difference, and of what it is the difference of.
    """

    places: tuple[Place | None, ...]


@dataclass(frozen=True, slots=True)
class End:
    """The smaller of two ends, or the larger of two beginnings."""

    is_smaller: bool
    place: Place | None


@dataclass(frozen=True, eq=False, slots=True)
class Product:
    """The product of sides, some of which are below zero together.

    Args:
        version: torch's count of changes in the product; who writes into it leaves pairs out.
        place: of the product.
        sides: where its sides, their ends and beginnings were computed.
        apart: pairs of boxes that lie apart in more than one direction and have a product above zero.
        count: pairs.
    """

    version: int
    place: Place | None
    sides: tuple[Place | None, ...]
    apart: int
    count: int


class Overlaps(Watcher):
    """Follows ends and beginnings of boxes into sides, their product, and what it is divided by."""

    codes = ("E101", "L111")
    operations = ASKING | PARTING | {*LARGER, *SMALLER, "sub", "mul", "prod", "div"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.ends: ByIdentity[End] = ByIdentity()
        self.sides: ByIdentity[Side] = ByIdentity()
        self.products: ByIdentity[Product] = ByIdentity()
        self.asked: set[Place | None] = set()  # sides whose sign the program looks at
        self.hits = Often(SURE)
        self.looks = 0

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if len(self.ends) and name in ASKING:
            self._ask(name, args)
        if name in LARGER or name in SMALLER:
            both = len(args) == 2 and all(isinstance(a, Tensor) for a in args)
            if both and isinstance(result, Tensor) and result.is_floating_point():
                self.ends[result] = End(name in SMALLER, here())
        elif len(self.ends) or len(self.sides):
            self._follow(name, args, result)

    def _ask(self, name: str, args: tuple[Any, ...]) -> None:
        for tensor in shallow(args):
            if name in COMPARING and (end := self.ends.get(tensor)) is not None:
                self.asked.add(end.place)
            if (side := self.sides.get(tensor)) is not None:
                self.asked.update(side.places)
            if (product := self.products.get(tensor)) is not None:
                self.asked.update(product.sides)

    def _follow(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        given = list(shallow(args))
        if name == "sub" and len(given) == 2 and isinstance(result, Tensor):
            end, begin = self.ends.get(given[0]), self.ends.get(given[1])
            if end is not None and begin is not None and end.is_smaller > begin.is_smaller:
                self.sides[result] = Side((here(), end.place, begin.place))
        elif name in PARTING and given:
            end, side = self.ends.get(given[0]), self.sides.get(given[0])
            for part in shallow((result,)):
                if end is not None:
                    self.ends[part] = end
                if side is not None:
                    self.sides[part] = side
        elif name in ("mul", "prod") and isinstance(result, Tensor):
            sides = [self.sides.get(t) for t in given]
            if sides and all(side is not None for side in sides):
                places = [place for side in sides if side for place in side.places]
                self._multiplied(name, given, places, result)
        elif name == "div" and len(given) == 2 and isinstance(result, Tensor):
            product = self.products.get(given[0])
            if product is not None and product.version == version_of(given[0]):
                self._divided(product, result)

    def _multiplied(
        self, name: str, given: list[Tensor], places: list[Place | None], result: Tensor
    ) -> None:
        if self.looks >= LOOKS or (name == "mul" and len(given) != 2):
            return
        self.looks += 1
        if name == "prod":
            whole = given[0].detach()
            if whole.dim() != result.dim() + 1 or whole.shape[-1] not in (2, 3):
                return
            parts = list(whole.unbind(-1))
        else:
            parts = [t.detach() for t in given]
        if any(part.shape != result.shape for part in parts):
            return
        below = torch.stack([part < 0 for part in parts]).sum(0) >= 2
        apart = int((below & (result.detach() > 0)).sum())
        made = Product(version_of(result), here(), tuple(places), apart, result.numel())
        self.products[result] = made

    def _divided(self, product: Product, result: Tensor) -> None:
        if not product.apart or self.asked & set(product.sides):
            return
        told = self.world.found("E101") or self.world.found("L111")
        if self.hits.again(product.place) and not told:
            found = apart_in_both_directions(product.apart, product.count, result.requires_grad)
            self.world.adopt(found, product.place)
