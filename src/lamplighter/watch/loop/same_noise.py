"""Noise that was drawn once and is used for every batch: R109."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.adversaries import noise_is_the_same
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

SURE = 8  # different batches that met the same noise
MOST = 64  # uses that are looked at
DRAWING = frozenset(("randn", "rand", "normal", "randn_like", "rand_like"))
# what leaves noise noise, with numbers beside it
SHIFTED = frozenset(("add", "sub", "rsub", "mul", "div", "to", "float", "__getitem__", "clone"))
MEETING = frozenset(("add", "mul", "addcmul"))
# what leaves the answers of a network what they are
KEEPING = frozenset(("detach", "clone", "cat", "float"))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Where a tensor of noise was drawn, and by what."""

    place: Place | None
    name: str


@dataclass(eq=False, slots=True)
class Use:
    """One tensor of noise by its values: how it was drawn, and the batches that met it."""

    drawn: Drawn
    shape: tuple[int, ...]
    batches: set[Any] = field(default_factory=set)


class SameNoise(Watcher):
    """Knows drawn numbers again by their values, and batches by those of the networks' inputs."""

    codes = ("R109",)
    operations = DRAWING | SHIFTED | MEETING | KEEPING

    def __init__(self, world: World) -> None:
        self.world = world
        self.noise: ByIdentity[Drawn] = ByIdentity()
        self.made: ByIdentity[bool] = ByIdentity()
        self.uses: dict[Any, Use] = {}
        self.now: dict[Any, Drawn] = {}
        self.shapes: dict[Any, tuple[int, ...]] = {}
        self.batch: Any = None
        self.rows = 0
        self.looks = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        first = next(shallow(batch if isinstance(batch, list | tuple) else (batch,)), None)
        if first is not None and first.dim() and self.looks < MOST:
            self.batch, self.rows = _values(first), len(first)

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        first = next(shallow(args), None)
        if first is None or not first.dim() or self.looks >= MOST or not torch.is_grad_enabled():
            return
        if (drawn := self.noise.get(first)) is not None:
            if not first.requires_grad:  # points at which a slope is asked for may stay
                self._note(first, drawn)
        elif not first.requires_grad and not self.made.get(first):
            self.batch, self.rows = _values(first), len(first)

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        for tensor in shallow((output,)):
            self.made[tensor] = True

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or self.looks >= MOST:
            return
        if name in DRAWING:
            if result.dim() and not result.requires_grad:
                self.noise[result] = Drawn(here(), name)
            return
        if not (self.noise or self.made):
            return
        given = list(shallow((*args, *kwargs.values())))
        known = next(((t, d) for t in given if (d := self.noise.get(t)) is not None), None)
        if known is None:
            if name in KEEPING and any(self.made.get(t) for t in given):
                self.made[result] = True
            return
        tensor, drawn = known
        if len(given) == 1 and name in SHIFTED:
            self.noise[result] = drawn
        elif name in MEETING and torch.is_grad_enabled() and result.shape == tensor.shape:
            others = [t for t in given if t is not tensor]
            varied = any(
                t.dim() and len(t) == len(tensor) and not self.noise.get(t) for t in others
            )
            if varied and tensor.dim() > 1:
                self._note(tensor, drawn)

    def _note(self, tensor: Tensor, drawn: Drawn) -> None:
        key = _values(tensor)
        self.now[key], self.shapes[key] = drawn, tuple(tensor.shape)

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        now, self.now = self.now, {}
        if not now or self.looks >= MOST or self.batch is None:
            return
        self.looks += 1
        for key, drawn in now.items():
            use = self.uses.setdefault(key, Use(drawn, self.shapes[key]))
            if use.shape[0] == self.rows:
                use.batches.add(self.batch)
            if len(use.batches) == SURE and not self.world.found("R109"):
                place = use.drawn.place
                told = noise_is_the_same(use.shape, SURE, where=f"torch.{use.drawn.name}")
                self.world.adopt(told, place)
        if len(self.uses) > 4 * MOST:
            self.uses.clear()


def _values(tensor: Tensor) -> Any:
    """What a tensor is known again by."""
    flat = tensor.detach().flatten()
    some = flat[:: max(1, flat.numel() // 16)][:16].tolist()
    return (*tensor.shape, *some)
