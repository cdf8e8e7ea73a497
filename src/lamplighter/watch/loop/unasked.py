"""Target networks that are kept up to date and never asked: Q102."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lamplighter.checks.reinforcement import target_never_asked
from lamplighter.watch.network.likeness import shapes_of, values_of
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.source.place import Place
    from lamplighter.watch.world import World

FIRST = 4  # targets after which networks of the same shape are looked for
EVERY = 8  # targets between two looks at them
SURE = 5  # looks at which it must have moved


@dataclass(eq=False, slots=True)
class Follower:
    """A network of the same shape that no optimizer moves.

    Args:
        moves: looks at which it had changed.
        place: of the target at which it was seen often enough.
    """

    ref: weakref.ref[nn.Module]
    name: str
    values: Tensor
    moves: int = 0
    place: Place | None = None


class UnaskedTargets:
    """Looks for the network that a program meant, where the learning one gives its own targets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.targets: Counter[int] = Counter()
        self.followers: dict[int, list[Follower]] = {}

    def target_made(self, module: nn.Module, place: Place) -> None:
        """A target with the value that this network gives was computed at a line."""
        self.targets[id(module)] += 1
        count = self.targets[id(module)]
        if count > FIRST + (SURE + 1) * EVERY:
            return
        if count == FIRST:
            held = self.world.held()
            if any(id(p) in held for p in module.parameters()):
                self.followers[id(module)] = self._like(module, held)
        elif count > FIRST and (count - FIRST) % EVERY == 0:
            for one in self.followers.get(id(module), []):
                self._look_again(one, place)

    def ended(self) -> None:
        """Tells of those that nobody has asked to the end; an average may be for the last figure."""
        for key, followers in self.followers.items():
            learning = self.world.models.get(key)
            for one in followers if learning is not None else ():
                if learning is not None and one.place is not None and not self._was_asked(one):
                    # who is followed lightly may have asked unheard
                    heard = self.world.kept is not None
                    found = target_never_asked(one.name, learning.name, certain=heard)
                    self.world.adopt_new(found, one.place)

    def _like(self, module: nn.Module, held: set[int]) -> list[Follower]:
        shapes, found = shapes_of(module), {}
        for name, thing in things_in_sight(dotted=True):
            if not isinstance(thing, nn.Module) or thing is module or id(thing) in found:
                continue
            if shapes_of(thing) == shapes and not any(id(p) in held for p in thing.parameters()):
                found[id(thing)] = Follower(weakref.ref(thing), name, values_of(thing))
        return list(found.values())

    def _look_again(self, one: Follower, place: Place) -> None:
        follower = one.ref()
        if follower is None:
            return
        now = values_of(follower)
        one.moves += not torch.equal(now, one.values)
        one.values = now
        if one.moves == SURE:
            one.place = place
            self.world.keep(follower)  # else it is gone with the function that made it

    def _was_asked(self, one: Follower) -> bool:
        """Whether a network, or a part of it by itself, was called; of one that is gone: yes."""
        follower = one.ref()
        if follower is None:
            return True
        records = [(self.world.models.get(id(part)), part) for part in follower.modules()]
        return any(r is not None and r.module is part and r.calls > 0 for r, part in records)
