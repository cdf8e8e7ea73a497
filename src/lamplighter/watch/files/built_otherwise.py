"""Networks that take the weights of another one and compute something else with them: A102."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.built_otherwise import (
    answers_differ,
    differences_of,
    same_weights_other_answers,
)
from lamplighter.checks.snapshot import copied, probing
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.network.trial import UNFIT
from lamplighter.watch.source.place import Place, here, names_of

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST = 16  # networks whose states were taken, the newest
ROWS = 4  # samples of an input that are kept
WHOLE = 2**16  # values of an input that is kept as it is
LARGEST = 2**26  # weights of a network that is copied to be tried
LOOKS = 4  # states that one network takes: a target network takes one again and again
Call = tuple[tuple[Any, ...], dict[str, Any]]
PLAIN = (Tensor, bool, int, float, str, type(None))  # inputs that may be kept
NOTHING: Call = ((), {})


@dataclass(eq=False, slots=True)
class Taken:
    """A network that has taken a state and answers otherwise than the one that it comes from.

    Args:
        ref: weak.
        origin: the other one, weak.
        name: as the program calls it.
        count: tensors of the state.
        told: in what they were built otherwise.
        place: where it was built, else where it was loaded.
    """

    ref: weakref.ref[nn.Module]
    origin: weakref.ref[nn.Module]
    name: str
    count: int
    told: list[str]
    place: Place | None


class BuiltOtherwise(Watcher):
    """Holds a network that takes a state against the living one that the state is from."""

    codes = ("A102",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: ByIdentity[Call] = ByIdentity()
        self.given: list[weakref.ref[nn.Module]] = []
        self.waiting: list[Taken] = []
        self.looks: ByIdentity[int] = ByIdentity()

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self.calls.get(module) is None:
            plain = all(isinstance(a, PLAIN) for a in (*args, *kwargs.values()))
            self.calls[module] = (
                (tuple(map(_some, args)), {key: _some(a) for key, a in kwargs.items()})
                if plain
                else NOTHING
            )

    def state_taken(self, module: nn.Module, state: dict[str, Any]) -> None:
        kept_before = [r for r in self.given if r() is not None and r() is not module]
        self.given = [*kept_before[1 - MOST :], weakref.ref(module)]

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        looks = self.looks.get(module) or 0
        if not self.world.steps or looks >= LOOKS:
            return
        self.looks[module] = looks + 1
        origin = next(self._candidates(module), None)
        told = differences_of(module, origin) if origin is not None else []
        if origin is None or not told or not self._same_tensors(module, origin):
            return
        if self._answer_otherwise(module, origin):
            names = names_of(module)
            name = names[0] if names and names[0] != "self" else type(module).__name__
            place = self.world.origins.birth(module) or here()
            refs = weakref.ref(module), weakref.ref(origin)
            self.waiting.append(Taken(*refs, name, len(module.state_dict()), told, place))

    def _candidates(self, module: nn.Module) -> Iterator[nn.Module]:
        """Networks of the same class, those whose state was taken last before the others."""
        seen = {id(module)}
        taken = [ref() for ref in reversed(self.given)]
        for other in (*taken, *(m for _, m in self.world.networks())):
            if other is None or id(other) in seen or type(other) is not type(module):
                continue
            seen.add(id(other))
            if _keys(other) == _keys(module):
                yield other

    def _same_tensors(self, one: nn.Module, other: nn.Module) -> bool:
        mine, theirs = one.state_dict(), other.state_dict()
        return all(_equal(tensor, theirs[key]) for key, tensor in mine.items())

    def _answer_otherwise(self, module: nn.Module, origin: nn.Module) -> bool:
        """Whether copies of the two give other answers to what the older one was once given."""
        owner, path = self._owner_of(origin)
        call = self.calls.get(owner) if owner is not None else None
        if owner is None or call is None or call is NOTHING:
            return False
        if sum(p.numel() for network in (owner, module) for p in network.parameters()) > LARGEST:
            return False
        try:
            with probing(owner, module), torch.no_grad():
                whole, new = copied((owner, module), owner)
                old = whole.get_submodule(path)
                new.to(next(old.parameters()).device)
                call = _call_of(whole.eval(), old, call)
                if call is None:
                    return False
                args, kwargs = call
                first, again = (old(*args, **kwargs) for _ in range(2))
                second = new.eval()(*args, **kwargs)
                return not answers_differ(first, again) and answers_differ(second, first)
        except UNFIT:
            return False  # it cannot be copied, or wants more than the inputs that were kept

    def _owner_of(self, module: nn.Module) -> tuple[nn.Module | None, str]:
        """The network that was called and holds a module, and the module's name there."""
        for _, network in self.world.networks():
            if self.calls.get(network) is None:
                continue
            for name, inner in network.named_modules():
                if inner is module:
                    return network, name
        return None, ""

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.waiting:
            self._tell()

    def ended(self) -> None:
        self._tell()

    def _tell(self) -> None:
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            module, origin = one.ref(), one.origin()
            if module is not None and origin is not None and not differences_of(module, origin):
                continue  # what was missing was set after the state was loaded
            self.world.adopt(same_weights_other_answers(one.name, one.count, one.told), one.place)


def _keys(module: nn.Module) -> set[str]:
    return set(module.state_dict())


def _equal(one: Any, other: Any) -> bool:
    """Whether two tensors of states hold the same, be it on two devices."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return False
    alike = one.shape == other.shape and one.dtype == other.dtype
    return alike and torch.equal(one.cpu(), other.cpu())


def _some(thing: Any) -> Any:
    """A few samples of an input, in a copy of their own."""
    if not isinstance(thing, Tensor) or thing.is_sparse:
        return thing
    some = thing.detach()
    return (some if some.numel() <= WHOLE or not some.dim() else some[:ROWS]).clone()


def _call_of(owner: nn.Module, inner: nn.Module, call: Call) -> Call | None:
    """What a part is given when the whole is called so."""
    if owner is inner:
        return call
    seen: list[Call] = []
    handle = inner.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append((args, kwargs)), with_kwargs=True
    )
    owner(*call[0], **call[1])
    handle.remove()
    return seen[0] if seen else None
