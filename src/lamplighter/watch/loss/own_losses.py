"""Losses that the user wrote or replaced: L107, L112 of class numbers, R107."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.checks import loss as criteria
from lamplighter.checks.batches import tensors_in
from lamplighter.checks.losses_seen import AMOUNTS
from lamplighter.watch.data.samples import parts_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.graphs import differences, nodes_of
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_of_backward_value, overwritten_unread
from lamplighter.watch.taps.names import BENDING, CONVERTING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 6  # backward passes that are read closely
MOST = 8  # losses that wait for their backward
SURE = 3  # of them must show the same
AS_FLOAT = CONVERTING | {"type_as"}
SCORING = RESHAPING | AS_FLOAT | {"round", "eq"}


@dataclass(eq=False, slots=True)
class Waiting:
    """A loss that was computed and has not been sent back yet."""

    node: Any
    place: Place | None
    used: bool = False


class OwnLosses(Watcher):
    """Compares the graph that is sent back with the losses that were computed."""

    codes = ("L107", "L112", "R107")
    operations = SCORING | BENDING | {"sub", "rsub"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.broadcast, self.unused = Often(SURE), Often(SURE)
        self.shapes: set[torch.Size] = set()
        self.labels: torch.Tensor | None = None
        self.numbers: dict[Place | None, list[torch.Tensor]] = {}
        self.waiting: list[Waiting] = []
        self.whole: ByIdentity[bool] = ByIdentity()
        self.differences: ByIdentity[torch.Tensor] = ByIdentity()
        self.stepped = self.sent = self.evaluates = False
        # losses of amounts with whole targets, and whether rounded answers are held against such
        self.amounts: dict[Place | None, tuple[str, list[torch.Tensor]]] = {}
        self.rounded: ByIdentity[bool] = ByIdentity()
        self.scored = False

    def batch_given(self, current: Pass, batch: Any) -> None:
        self._judge()
        if self.looks < LOOKS:
            self.shapes = {t.shape for t in tensors_in(batch)}
        self.labels = parts_of(batch)[1]

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        if self.stepped:
            self._judge()
        self.evaluates = not module.training and self.world.seen(module).trained > 0

    def woken(self) -> None:
        self.waiting = []

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        is_one = isinstance(result, torch.Tensor) and result.numel() == 1
        if not is_one or result.grad_fn is None or self.looks >= 2 * LOOKS:
            return
        if len(self.waiting) >= MOST:
            self.waiting = []  # they hold graphs; nobody steps with so many at once
        if not self.evaluates:  # whoever evaluates with gradients on need not read the result
            self.waiting.append(Waiting(result.grad_fn, here()))
        if name in AMOUNTS and isinstance(given.get("target"), torch.Tensor):
            self._look_for_class_numbers(name, given["target"])
            if given["target"].dim():
                self._note_amounts(name, given["target"])

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Whole numbers that become amounts, where no loader shows the labels; squares of one's own."""
        if name in ("sub", "rsub") or name in BENDING:
            self._look_for_own_squares(name, args, result)
            return
        if self.amounts and name in SCORING and not self.scored:
            self._look_for_rounding(name, args, result)
        if name not in AS_FLOAT or not isinstance(result, torch.Tensor) or result.dim() != 1:
            return
        given = args[0] if args else None
        counted = isinstance(given, torch.Tensor) and given.dtype in (torch.int64, torch.int32)
        if counted and result.is_floating_point():
            self.whole[result] = True

    def _look_for_rounding(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        """Answers that are rounded and then right or wrong: the numbers are no amounts."""
        if name == "eq":
            given = [a for a in args if isinstance(a, torch.Tensor)]
            self.scored = len(given) == 2 and any(self.rounded.get(t) for t in given)
        elif isinstance(result, torch.Tensor) and (
            name == "round" or (args and self.rounded.get(args[0]))
        ):
            self.rounded[result] = True

    def _note_amounts(self, name: str, target: torch.Tensor) -> None:
        """A target of whole numbers that lie in a column or a row of decimal numbers."""
        place = here()
        _, known = self.amounts.setdefault(place, (name, []))
        if target.numel() == target.shape[0] and len(known) < LOOKS:
            whole = target.detach().flatten().cpu()
            if bool((whole == whole.round()).all()):
                known.append(whole)
            else:
                known.extend([whole] * LOOKS)

    def ended(self) -> None:
        """L112 where rounded answers are held against the numbers of classes."""
        for place, (name, several) in self.amounts.items() if self.scored else ():
            labels = torch.cat(several) if several else torch.zeros(0)
            if bool((labels == labels.round()).all()):
                found = criteria.amounts_of_class_numbers(labels, where=name)
                self.world.adopt_new(found, place)

    def _look_for_own_squares(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        """Answers minus targets, and the square or the amount of that."""
        if self.looks >= 2 * LOOKS or not isinstance(result, torch.Tensor):
            return
        if not result.requires_grad or not result.dim():
            return
        if name in BENDING:
            target = self.differences.get(args[0]) if args else None
            if target is not None:
                self._look_for_class_numbers("an own difference", target)
            return
        targets = [a for a in args if isinstance(a, torch.Tensor) and not a.requires_grad]
        if len(targets) == 1 and len(args) == 2 and targets[0].shape == result.shape:
            self.differences[result] = targets[0]

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.looks += 1
        self.sent = True
        if self.looks <= LOOKS:
            self._look_for_broadcast(roots[0])
        open_ = {one.node: one for one in self.waiting if not one.used}
        if open_:
            for node in nodes_of(roots[0]):
                if node in open_:
                    open_.pop(node).used = True
                    if not open_:
                        break

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.stepped = True

    def _judge(self) -> None:
        """A new batch begins: what was not sent back by now never will be."""
        waiting, self.waiting = self.waiting, []
        both, self.stepped, self.sent = self.stepped and self.sent, False, False
        if not both:
            return
        used = {one.place for one in waiting if one.used}
        for one in waiting:
            if one.used or one.place in used:
                self.unused.spoil(one.place)
            elif self.unused.again(one.place):
                self._report_replaced(one.place)

    def _report_replaced(self, place: Place | None) -> None:
        replaced = overwritten_unread(place)
        if place is None or replaced is None:
            return
        how = "replaced in" if replaced != place else "computed and never read in"
        self.world.report(
            "R107",
            "error",
            "loss",
            f"the loss computed in line {place.line} is {how} line {replaced.line} before "
            "backward(): nothing of it reaches the weights",
            "add the losses, loss = loss + other, and call backward() on the sum",
            replaced,
        )

    def _look_for_broadcast(self, root: torch.Tensor) -> None:
        for answer, made in differences(root):
            for shape in self.shapes:
                if not shape or made.numel() <= max(answer.numel(), shape.numel()):
                    continue
                one, other = (torch.empty(s, device="meta") for s in (answer, shape))
                found = list(criteria.shapes_broadcast(one, other, where="a difference"))
                if found and torch.broadcast_shapes(answer, shape) == made:
                    if self.broadcast.again():
                        self.world.adopt_new(found, line_of_backward_value(here()))
                    return

    def _look_for_class_numbers(self, name: str, target: torch.Tensor) -> None:
        labels, place = self.labels, here()
        if labels is None and (self.whole.get(target) or _are_whole(target)):
            labels = target.detach().long()
        fits = target.is_floating_point() or _are_whole(target)
        if labels is None or not fits or labels.numel() != target.numel():
            return
        known = self.numbers.setdefault(place, [])
        if len(known) >= LOOKS:
            return
        known.append(labels.detach().cpu())
        same = torch.equal(target.detach().flatten().cpu(), known[-1].to(target.dtype))
        if not same:
            known.extend([known[-1]] * LOOKS)  # something else is meant: not looked at again
        elif len(known) == LOOKS:
            found = criteria.amounts_of_class_numbers(torch.cat(known), where=name)
            self.world.adopt(found, place)


def _are_whole(target: torch.Tensor) -> bool:
    """Whether a target is a row of whole numbers by its kind, and does not count from place to place."""
    if target.dtype not in (torch.int64, torch.int32) or target.dim() != 1:
        return False
    return not bool((target.diff() == 1).all())  # the numbers of places are amounts
