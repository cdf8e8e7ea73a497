"""Log-probabilities of actions, and what they are weighed with: Q105, Q106."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from lamplighter.checks.reinforcement import policy_turned, weights_with_graph
from lamplighter.checks.turned import are_logarithms
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loop.returns import MAKING
from lamplighter.watch.loss.factors import Factor, Held, HeldFactors
from lamplighter.watch.loss.graphs import is_loss
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.flags import things_in
from lamplighter.watch.source.place import frames
from lamplighter.watch.taps.names import JOINING, KEEPING, PICKING, RESHAPING, handed_on

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 16  # backward passes that are read
SURE = 3  # of them must show the same, and none the contrary
MOST = 512  # products of one loss, as an episode may have
ASKED = 200  # tensors whose names are looked up
REWEIGHING = frozenset(("sub", "rsub", "mul", "div", "add"))
CARRYING = KEEPING | RESHAPING | PICKING | JOINING
LOGARITHM, REWARD = Factor("logarithm"), Factor("reward")
TO_BE_LARGE = re.compile(r"(^|_)(reward|rewards|returns?|gain|gains)(_|$)")
TO_BE_SMALL = re.compile(r"(^|_)(costs?|penalt\w*|regrets?|energ\w*|tour|lengths?|distances?)(_|$)")


class Policies(Watcher):
    """Finds picked log-probabilities, and asks the graph of the loss which way they are pushed."""

    codes = ("Q105", "Q106")

    def __init__(self, world: World) -> None:
        self.world = world
        self.picked: ByIdentity[Factor] = ByIdentity()
        self.rewards: ByIdentity[Factor] = ByIdentity()
        self.errors: ByIdentity[bool] = ByIdentity()
        self.products = HeldFactors(MOST)
        self.attached = HeldFactors(MOST)
        self.named = False
        self.looks = self.asked = 0
        self.turned, self.live = Often(SURE), Often(SURE)

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
        elif _picks(name, args, result) and given[0].requires_grad and are_logarithms(given[0]):
            self.picked[result] = LOGARITHM
        elif name in CARRYING or name == "neg":
            parts = handed_on(name, given)
            known = next((s for t in parts if (s := self._picked_in(t)) is not None), None)
            if known is not None:
                self.picked[result] = known.times(-1.0) if name == "neg" else known
        elif name == "mul":
            self._look_at_product(args, given, result)
        elif name in ("sub", "rsub") and len(given) == 2:
            self.errors[result] = given[0].requires_grad != given[1].requires_grad

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        single = given.get("reduction") == "none" and name in ("cross_entropy", "nll_loss")
        if single and isinstance(result, Tensor) and result.requires_grad and self.looks < LOOKS:
            self.picked[result] = LOGARITHM.times(-1.0)  # the negative ones of what was picked

    def _picked_in(self, tensor: Tensor) -> Factor | None:
        """What is known of a tensor, or of the row that it is an entry of."""
        known = self.picked.get(tensor)
        return known if known is not None or tensor._base is None else self.picked.get(tensor._base)

    def _follow_rewards(
        self, name: str, args: tuple[Any, ...], given: list[Tensor], result: Tensor
    ) -> None:
        """Numbers of the program on their way, as they are or turned round."""
        if name in MAKING:
            self.rewards[result] = REWARD
            return
        known = [(t, s) for t in given if (s := self.rewards.get(t)) is not None]
        if not known and name in REWEIGHING:
            known = [(t, REWARD) for t in given if self._is_called_reward(t)]
        if not known or name in ("eq", "bitwise_not"):
            return
        tensor, factor = known[0]
        if name in ("neg", "rsub") or (name == "sub" and tensor is not args[0]):
            factor = factor.times(-1.0)
        elif name in ("mul", "div"):
            factor = factor.times(next((a for a in args if isinstance(a, int | float)), 1.0))
        self.rewards[result] = factor

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
        self.named |= called and _rewards_are_named(list(_names(around)))
        return called

    def _look_at_product(self, args: tuple[Any, ...], given: list[Tensor], result: Tensor) -> None:
        known = [(t, f) for t in given if (f := self._picked_in(t)) is not None]
        if not known:
            return
        logarithm, factor = known[0]
        other = next((a for a in args if a is not logarithm), None)
        if isinstance(other, int):
            self.picked[result] = factor.times(other)
        elif isinstance(other, float):
            self.products.hold(factor, result)
        elif isinstance(other, Tensor) and other.requires_grad:
            if self.errors.get(other) and other.numel() == logarithm.numel():
                self.attached.hold(factor, result)
        elif isinstance(other, Tensor) and (weight := self._reward_in(other)) is not None:
            self.products.hold(factor.times(weight.sign), result)

    def _reward_in(self, tensor: Tensor) -> Factor | None:
        """What is known of a row of rewards, or of the row that this is an entry of."""
        row = tensor if tensor._base is None else tensor._base
        known = self.rewards.get(tensor) or self.rewards.get(row)
        return REWARD if known is None and self._is_called_reward(tensor) else known

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        if not self.products.held and not self.attached.held:
            return
        products, self.products = self.products, HeldFactors(MOST)
        attached, self.attached = self.attached, HeldFactors(MOST)
        if self.looks >= LOOKS or not is_loss(roots[0]):
            return
        self.looks += 1
        self._look_at_signs(products.slopes(roots[0]))
        pushed = [one for one, slope in attached.slopes(roots[0]) if bool(slope.any())]
        if pushed and self.live.again():
            self.world.adopt_new(weights_with_graph(), pushed[0].place)

    def _look_at_signs(self, products: list[tuple[Held, Tensor]]) -> None:
        ways = [float(slope.sum()) * one.factor.sign for one, slope in products]
        if not ways:
            return
        if min(ways) < 0:
            self.turned.spoil()
            return
        names = list(_names(list(frames(1))[:4]))
        named = self.named and not any(TO_BE_SMALL.search(n) for n in names)
        if max(ways) > 0 and (named or _rewards_are_named(names)) and self.turned.again():
            self.world.adopt_new(policy_turned(SURE), products[0][0].place)


def _picks(name: str, args: tuple[Any, ...], result: Tensor) -> bool:
    """Whether one entry of each row is taken: `gather`, or `scores[rows, actions]`."""
    if name in ("gather", "take_along_dim"):
        return True
    index = args[1] if name == "__getitem__" and len(args) > 1 else None
    scores = args[0] if args else None
    if not isinstance(index, tuple) or not isinstance(scores, Tensor) or scores.dim() != 2:
        return False
    several = all(isinstance(part, Tensor | list | range | np.ndarray) for part in index)
    return several and len(index) == 2 and result.dim() == 1


def _rewards_are_named(names: list[str]) -> bool:
    """Whether a program speaks of what it wants much of, and of nothing that it wants little of.

    Numbers alone cannot tell a reward from a cost.
    """
    return any(TO_BE_LARGE.search(n) for n in names) and not any(
        TO_BE_SMALL.search(n) for n in names
    )


def _names(around: list[FrameType]) -> Iterator[str]:
    for frame in around:
        for _, name, thing in things_in(frame):
            if isinstance(thing, list | tuple | dict | Tensor | float):
                yield name.lower()
