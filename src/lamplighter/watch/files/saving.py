"""What is kept of the model: A101, A104."""

from __future__ import annotations

import inspect
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place, here, names_of
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FIX = "keep a copy: copy.deepcopy(model.state_dict())"


@dataclass(eq=False, slots=True)
class Taken:
    """One `state_dict()`, recognised by one of its tensors wherever that tensor is kept."""

    tensor: weakref.ref[torch.Tensor]
    model: weakref.ref[nn.Module]
    name: str
    steps: int
    place: Place | None


class Saving(Watcher):
    """Follows a state from where it is taken to where it is used."""

    codes = ("A101", "A104")

    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: dict[int, Taken] = {}
        self.newest: ByIdentity[Taken] = ByIdentity()
        # lines at which a state was kept until the next one came, while the model moved
        self.held: set[Place | None] = set()
        # the newest state of another model that was loaded, and after how many steps
        self.loaded: tuple[Taken, int] | None = None

    def state_taken(self, module: nn.Module, state: dict[str, Any]) -> None:
        place = here()
        for one in self.taken.values():
            stays = one.tensor() is not None and one.model() is module and one.place == place
            if stays and one.steps < self.world.steps:
                self.held.add(place)
        self.taken = {key: t for key, t in self.taken.items() if t.tensor() is not None}
        for name, tensor in state.items():
            if isinstance(tensor, torch.Tensor) and tensor.numel():
                one = Taken(weakref.ref(tensor), weakref.ref(module), name, self.world.steps, place)
                self.taken[id(tensor)] = self.newest[module] = one
                return

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        taken = self._alias_in(state) or self._shares(module, state)
        if taken is None:
            self.loaded = None
            self._look_whether_it_was_held(module, state)
        elif taken.model() is module:
            self._report(
                taken,
                "what is loaded back is the live model itself: load_state_dict() does nothing",
            )
        else:
            self._look_for_snapshots(taken)

    def _shares(self, module: nn.Module, state: dict[str, Any]) -> Taken | None:
        """What a state was made from that came to lie in the model's own memory, as `v.cpu()` does."""
        taken = self.newest.get(module)
        value = state.get(taken.name) if taken is not None else None
        if taken is None or not isinstance(value, torch.Tensor):
            return None
        return taken if self._is_stale(taken, value) else None

    def _shared_within(self, thing: Any, depth: int = 2) -> Taken | None:
        """The same for what is saved: a state that lies in the memory of a model, and was made of an
        older one, `{k: v.cpu() for …}`."""
        if not isinstance(thing, dict):
            return None
        for _, module in self.world.networks():
            taken = self._shares(module, thing)
            if taken is not None:
                return taken
        inner = (self._shared_within(value, depth - 1) for value in thing.values() if depth)
        return next((one for one in inner if one is not None), None)

    def _look_whether_it_was_held(self, module: nn.Module, state: dict[str, Any]) -> None:
        """The newest state is right by chance: those that were kept before it at its line were not."""
        for value in state.values():
            taken = self.taken.get(id(value)) if isinstance(value, torch.Tensor) else None
            if taken is not None and taken.tensor() is value and taken.model() is module:
                if taken.place in self.held:
                    self._report(
                        taken,
                        "the newest is right by chance, and each before it would not have been",
                        "was kept through later steps before",
                    )
                return

    def _look_for_snapshots(self, taken: Taken) -> None:
        """States of several times, of which each is the state of now."""
        before, self.loaded = self.loaded, (taken, self.world.steps)
        if before is None or before[1] != self.world.steps:
            return
        other = before[0]
        if other.model() is taken.model() and other.steps != taken.steps:
            self._report(
                other,
                f"that of step {other.steps} and that of step {taken.steps} are one and the same",
            )

    def saved(self, thing: Any) -> None:
        self._whole_module(thing)
        self._method(thing)
        taken = self._alias_in(thing) or self._shared_within(thing)
        if taken is None:
            return
        is_best = any("best" in name.lower() for name in _names_within(thing))
        if is_best:
            self._report(taken, "what is saved as the best state is the last one")

    def _alias_in(self, thing: Any, depth: int = 2) -> Taken | None:
        """A state within `thing` that still shares memory with a model that has moved since."""
        if not isinstance(thing, dict):
            return None
        for value in thing.values():
            if isinstance(value, torch.Tensor):
                taken = self.taken.get(id(value))
                if taken is not None and taken.tensor() is value and self._is_stale(taken, value):
                    return taken
            elif depth and (inner := self._alias_in(value, depth - 1)):
                return inner
        return None

    def _is_stale(self, taken: Taken, value: torch.Tensor) -> bool:
        module = taken.model()
        if module is None or self.world.steps <= taken.steps:
            return False
        live = dict(module.named_parameters()) | dict(module.named_buffers())
        mine = live.get(taken.name)
        return mine is not None and mine.data_ptr() == value.data_ptr()

    def _report(self, taken: Taken, consequence: str, how_long: str = "") -> None:
        how_long = how_long or f"moved with it in {self.world.steps - taken.steps} later steps"
        self.world.report(
            "A101",
            "error",
            "state_dict()",
            f"the state that is kept here shares its memory with the model and {how_long}: "
            f"{consequence}",
            FIX,
            taken.place,
        )

    def _whole_module(self, thing: Any) -> None:
        held = thing.values() if isinstance(thing, dict) else thing
        several = held if isinstance(thing, dict | list | tuple) else (thing,)
        if any(isinstance(one, nn.Module) for one in several):
            self.world.report(
                "A104",
                "warning",
                "torch.save",
                "the whole module is pickled: the file opens only where the same class lies under "
                "the same name, and opening it runs code",
                "save model.state_dict() and build the model before loading it",
                here(),
            )

    def _method(self, thing: Any) -> None:
        """`model.state_dict` without its parentheses."""
        for value in [thing, *(thing.values() if isinstance(thing, dict) else ())]:
            if inspect.ismethod(value) and value.__name__ == "state_dict":
                self.world.report(
                    "A104",
                    "warning",
                    "torch.save",
                    "the method state_dict itself is saved and not what it gives, with the whole "
                    f"{type(value.__self__).__name__} behind it: load_state_dict() will refuse it",
                    "call it: model.state_dict()",
                    here(),
                )
                return


def _names_within(thing: Any) -> list[str]:
    names = names_of(thing)
    inner = [value for value in thing.values() if isinstance(value, dict)]
    for key, value in thing.items():
        if isinstance(value, dict):
            names += [str(key), *names_of(value)]
    # `best["weights"]`
    held = things_in_sight(dotted=True) if inner else ()
    return names + [name for name, one in held if any(one is value for value in inner)]
