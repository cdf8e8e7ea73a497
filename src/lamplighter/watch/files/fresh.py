"""New networks that are tested in place of the trained one, whose state lies in a file: A102."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.loaded import tested_without_its_state
from lamplighter.checks.structure import looks_untrained
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.network.likeness import values_of
from lamplighter.watch.source.place import Place, here, names_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST = 64  # networks that are followed
DEEP = 3  # dictionaries within each other
OFTEN = 3  # stretches of a training in which a target without training is asked
# a network without training is a measure for one with it
WANTED_RANDOM = re.compile(r"rand|untrain|baseline|scratch|init|naive|before")
Shapes = frozenset[tuple[str, tuple[int, ...]]]


@dataclass(eq=False, slots=True)
class Tested:
    """A network that has answered without gradients, as it was then.

    Args:
        ref: weak.
        name: as the program calls it.
        values: a few of each weight.
        shapes: of its parameters, with their names.
        newer: whether it was made after a state that fits it was saved.
        place: where it was called.
        steps: of the program at its newest call.
        times: calls with steps between them, as a fixed target has.
    """

    ref: weakref.ref[nn.Module]
    name: str
    values: Tensor
    shapes: Shapes
    newer: bool
    place: Place | None
    steps: int
    times: int = 1


class FreshNetworks(Watcher):
    """Remembers which states were saved, and which networks have taken none and learned nothing."""

    codes = ("A102",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.files: dict[Shapes, Place | None] = {}
        self.filled: ByIdentity[bool] = ByIdentity()
        self.newer: ByIdentity[bool] = ByIdentity()
        self.tested: list[Tested] = []
        self.asked: set[int] = set()  # trained networks that answered after the newest file

    def saved(self, thing: Any) -> None:
        if not self.world.steps:
            return
        states = [_shapes(state) for state in _states_in(thing, DEEP)]
        for model, module in self.world.networks():
            if not model.trained:
                continue
            mine = _shapes(dict(module.named_parameters()))
            if mine and any(mine <= state for state in states):
                self.files[mine] = here()
                self.asked.clear()

    def module_made(self, module: nn.Module) -> None:
        if self.files:
            self.newer[module] = True

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        for inner in module.modules():
            self.filled[inner] = True
        self._forget_those_that_learn()

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self._forget_those_that_learn()

    def _forget_those_that_learn(self) -> None:
        """What was asked before its training, as a network that may be gone in the end."""
        self.tested = [t for t in self.tested if (m := t.ref()) is None or not self._has_learned(m)]

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if not self.files or torch.is_grad_enabled():
            return
        if self.world.seen(module).trained:
            self.asked.add(id(module))
            return
        # a copy is not made by a constructor, and has the weights of what it was copied from
        if self.world.origins.birth(module) is None or len(self.tested) >= MOST:
            return
        known = next((one for one in self.tested if one.ref() is module), None)
        if known is not None:
            known.times += known.steps != self.world.steps
            known.steps = self.world.steps
            return
        if not self._has_learned(module) and _is_new(module):
            shapes = _shapes(dict(module.named_parameters()))
            one = Tested(
                weakref.ref(module), self.world.seen(module).name, values_of(module), shapes,
                bool(self.newer.get(module)), here(), self.world.steps,
            )  # fmt: skip
            if not any(WANTED_RANDOM.search(name.lower()) for name in names_of(module)):
                self.tested.append(one)

    def _has_learned(self, module: nn.Module) -> bool:
        """Whether a state was loaded into some of it, or an optimizer holds some of it."""
        held = self.world.held()
        loaded = any(self.filled.get(inner) for inner in module.modules())
        return loaded or any(id(p) in held for p in module.parameters())

    def ended(self) -> None:
        for one in self.tested:
            if one.times >= OFTEN:
                continue
            module = one.ref()  # one that is gone has learned nothing more
            if module is not None and self._has_learned(module):
                continue
            if module is not None and not torch.equal(values_of(module), one.values):
                continue
            if one.shapes in self.files and (one.newer or not self._twin_is_asked(one.shapes)):
                self.world.adopt(tested_without_its_state(one.name, len(one.shapes)), one.place)

    def _twin_is_asked(self, shapes: Shapes) -> bool:
        """Whether the trained network has answered since its state was saved: then the two are compared."""
        known = [m for _, m in self.world.networks() if id(m) in self.asked]
        return any(_shapes(dict(m.named_parameters())) == shapes for m in known)


def _is_new(module: nn.Module) -> bool:
    """Whether the weights have the values that torch's layers are made with."""
    weights = [p for p in module.parameters() if p.dim() > 1 and p.numel() >= 64]
    return bool(weights) and all(looks_untrained(p) for p in weights)


def _shapes(state: dict[str, Any]) -> Shapes:
    return frozenset((k, tuple(v.shape)) for k, v in state.items() if isinstance(v, Tensor))


def _states_in(thing: Any, deep: int) -> Iterator[dict[str, Any]]:
    """Dictionaries of tensors, also within a checkpoint."""
    if isinstance(thing, nn.Module):
        yield dict(thing.named_parameters())
    elif isinstance(thing, dict):
        if any(isinstance(value, Tensor) for value in thing.values()):
            yield thing
        for value in thing.values() if deep else ():
            yield from _states_in(value, deep - 1)
