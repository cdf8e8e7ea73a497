"""Gradients that are cleared before any step has used them, batch after batch: R108."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.gradients import Marks, ends_of, marks_of
from lamplighter.watch.loss.graphs import asks_for_inputs
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

TIMES = 3  # steps in a row that must show it
MANY = 4  # batches lost for one step, of which two steps in a row are enough
FEW = 4  # values of a gradient by which it is known again
# by which a program takes what gradients tell, before it clears them
READING = frozenset(
    ("clone", "detach", "norm", "view", "reshape", "flatten", "mul", "pow", "sum", "dot", "cat")
)


@dataclass(eq=False, slots=True)
class Cycle:
    """What became of one optimizer's gradients since its last step.

    Args:
        sample: a few of its parameters.
        arrived: backward passes whose gradients are still there.
        lost: backward passes whose gradients were cleared and never used.
        waiting: those that are lost once a further batch is sent back.
        marks: identity and version of each gradient when the last one arrived.
        values: a few of their values then.
        weights: versions of the parameters then; whoever uses gradients by hand moves these.
        steps: steps of any optimizer until then.
        batch: the number of the batch that was newest then.
        same: steps in a row that lost some.
        least: the fewest that one of them lost.
        read: whether the program itself has looked at those that are there.
    """

    sample: list[torch.Tensor]
    arrived: int = 0
    lost: int = 0
    waiting: int = 0
    marks: Marks = field(default_factory=dict)
    values: list[torch.Tensor] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    steps: int = 0
    batch: int = 0
    same: int = 0
    least: int = 0
    read: bool = False
    place: Place | None = None

    def now(self) -> Marks:
        """The marks of its gradients now."""
        return marks_of(self.sample)

    def begin(self) -> None:
        """A step is over."""
        self.arrived = self.lost = self.waiting = 0
        self.read = False


class Wasted(Watcher):
    """Follows each optimizer's gradients from their arrival to their use."""

    codes = ("R108",)
    operations = READING

    def __init__(self, world: World) -> None:
        self.world = world
        self.cycles: dict[int, Cycle] = {}
        self.before: dict[int, Marks] = {}
        self.steps = self.batches = 0
        self.from_loader = self.is_for_inputs = False
        self.done = False

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.cycles.pop(id(optimizer), None)
        if ends := ends_of(optimizer):
            self.cycles[id(optimizer)] = Cycle(ends)

    def woken(self) -> None:
        for cycle in self.cycles.values():
            cycle.begin()
            cycle.same = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.from_loader = True
        self.batches += 1

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        # Without a loader each pass through a network counts, if there is but one that learns.
        if not self.from_loader and len(self.cycles) == 1:
            self.batches += 1

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if args and not self.done:
            given = args[0]
            for cycle in self.cycles.values():
                if cycle.arrived and not cycle.read:
                    cycle.read = any(p.grad is given for p in cycle.sample)

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if self.done:
            return
        self.before = {key: cycle.now() for key, cycle in self.cycles.items()}
        # what comes to the weights on the way to an input is meant to be cleared; with a loader it
        # comes for the same batch anyway
        self.is_for_inputs = not self.from_loader and asks_for_inputs(roots[0], self.world.held())
        for key, cycle in self.cycles.items():
            if cycle.arrived and not self.before[key]:
                self._clear(cycle)  # p.grad = None, by hand

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        for key, cycle in self.cycles.items():
            now = cycle.now()
            if not now or now == self.before.get(key):
                continue  # somebody else's loss
            if cycle.waiting and self.batches > cycle.batch:
                cycle.lost += cycle.waiting
            cycle.waiting = 0
            cycle.arrived += 1
            cycle.read |= self.is_for_inputs
            cycle.marks, cycle.steps, cycle.batch = now, self.steps, self.batches
            cycle.weights = [p._version for p in cycle.sample]
            if cycle.lost:
                cycle.values = values_of(cycle.sample)

    def cleared(self, owner: Any) -> None:
        if self.done:
            return
        for key, cycle in self.cycles.items():
            if cycle.arrived and (key == id(owner) or _holds(owner, cycle.sample)):
                self._clear(cycle)

    def _clear(self, cycle: Cycle) -> None:
        # Another network's step, or weights that moved, have made use of them.
        unused = cycle.steps == self.steps and not cycle.read
        unused = unused and cycle.weights == [p._version for p in cycle.sample]
        cycle.waiting = cycle.waiting + cycle.arrived if unused else 0
        cycle.arrived, cycle.read = 0, False
        cycle.place = here()

    def clipped(self, parameters: list[torch.Tensor]) -> None:
        self._remark()

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        self._remark()

    def _remark(self) -> None:
        for cycle in self.cycles.values():
            if cycle.arrived:
                cycle.marks = cycle.now()
                cycle.values = values_of(cycle.sample) if cycle.lost else []

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.done:
            return
        cycle = self.cycles.get(id(optimizer))
        if cycle is None or not cycle.lost or closure:
            if cycle is not None:
                cycle.same = 0
            return
        # What is collected by hand, sample by sample, is put back in the place of the last one.
        own = cycle.arrived == 1 and cycle.now() == cycle.marks
        own = own and all(map(torch.equal, cycle.values, values_of(cycle.sample)))
        cycle.least = min(cycle.lost, cycle.least) if cycle.same else cycle.lost
        cycle.same = cycle.same + 1 if own else 0
        enough = cycle.same == (2 if cycle.least >= MANY else TIMES)
        if enough and (self.from_loader or cycle.least >= 2):
            self._report(cycle)

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.steps += 1
        if self.done:
            return
        cycle = self.cycles.get(id(optimizer))
        if cycle is None or not cycle.now():
            held = self.world.owner_record(optimizer).parameters()
            having = [p for p in held if p.grad is not None]
            if having:
                self.cycles[id(optimizer)] = Cycle([having[0], having[-1]])
        else:
            cycle.begin()

    def _report(self, cycle: Cycle) -> None:
        self.done = True
        count = cycle.least
        self.world.report(
            "R108",
            "error",
            "gradients",
            f"the gradients of {count} of {count + 1} batches are cleared before any step has used "
            "them: each step follows the last batch alone",
            "clear the gradients only after step(), so that those of several batches add up",
            cycle.place,
        )


def values_of(sample: list[torch.Tensor]) -> list[torch.Tensor]:
    """A few values of each gradient."""
    found = [p.grad for p in sample if p.grad is not None]
    return [some_of(g, FEW) for g in found if not g.is_sparse]


def _holds(owner: Any, sample: list[torch.Tensor]) -> bool:
    if not isinstance(owner, torch.nn.Module):
        return False
    mine = {id(p) for p in owner.parameters()}
    return any(id(p) in mine for p in sample)
