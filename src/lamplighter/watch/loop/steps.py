"""The order of zero_grad, backward, clipping and step: R101, R102, R106."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import address_of
from lamplighter.watch.loop.gradients import Marks
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.statements import line_that_names

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LIMITING = frozenset(("clamp", "clip", "clamp_min", "clamp_max"))
SHRINKING = LIMITING | {"mul", "div", "copy", "nan_to_num"}
TIMES = 3  # a slip seen once or twice may be wanted; an order that repeats is the program's


@dataclass(eq=False, slots=True)
class Ledger:
    """What happened to one optimizer's gradients.

    Args:
        sample: a few of its parameters; all gradients come and go together.
        used: parameter → (identity, version) of its gradient when the last step ended.
        mixed: the same after a backward that added to used gradients; empty if none did.
        clipped_again: whether they were clipped after a backward since the step.
        clip_place: where they were clipped though none were there.
        written: where the program itself wrote into them after the step that used them.
        written_late: how often they were cleared after that, so that nothing came of it.
        emptied: versions when `zero_grad` ended; None when gradients arrived since.
    """

    sample: list[torch.Tensor] = field(default_factory=list)
    used: Marks = field(default_factory=dict)
    mixed: Marks = field(default_factory=dict)
    emptied: Marks | None = None
    since_step: str = ""
    piled: int = 0
    hungry: int = 0
    clipped_late: int = 0
    clipped_early: int = 0
    clipped_again: bool = False
    clip_place: Place | None = None
    written: Place | None = None
    written_late: int = 0
    steps: int = 0
    backward_place: Place | None = None
    clear_place: Place | None = None

    def happened(self, letter: str) -> None:
        """Adds B (backward), Z (cleared) or x (a batch, a forward) to the story since the step."""
        if not self.since_step.endswith(letter):
            self.since_step += letter

    def marks(self) -> Marks:
        """Identity and version of each sampled gradient; written out, as each step asks several times."""
        return {
            id(p): (id(grad), grad._version) for p in self.sample if (grad := p.grad) is not None
        }


class StepOrder(Watcher):
    """Follows each optimizer through its cycle."""

    codes = ("R101", "R102", "R106")
    operations = SHRINKING

    def __init__(self, world: World) -> None:
        self.world = world
        self.ledgers: dict[int, Ledger] = {}

    def ledger(self, optimizer: torch.optim.Optimizer) -> Ledger:
        """The ledger of an optimizer, with a fresh sample when its gradients are new."""
        book = self.ledgers.setdefault(id(optimizer), Ledger())
        if not book.sample or all(p.grad is None for p in book.sample):
            wanted = [p for p in self.world.owner_record(optimizer).parameters() if p.requires_grad]
            having = [p for p in wanted if p.grad is not None]
            book.sample = _spread(having or wanted)
        return book

    def woken(self) -> None:
        for book in self.ledgers.values():
            book.used, book.mixed, book.emptied = {}, {}, None
            book.since_step, book.hungry, book.clipped_late = "", 0, 0
            book.written, book.written_late = None, 0

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        for book in self.ledgers.values():
            now = book.marks()
            if book.mixed and now != book.mixed:
                book.mixed = {}  # cleared by hand since
            if not book.mixed and book.used:
                if any(book.used.get(key) == mark for key, mark in now.items()):
                    book.mixed = now
                else:
                    book.used = {}

    def backward_ended(self, roots: tuple[torch.Tensor, ...]) -> None:
        for book in self.ledgers.values():
            now = book.marks()
            if book.mixed and now != book.mixed:
                book.mixed, book.used = now, {}
                # the last one before the step: an earlier one may be another network's, which
                # leaves gradients here that are cleared in time
                book.backward_place = here()
            elif book.used:
                book.mixed = {}  # somebody else's backward
            book.happened("B")
            if book.emptied is not None and now != book.emptied:
                book.emptied = None

    def batch_given(self, current: Pass, batch: Any) -> None:
        for book in self.ledgers.values():
            book.happened("x")

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        for book in self.ledgers.values():
            book.happened("x")

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """`p.grad.mul_(…)`, `p.grad = p.grad.clamp(…)` and the like, by which some programs clip."""
        if not args or (result is not args[0] and name not in LIMITING):
            return
        for book in self.ledgers.values():
            unused = book.steps and "B" not in book.since_step and "Z" not in book.since_step
            if unused and any(_is_gradient(args[0], p) for p in book.sample):
                book.written = book.written or here()

    def cleared(self, owner: Any) -> None:
        books = self._books_of(owner)
        for book in self.ledgers.values():
            now = book.marks()
            if book.mixed and now != book.mixed:
                book.mixed = {}
            if book in books:
                self._look_for_late_writing(book)
                book.emptied = now
                book.happened("Z")
                book.clear_place = book.clear_place or here()

    def _look_for_late_writing(self, book: Ledger) -> None:
        if book.written is None:
            return
        book.written_late += "B" not in book.since_step
        if book.written_late == TIMES:
            self.world.report(
                "R106",
                "error",
                "gradients",
                "the gradients are made smaller after step() has used them, and then cleared, so "
                "that this has no effect",
                "clip between backward() and step()",
                book.written,
            )

    def _books_of(self, owner: Any) -> list[Ledger]:
        book = self.ledgers.get(id(owner))
        if book is not None:
            return [book]
        if not hasattr(owner, "parameters"):
            return []
        mine = {id(p) for p in owner.parameters()}
        return [b for b in self.ledgers.values() if any(id(p) in mine for p in b.sample)]

    def clipped(self, parameters: list[torch.Tensor]) -> None:
        mine = {id(p) for p in parameters}
        books = [b for b in self.ledgers.values() if any(id(p) in mine for p in b.sample)]
        # another network's loss has been sent back since, and what it left here is as it was
        stale = bool(books) and all(b.used and b.marks() == _written_once(b.used) for b in books)
        for book in books:
            now = book.marks()
            if book.steps and "B" not in book.since_step and (not now or now == book.emptied):
                book.clip_place = book.clip_place or here()  # judged once a backward has followed
            book.clipped_again |= "B" in book.since_step
            self._remark(book)
            unused = "B" not in book.since_step and "Z" not in book.since_step
            if book.steps and (unused or stale):
                book.clipped_late += 1
                if book.clipped_late == TIMES:
                    self._report_late_clip()

    def unscaled(self, optimizer: torch.optim.Optimizer) -> None:
        book = self.ledgers.get(id(optimizer))
        if book is not None:
            self._remark(book)

    def _remark(self, book: Ledger) -> None:
        # Clipping and unscaling write into gradients without clearing them.
        if book.mixed:
            book.mixed = book.marks()
        elif book.used:
            book.used = book.marks()

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        book = self.ledger(optimizer)
        if closure or not book.sample:
            return
        self._look_for_early_clip(book)
        if book.mixed and book.mixed == book.marks():
            book.piled += 1
            if book.piled == TIMES - 1:
                self._report_piled(book)
        self._look_for_food(book)

    def _look_for_early_clip(self, book: Ledger) -> None:
        early = book.clip_place is not None and "B" in book.since_step and not book.clipped_again
        book.clipped_early = book.clipped_early + 1 if early else 0
        if book.clipped_early == TIMES:
            self._report_early_clip(book.clip_place)
        book.clip_place, book.clipped_again = None, False

    def _look_for_food(self, book: Ledger) -> None:
        now = book.marks()
        hungry = not now or (book.emptied is not None and now == book.emptied)
        book.hungry = book.hungry + 1 if hungry else 0
        if book.hungry == TIMES:
            self._report_hungry(book)

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        book = self.ledger(optimizer)
        book.steps += 1
        book.used = book.marks()
        book.mixed = {}
        book.since_step, book.written = "", None

    def _report_piled(self, book: Ledger) -> None:
        self.world.report(
            "R101",
            "error",
            "gradients",
            "backward() adds to gradients that an earlier step has already used: "
            "they are never cleared, so every step follows the sum of all batches so far",
            "call optimizer.zero_grad() in the loop, before backward()",
            line_that_names(book.backward_place, "zero_grad") or book.backward_place,
        )

    def _report_hungry(self, book: Ledger) -> None:
        order = book.since_step
        if "B" not in order:
            if self.world.backwards:
                return self._report_no_backward("step() runs, but no backward() came before it")
            return self._report_no_backward("step() runs, but backward() is never called")
        after_backward = order[order.rindex("B") :]
        if "Z" not in after_backward:
            # The graph of the loss is told by its own check.
            return None
        if "x" in after_backward.split("Z")[0]:
            return self._report_no_backward(
                "step() comes before backward(): it sees only cleared gradients"
            )
        self.world.report(
            "R102",
            "error",
            "gradients",
            "zero_grad() runs between backward() and step(), so every step sees no gradient "
            "and the weights never move",
            "move zero_grad() before backward()",
            book.clear_place,
        )
        return None

    def _report_no_backward(self, message: str) -> None:
        self.world.report(
            "R102",
            "error",
            "gradients",
            message,
            "the order is: zero_grad(), forward, loss, backward(), step()",
            line_that_names(here(), "backward") or here(),
        )

    def _report_late_clip(self) -> None:
        self.world.report(
            "R106",
            "error",
            "gradients",
            "the gradients are clipped after step() has used them, so clipping has no effect",
            "move the clipping between backward() and step()",
            here(),
        )

    def _report_early_clip(self, place: Place | None) -> None:
        self.world.report(
            "R106",
            "error",
            "gradients",
            "the gradients are clipped before backward() has made them, so clipping has no effect",
            "move the clipping between backward() and step()",
            place,
        )


def _is_gradient(thing: Any, parameter: torch.Tensor) -> bool:
    """Whether a tensor is the gradient of a parameter, or a view of all of it such as `.data`."""
    grad = parameter.grad
    if grad is None or thing is grad or grad.is_sparse:
        return grad is not None and thing is grad
    if not isinstance(thing, torch.Tensor) or thing.shape != grad.shape:
        return False
    return address_of(thing) == address_of(grad) != 0


def _written_once(marks: Marks) -> Marks:
    """The same gradients after clipping has written into each of them."""
    return {key: (number, version + 1) for key, (number, version) in marks.items()}


def _spread(parameters: list[torch.Tensor]) -> list[torch.Tensor]:
    """First, middle and last: enough to notice that gradients came or went."""
    if len(parameters) <= 3:
        return list(parameters)
    return [parameters[0], parameters[len(parameters) // 2], parameters[-1]]
