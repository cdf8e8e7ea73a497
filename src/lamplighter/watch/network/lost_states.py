"""States that were read from a file and are in no network that is trained: I104, I105."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks import loaded, structure
from lamplighter.watch.events import Watcher
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.local_names import loaded_for_nothing
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FEW = 32  # values by which a weight is known again
MOST = 8  # files that are remembered
DEEP = 3  # dictionaries within each other
Mark = tuple[tuple[int, ...], tuple[float, ...]]


@dataclass(eq=False, slots=True)
class Read:
    """What a file held that may be weights.

    Args:
        marks: shape and a few values of each tensor of two and more dimensions.
        shapes: how many there are of each shape.
        place: where it was read.
        into: the networks that took it by `load_state_dict`, weak.
        writers: ids of the networks that had these weights before, as the one that was saved.
        offered: ids of the networks into which anything was loaded after it was read.
        echoed: those of them that were given their own weights, as when no key of the file fitted.
    """

    marks: set[Mark]
    shapes: list[tuple[int, ...]]
    place: Place | None
    into: list[weakref.ref[nn.Module]]
    writers: set[int]
    offered: set[int] = field(default_factory=set)
    echoed: set[int] = field(default_factory=set)


class LostStates(Watcher):
    """Looks, at a network's first step, for the weights of the files that fit it."""

    codes = ("I104", "I105")

    def __init__(self, world: World) -> None:
        self.world = world
        self.read: list[Read] = []
        self.looked: set[int] = set()
        self.held: list[tuple[Read, str, int]] = []

    def file_loaded(self, path: str, thing: Any) -> None:
        tensors = list(_weights_in(thing, DEEP))
        if len(tensors) >= 2 and len(self.read) < MOST:
            marks = {_mark(t) for t in tensors}
            had = {id(m) for m in self._known() if _marks_of(m) & marks}
            self.read.append(Read(marks, [tuple(t.shape) for t in tensors], here(), [], had))

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        born = self.world.origins.birth(module)
        name = loaded_for_nothing(born)
        if name:
            self.world.adopt(loaded.state_is_let_go(name, type(module).__name__), born)
        given = {_mark(t) for t in _weights_in(state, 1)}
        echo = bool(self.read) and _is_its_own(state, module)
        for one in self.read:
            one.offered.add(id(module))
            if echo:
                one.echoed.add(id(module))
            if given & one.marks:
                one.into.append(weakref.ref(module))

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if not self.read:
            return
        for model, module in self.world.networks():
            if id(module) in self.looked or not model.calls:
                continue
            if self.world.moves(optimizer, module):
                self.looked.add(id(module))
                self._look_at(module, model.name, fresh=not model.trained)

    def _known(self, *, called: bool = False) -> list[nn.Module]:
        """The networks, or only those that have answered: one that took a file may be let go."""
        return [m for model, m in self.world.networks() if model.calls or not called]

    def _look_at(self, module: nn.Module, name: str, *, fresh: bool) -> None:
        weights = [p for p in module.parameters() if p.dim() > 1]
        random = all(structure.looks_untrained(p) for p in weights if p.numel() >= 64)
        if not fresh or len(weights) < 2 or not random:
            return
        marks = {id(m): _marks_of(m) for m in self._known(called=True)}
        for one in self.read:
            shapes = [tuple(p.shape) for p in weights]
            taken = any(known & one.marks for m, known in marks.items() if m not in one.writers)
            whole = all(shape in one.shapes for shape in shapes)
            # a body without its head, and the program did load something after reading it
            part = id(module) in one.offered and all(shape in shapes for shape in one.shapes)
            fitting = (Counter(shapes) & Counter(one.shapes)).total()
            if id(module) in one.echoed:
                part = part or (fitting >= 2 and 2 * fitting >= len(one.shapes))
            if taken or not (whole or part):
                continue
            if not any(module is ref() for ref in one.into):
                self.held.append((one, name, fitting))

    def ended(self) -> None:
        for one, name, count in self.held:
            if self._is_used(one) or self.world.found("I104") or self.world.found("I105"):
                continue
            found = loaded.state_is_nowhere(name, count, loaded=bool(one.into))
            self.world.adopt(found, one.place)

    def _is_used(self, one: Read) -> bool:
        """Whether some network that is called has, or had, taken it."""
        taken = {id(m) for ref in one.into if (m := ref()) is not None}
        gone = any(ref() is None for ref in one.into)
        return (gone and self.world.kept is None) or any(
            id(part) in taken for module in self._known(called=True) for part in module.modules()
        )


def _weights_in(thing: Any, deep: int) -> Iterator[Tensor]:
    """The tensors of a state, also within a checkpoint."""
    if not isinstance(thing, dict) or not all(isinstance(key, str) for key in thing):
        return
    for name, value in thing.items():
        if isinstance(value, Tensor):
            if value.dim() > 1 and value.is_floating_point() and "." in name:
                yield value
        elif deep:
            yield from _weights_in(value, deep - 1)


def _is_its_own(state: dict[str, Any], module: nn.Module) -> bool:
    """Whether the weights of a state are those that lie in the network already."""
    mine = {p.data_ptr() for p in module.parameters()}
    given = list(_weights_in(state, 1))
    return bool(given) and all(t.data_ptr() in mine for t in given)


def _marks_of(module: nn.Module) -> set[Mark]:
    return {_mark(p) for p in module.parameters() if p.dim() > 1}


def _mark(tensor: Tensor) -> Mark:
    return tuple(tensor.shape), tuple(some_of(tensor, FEW).float().tolist())
