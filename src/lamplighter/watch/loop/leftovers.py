"""Gradients that another network's loss has left, and that are stepped with all the same: R101."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks.adversaries import foreign_gradients
from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.gradients import Marks, ends_of, marks_of
from lamplighter.watch.loss.graphs import leaves_of
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # steps in a row that must show it
LOOKS = 64  # backward passes that are read


@dataclass(eq=False, slots=True)
class Pile:
    """The gradients of one optimizer's parameters since they were last cleared or stepped with.

    Args:
        sample: its first and last parameter.
        fresh: whether the newest `backward()` has fed them, with no step of anybody since.
        foreign: whether they hold those of a loss with which another optimizer has stepped.
        mixed: whether those of a further loss were added to them.
        depths: how far its parameters are from the newest loss that fed them.
        hits: steps in a row with both.
    """

    sample: list[torch.Tensor]
    fresh: bool = False
    foreign: bool = False
    mixed: bool = False
    depths: list[int] = field(default_factory=list)
    hits: int = 0
    place: Place | None = None

    def marks(self) -> Marks:
        """The marks of its gradients now."""
        return marks_of(self.sample)

    def begin(self) -> None:
        """Nothing is left."""
        self.fresh = self.foreign = self.mixed = False


class Leftovers(Watcher):
    """Follows what the loss of one optimizer leaves in the parameters of another one.

    Only what lies between the loss and the parameters that it is meant for, as a critic does: a
    body below several heads may well collect the gradients of them all.
    """

    codes = ("R101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.piles: dict[int, Pile] = {}
        self.before: dict[int, Marks] = {}
        self.order: dict[int, int] = {}
        self.looks = 0

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.piles.pop(id(optimizer), None)
        if ends := ends_of(optimizer):
            self.piles[id(optimizer)] = Pile(ends)

    def woken(self) -> None:
        for pile in self.piles.values():
            pile.begin()
            pile.hits = 0

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.before = {}
        if len(self.piles) < 2 or self.looks >= LOOKS:
            return
        self.looks += 1
        self.before = {key: pile.marks() for key, pile in self.piles.items()}
        for pile in self.piles.values():
            left = [p.grad for p in pile.sample if p.grad is not None]
            if not left or (pile.foreign and not any(bool(g.any()) for g in left)):
                pile.begin()  # cleared by hand
        met = [id(leaf) for leaf in leaves_of(roots[0])]
        self.order = {leaf: place for place, leaf in reversed(list(enumerate(met)))}

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        for key, before in self.before.items():
            pile = self.piles.get(key)
            if pile is None:
                continue
            now = pile.marks()
            if not now or now == before:
                pile.fresh = False
                continue
            if pile.foreign and before:
                pile.mixed, pile.place = True, here()
            pile.fresh = True
            pile.depths = [d for p in pile.sample if (d := self.order.get(id(p))) is not None]

    def cleared(self, owner: Any) -> None:
        mine = {id(p) for p in owner.parameters()} if hasattr(owner, "parameters") else set()
        for key, pile in self.piles.items():
            if key == id(owner) or any(id(p) in mine for p in pile.sample):
                pile.begin()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        pile = self.piles.get(id(optimizer))
        if pile is None or closure:
            return
        pile.hits = pile.hits + 1 if pile.mixed and pile.marks() else 0
        if pile.hits == SURE and not self.world.found("R101"):
            self.world.adopt(foreign_gradients(SURE), pile.place)

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        own = self.piles.get(id(optimizer))
        if own is None:
            return
        for pile in self.piles.values():
            known = own.fresh and own.depths and pile is not own and pile.fresh and pile.depths
            if known and min(pile.depths) < min(own.depths):  # it lies between own and the loss
                pile.foreign = True
        for pile in self.piles.values():
            pile.fresh = False
        own.begin()
