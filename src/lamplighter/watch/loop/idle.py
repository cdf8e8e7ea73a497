"""Optimizers that never move what they hold: O101, O107 without a step or put back, M110 all frozen."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.loop.gradients import Mark, mark_of
from lamplighter.watch.network.likeness import some_of
from lamplighter.watch.source.place import (
    Place,
    here,
    line_that_freezes,
    statement_at,
    statements,
)
from lamplighter.watch.source.statements import line_that_names

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import SeenModel, SeenOptimizer, World

FED = 3  # times that gradients came for an optimizer that never steps
ALONE = 10  # times, where no other optimizer steps either
FROZEN = 3  # steps over nothing but frozen tensors
CHANGES = 3  # steps of which something remains: a state may be taken after the first
UNDONE = 20  # steps in a row that moved a weight, after each of which it was put back


@dataclass(eq=False, slots=True)
class Idle:
    """An optimizer that has not stepped yet.

    Args:
        sample: a parameter of it.
        values: a few of its values when the optimizer was built.
        mark: the gradient of that parameter before the present backward().
        fed: how often a new one came.
        waiting: whether the newest has met no step that used gradients of its own.
        place: where another optimizer stepped instead.
        cleared: how often the optimizer's gradients were cleared.
    """

    sample: torch.Tensor
    values: torch.Tensor
    mark: Mark | None = None
    cleared: int = 0
    fed: int = 0
    waiting: bool = False
    place: Place | None = None


@dataclass(eq=False, slots=True)
class Undone:
    """Whether what an optimizer's steps did was there at its next step.

    Args:
        sample: a parameter of it.
        values: a few of its values, as they were before each of the newest steps.
        times: steps in a row that moved them, and were undone.
        changes: how often something of a step has remained.
        place: where a state was loaded into a network with that parameter.
    """

    sample: torch.Tensor
    values: torch.Tensor
    times: int = 0
    changes: int = 0
    place: Place | None = None


class IdleOptimizers(Watcher):
    """Follows optimizers that were built and do nothing, or that nothing remains of."""

    codes = ("O101", "O107", "M110")

    def __init__(self, world: World) -> None:
        self.world = world
        self.idle: dict[int, Idle] = {}
        self.frozen: dict[int, int] = {}
        self.marks: dict[int, Mark] = {}
        self.undone: dict[int, Undone] = {}
        self.settled: set[int] = set()  # optimizers of whose steps something remains
        self.cut = False

    def pass_ended(self, current: Pass) -> None:
        self.cut |= current.shortened

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.frozen.pop(id(optimizer), None)
        held = [p for g in optimizer.param_groups for p in g["params"] if p.requires_grad]
        self.idle.pop(id(optimizer), None)
        self.undone.pop(id(optimizer), None)
        self.settled.discard(id(optimizer))
        if held:
            self.idle[id(optimizer)] = Idle(held[-1], some_of(held[-1]))

    def cleared(self, owner: Any) -> None:
        one = self.idle.get(id(owner))
        if one is not None:
            one.cleared += 1

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        for one in self.idle.values():
            one.mark = mark_of(one.sample)

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        for one in self.idle.values():
            if one.mark is not None and not one.mark.is_still(one.sample):
                one.fed += 1
                one.waiting = True

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        key = id(optimizer)
        if key not in self.settled:
            self._look_whether_it_remains(key, optimizer)
        if self.idle:
            self.idle.pop(key, None)
            self._look_for_second_step(optimizer)
        count = self.frozen.get(key, 0)
        if count < 0:
            return
        held = [p for g in optimizer.param_groups for p in g["params"]]
        learns = not held or any(p.requires_grad or p.grad is not None for p in held)
        self.frozen[key] = -1 if learns else count + 1

    def _look_whether_it_remains(self, key: int, optimizer: torch.optim.Optimizer) -> None:
        """Whether a weight is again what it was before the last step."""
        one = self.undone.get(key)
        if one is None:
            held = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
            if held:
                self.undone[key] = Undone(held[-1], some_of(held[-1]))
            return
        now = some_of(one.sample)
        if torch.equal(one.values, now):
            return
        one.values, one.times, one.changes = now, 0, one.changes + 1
        if one.changes > CHANGES:
            del self.undone[key]
            self.settled.add(key)

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        one = self.undone.get(id(optimizer)) if self.undone else None
        if one is not None:
            one.times += not torch.equal(one.values, some_of(one.sample))

    def state_loaded(self, module: torch.nn.Module, state: dict[str, Any]) -> None:
        for one in self.undone.values():
            if one.place is None and one.times:
                mine = any(p is one.sample for p in module.parameters())
                one.place = here() if mine else None

    def _look_for_second_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Steps again on the gradients that it has used, while another one's are waiting."""
        if not self.idle:
            return
        held = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        before = self.marks.pop(id(optimizer), None)
        again = before is not None and bool(held) and before.is_still(held[-1])
        if held:
            self.marks[id(optimizer)] = mark_of(held[-1])
        for one in self.idle.values():
            if one.waiting and again:
                one.place = one.place or here()
            one.waiting = one.waiting and not again

    def ended(self) -> None:
        if not self.world.whole:
            return
        for key, one in self.idle.items():
            record = self.world.optimizers.get(key)
            if record is None or record.steps:
                continue
            if not self.world.steps:
                self._nothing_steps(record, one)
            elif one.fed >= FED:
                self._never_steps(record, one)
        for key, count in self.frozen.items():
            record = self.world.optimizers.get(key)
            if record is not None and count >= FROZEN:
                self._all_frozen(record)
        for key, undone in self.undone.items():
            record = self.world.optimizers.get(key)
            if record is not None and undone.times >= UNDONE:
                self._put_back(record, undone)

    def _never_steps(self, record: SeenOptimizer, one: Idle) -> None:
        stepping = [r for r in self.world.optimizers.values() if r.steps]
        moved = {id(p) for r in stepping for p in r.parameters()}
        own = record.parameters()
        model = self._network_of(own)
        if not stepping or model is None or any(id(p) in moved for p in own):
            return
        waits = one.place is None and steps_somewhere(record.place)
        self.world.report(
            "O101",
            # a later phase of its own may lie beyond the batches that were walked
            "info" if waits else "warning" if self.cut and one.place is None else "error",
            f"`{model.name}`",
            f"its {record.name} was built and never steps, though gradients arrived for it "
            f"{one.fed} times: the network stays as it began",
            "call step() of this optimizer after the backward() of its loss",
            one.place or record.place,
        )

    def _nothing_steps(self, record: SeenOptimizer, one: Idle) -> None:
        """A loop that clears and fills gradients, and no weight of which ever moves."""
        model = self._network_of(record.parameters())
        still = torch.equal(one.values, some_of(one.sample))
        if model is None or not still or min(one.fed, one.cleared) < ALONE:
            return
        self.world.report(
            "O107",
            "error",
            f"`{model.name}`",
            f"gradients arrived {one.fed} times and were cleared {one.cleared} times, and step() "
            f"of its {record.name} never ran: no weight has moved",
            "call optimizer.step() after backward(), with its parentheses",
            line_that_names(record.place, "step") or record.place,
        )

    def _put_back(self, record: SeenOptimizer, one: Undone) -> None:
        model = self._network_of(record.parameters())
        if model is None or self.world.found("O107"):
            return
        self.world.report(
            "O107",
            "warning",
            f"`{model.name}`",
            f"each of the last {one.times} steps of its {record.name} moved the weights, and before "
            "the next one they were again what they had been before: nothing remains of any of them",
            "look what writes into the weights after a step: load_state_dict() or copy_() of a state "
            "that never gets anything new",
            one.place or record.place,
        )

    def _all_frozen(self, record: SeenOptimizer) -> None:
        model = self._network_of(record.parameters())
        if model is None or self.world.found("M110"):
            return
        count = len(record.parameters())
        self.world.report(
            "M110",
            "error",
            f"`{model.name}`",
            f"its optimizer steps, and all {count} tensors that it holds have "
            "requires_grad=False: nothing of them can learn",
            "set requires_grad=True where this optimizer is to learn, or leave it out",
            line_that_freezes([record.place, model.place]) or record.place,
        )

    def _network_of(self, held: list[torch.Tensor]) -> SeenModel | None:
        """The called network that holds some of these tensors."""
        networks = self.world.networks({id(p) for p in held})
        return next((model for model, _ in networks if model.calls), None)


def steps_somewhere(made: Place | None) -> bool:
    """Whether the source holds a call of `step` on what is built at a line, though it never ran."""
    statement = statement_at(made) if made is not None else None
    if made is None or not isinstance(statement, ast.Assign):
        return False
    owners, steps = {ast.unparse(target) for target in statement.targets}, False
    for node in statements(made.file):
        call = node.value if isinstance(node, ast.Expr) else None
        called = call.func if isinstance(call, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr == "step":
            steps = steps or ast.unparse(called.value) in owners
    return steps
