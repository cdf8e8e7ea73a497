"""Log-probabilities of actions, and what they are weighed with: Q105, Q106."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.reinforcement import policy_turned, weights_with_graph
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loop.returns import MAKING
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.flags import things_in
from lamplighter.watch.source.place import Place, frames, here
from lamplighter.watch.taps.names import JOINING, KEEPING, PICKING, RESHAPING, handed_on

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 16  # backward passes that are read
SURE = 3  # of them must show the same, and none the contrary
MOST = 512  # products of one loss, as an episode may have
NEAR = 1e-3  # how far the exponentials of a row may sum from 1
ASKED = 200  # tensors whose names are looked up
REWEIGHING = frozenset(("sub", "rsub", "mul", "div", "add"))
CARRYING = KEEPING | RESHAPING | PICKING | JOINING
TO_BE_LARGE = re.compile(r"(^|_)(reward|rewards|returns?|gain|gains)(_|$)")
TO_BE_SMALL = re.compile(r"(^|_)(costs?|penalt\w*|regrets?|energ\w*|tour|lengths?|distances?)(_|$)")


@dataclass(frozen=True, slots=True)
class Sign:
    """A tensor as a multiple of something known: 1.0, or -1.0 where it was turned round."""

    value: float = 1.0


@dataclass(eq=False, slots=True)
class Product:
    """Log-probabilities times their weights.

    Args:
        tensor: with the graph.
        sign: of both factors together.
        place: where they met.
    """

    tensor: Tensor
    sign: float
    place: Place | None


class Policies(Watcher):
    """Finds picked log-probabilities, and asks the graph of the loss which way they are pushed."""

    codes = ("Q105", "Q106")

    def __init__(self, world: World) -> None:
        self.world = world
        self.picked: ByIdentity[Sign] = ByIdentity()
        self.rewards: ByIdentity[Sign] = ByIdentity()
        self.errors: ByIdentity[bool] = ByIdentity()
        self.products: list[Product] = []
        self.attached: list[Product] = []
        self.named = False
        self.looks = self.turned = self.live = self.asked = 0

    def batch_given(self, current: Any, batch: Any) -> None:
        self.looks = LOOKS  # what a loader gives is no experience

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.looks >= LOOKS or not isinstance(result, Tensor):
            return
        given = list(shallow((*args, *kwargs.values())))
        if not result.requires_grad:
            self._follow_rewards(name, args, given, result)
        elif name == "gather" and _are_logarithms(given[0]):
            self.picked[result] = Sign()
        elif name in CARRYING or name == "neg":
            parts = handed_on(name, given)
            known = next((s for t in parts if (s := self._picked_in(t)) is not None), None)
            if known is not None:
                self.picked[result] = replace(known, value=-known.value) if name == "neg" else known
        elif name == "mul":
            self._look_at_product(args, given, result)
        elif name in ("sub", "rsub") and len(given) == 2:
            self.errors[result] = given[0].requires_grad != given[1].requires_grad

    def _picked_in(self, tensor: Tensor) -> Sign | None:
        """What is known of a tensor, or of the row that it is an entry of."""
        known = self.picked.get(tensor)
        return known if known is not None or tensor._base is None else self.picked.get(tensor._base)

    def _follow_rewards(
        self, name: str, args: tuple[Any, ...], given: list[Tensor], result: Tensor
    ) -> None:
        """Numbers of the program on their way, as they are or turned round."""
        if name in MAKING:
            self.rewards[result] = Sign()
            return
        known = [(t, s) for t in given if (s := self.rewards.get(t)) is not None]
        if not known and name in REWEIGHING:
            known = [(t, Sign()) for t in given if self._is_called_reward(t)]
        if not known or name in ("eq", "bitwise_not"):
            return
        sign = known[0][1].value
        if name in ("neg", "rsub") or (name == "sub" and known[0][0] is not args[0]):
            sign = -sign
        number = next((a for a in args if isinstance(a, int | float)), 1.0)
        if name in ("mul", "div") and number < 0:
            sign = -sign
        self.rewards[result] = Sign(sign)

    def _is_called_reward(self, tensor: Tensor) -> bool:
        """Whether the program calls numbers, which it computed by torch, a reward or return."""
        if self.asked >= ASKED or not tensor.is_floating_point() or not tensor.dim():
            return False
        self.asked += 1
        around = list(frames(1))[:4]
        called = any(
            thing is tensor and TO_BE_LARGE.search(name.lower())
            for frame in around
            for _, name, thing in things_in(frame)
        )
        self.named |= called and _rewards_are_named(around)
        return called

    def _look_at_product(self, args: tuple[Any, ...], given: list[Tensor], result: Tensor) -> None:
        known = [(t, s) for t in given if (s := self._picked_in(t)) is not None]
        if not known or len(self.products) >= MOST:
            return
        logarithm, sign = known[0]
        other = next((a for a in args if a is not logarithm), None)
        if isinstance(other, Tensor) and other.requires_grad:
            if self.errors.get(other) and other.numel() == logarithm.numel():
                self.attached.append(Product(result, 1.0, here()))
            return
        weight = Sign() if isinstance(other, float) else None
        if isinstance(other, Tensor):
            row = other if other._base is None else other._base
            weight = self.rewards.get(other) or self.rewards.get(row)
            if weight is None and self._is_called_reward(other):
                weight = Sign()
        elif isinstance(other, int):
            self.picked[result] = Sign(sign.value * (-1.0 if other < 0 else 1.0))
            return
        if weight is not None:
            self.products.append(Product(result, sign.value * weight.value, here()))

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        products, self.products = self.products, []
        attached, self.attached = self.attached, []
        root = roots[0]
        if self.looks >= LOOKS or root.numel() != 1 or not root.requires_grad:
            return
        if not products and not attached:
            return
        self.looks += 1
        several = [*products, *attached]
        with torch.enable_grad():
            slopes = torch.autograd.grad(
                root, [p.tensor for p in several], retain_graph=True, allow_unused=True
            )
        self._look_at_signs(products, slopes)
        for product, slope in zip(attached, slopes[len(products) :], strict=True):
            if slope is not None and bool(slope.any()):
                self.live += 1
                if self.live == SURE and not self.world.found("Q105"):
                    self.world.adopt(weights_with_graph(), product.place)
                break

    def _look_at_signs(self, products: list[Product], slopes: tuple[Any, ...]) -> None:
        pairs = [(p, s) for p, s in zip(products, slopes, strict=False) if s is not None]
        ways = [float(s.sum()) * p.sign for p, s in pairs]
        if not ways or min(ways) < 0:
            self.turned = -LOOKS if ways else self.turned
            return
        names = list(_names(list(frames(1))[:4]))
        named = self.named and not any(TO_BE_SMALL.search(n) for n in names)
        if max(ways) > 0 and (named or _speak_of_rewards(names)):
            self.turned += 1
            if self.turned == SURE and not self.world.found("Q106"):
                self.world.adopt(policy_turned(SURE), pairs[0][0].place)


def _are_logarithms(scores: Tensor) -> bool:
    """Whether the last dimension holds the logarithms of probabilities."""
    if not scores.dim() or scores.shape[-1] < 2 or not scores.requires_grad:
        return False
    total = scores.detach().float().logsumexp(-1)
    return bool(torch.isfinite(total).all()) and float(total.abs().max()) < NEAR


def _rewards_are_named(around: list[FrameType]) -> bool:
    """Whether the program speaks of what it wants much of, and of nothing that it wants little of.

    Numbers alone cannot tell a reward from a cost.
    """
    return _speak_of_rewards(list(_names(around)))


def _speak_of_rewards(names: list[str]) -> bool:
    return any(TO_BE_LARGE.search(n) for n in names) and not any(
        TO_BE_SMALL.search(n) for n in names
    )


def _names(around: list[FrameType]) -> Iterator[str]:
    for frame in around:
        for _, name, thing in things_in(frame):
            if isinstance(thing, list | tuple | dict | Tensor | float):
                yield name.lower()
