"""Networks that only give targets, and drop values or learn statistics while they do: R103."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.network.likeness import values_of
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.world import active_chance

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LONG = 40  # steps of others in a row through which it was asked and stayed as it is
SOME = 4  # the same for one that had been trained before


@dataclass(eq=False, slots=True)
class Teacher:
    """A network that answers without a graph between the steps of others.

    Args:
        ref: weak.
        values: a few of each weight, when it was first asked.
        steps: of the program, when it was asked last.
        times: steps after which it was asked again and had not changed.
        layers: those that drop values or take the statistics of the batch.
        place: where it is asked.
        changes: how often it had changed since.
    """

    ref: weakref.ref[nn.Module]
    values: Tensor
    steps: int
    layers: list[str]
    place: Place | None
    times: int = 0
    changes: int = 0


class Teachers(Watcher):
    """Follows networks in training mode that nobody trains."""

    codes = ("R103",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.teachers: dict[int, Teacher] = {}
        self.plain: ByIdentity[bool] = ByIdentity()  # without such layers

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if not module.training or any(t.requires_grad for t in shallow((output,))):
            return
        known = self.teachers.get(id(module))
        if self.plain.get(module):
            return
        if known is None or known.ref() is not module:
            layers = active_chance(module)
            self.plain[module] = not layers
            if layers:
                ref = weakref.ref(module)
                made = Teacher(ref, values_of(module), self.world.steps, layers, here())
                self.teachers[id(module)] = made
        elif self.world.steps > known.steps:
            self._ask_again(known, module)

    def _ask_again(self, known: Teacher, module: nn.Module) -> None:
        next_step = self.world.steps == known.steps + 1
        known.steps = self.world.steps
        now = values_of(module)
        if not next_step or not torch.equal(now, known.values):
            known.values, known.times = now, 0
            known.changes += 1
            return
        known.times += 1
        if known.times == LONG and not self._is_held(module):
            self._report(known, module)

    def ended(self) -> None:
        """One that was trained before is known sooner: epochs may have been cut short."""
        for known in self.teachers.values() if self.world.whole else ():
            module = known.ref()
            if module is None or known.changes or not SOME <= known.times < LONG:
                continue
            if self.world.seen(module).trained and not self._is_held(module):
                self._report(known, module)

    def _is_held(self, module: nn.Module) -> bool:
        """Whether an optimizer that has not stepped yet, or lately, may still train it."""
        mine = {id(p) for p in module.parameters()}
        records = self.world.optimizers.values()
        waiting = [r for r in records if r.ref() is not None and not r.steps]
        return any(id(p) in mine for r in waiting for p in r.parameters())

    def _report(self, known: Teacher, module: nn.Module) -> None:
        if self.world.found("M112") or self.world.found("R103"):
            return
        name = self.world.seen(module).name
        layer = known.layers[0]
        drops = "Dropout" in type(module.get_submodule(layer)).__name__
        learns = "normalises by each batch and goes on learning its statistics"
        what = "drops values" if drops else learns
        self.world.report(
            "R103",
            "warning",
            f"`{name}`",
            f"it gives answers without gradients at every step and is trained by nobody, yet it is "
            f"in training mode: its `{layer}` {what}",
            f"call {name}.eval() before it is asked",
            known.place,
        )
