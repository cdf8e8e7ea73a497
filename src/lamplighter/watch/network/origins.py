"""Where the user's program made each layer, and where it last filled each weight."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from types import CodeType
from typing import Any

import torch
from torch import nn

from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place, frames, locals_of

MOST = 65_536  # layers and weights that are remembered


@dataclass(frozen=True, slots=True)
class Filling:
    """One call of `torch.nn.init` on a tensor.

    Args:
        tensor: weak.
        number: counts all fillings of the program.
        way: the user's running functions with their lines, innermost first.
        shape: of the tensor.
        version, some: of the tensor and a few of its values, just after it.
    """

    tensor: weakref.ref[torch.Tensor]
    number: int
    way: tuple[tuple[CodeType, Place], ...]
    shape: torch.Size
    version: int = 0
    some: tuple[float, ...] = ()

    @property
    def place(self) -> Place | None:
        """The innermost line of the user's code."""
        return self.way[0][1] if self.way else None

    def seen_from(self, code: CodeType | None) -> Place | None:
        """The line of a given function that led here, else the outermost line."""
        for function, place in self.way:
            if function is code:
                return place
        return self.way[-1][1] if self.way else None


class Origins(Watcher):
    """Remembers lines; finds nothing itself."""

    def __init__(self) -> None:
        self.births: ByIdentity[Place] = ByIdentity()
        self.fillings: dict[int, Filling] = {}
        self.count = 0

    def module_made(self, module: nn.Module) -> None:
        if len(self.births) >= MOST:
            return
        for frame in frames():
            inside = frame.f_code.co_name == "__init__"
            if inside and locals_of(frame).get("self") is module:
                continue
            self.births[module] = Place.of(frame)
            return

    def tensor_filled(self, tensor: Any) -> None:
        if not isinstance(tensor, torch.Tensor) or len(self.fillings) >= MOST:
            return
        self.count += 1
        way = tuple((f.f_code, Place.of(f)) for f in frames())
        ref, marks = weakref.ref(tensor), (tensor._version, _some(tensor))
        self.fillings[id(tensor)] = Filling(ref, self.count, way, tensor.shape, *marks)

    def birth(self, module: nn.Module) -> Place | None:
        """The line that made a layer, or None where that was not seen."""
        return self.births.get(module)

    def filling(self, tensor: torch.Tensor) -> Filling | None:
        """How a weight was last filled by `torch.nn.init`."""
        known = self.fillings.get(id(tensor))
        return known if known is not None and known.tensor() is tensor else None

    def is_as_filled(self, tensor: torch.Tensor) -> bool:
        """Whether a weight still holds the values with which `torch.nn.init` has last filled it."""
        known = self.filling(tensor)
        if known is None or tensor.is_meta:
            return False
        return (known.version, known.some) == (tensor._version, _some(tensor))

    def filled_in_vain(self, module: nn.Module) -> Place | None:
        """Where a tensor was filled and let go that has the shape of a weight of nothing but 0."""
        weights = [p.detach() for p in module.parameters() if p.dim() > 1]
        empty = {w.shape for w in weights if not bool(w.any())}
        lost = [f for f in self.fillings.values() if f.tensor() is None and f.shape in empty]
        return max(lost, key=lambda f: f.number).place if lost else None

    def last_filling(self, module: nn.Module) -> Filling | None:
        """The latest filling among the weights of a module that is not the building of a layer."""
        births = {self.birth(m) for m in module.modules()}
        known = [f for p in module.parameters() if (f := self.filling(p)) is not None]
        meant = [f for f in known if f.place not in births]
        return max(meant, key=lambda f: f.number, default=None)


def _some(tensor: torch.Tensor) -> tuple[float, ...]:
    return () if tensor.is_meta else tuple(tensor.detach().flatten()[:4].tolist())
