"""The arithmetic of the program's own losses: L107, L108, L109, L114 and L120."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from lamplighter.checks import own_arithmetic as criteria
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loop.gradients import Marks, marks_of
from lamplighter.watch.loss.graphs import is_loss_of_each, leaves_of
from lamplighter.watch.loss.taken import TAKING, Taken, TakenNumbers
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import Descent, Mark, Sighting, is_weight, shallow
from lamplighter.watch.source.place import Place, here, way_here
from lamplighter.watch.taps.data import LOSSES
from lamplighter.watch.taps.names import KEEPING
from lamplighter.watch.world import SeenOptimizer, World

SURE = 3  # backward passes that must show a constant term
BESIDE = 8  # losses with a graph that are kept of one backward()
SUMS = ("add", "sub", "rsub")
FIGURES = ("mean", "sum", "norm", "linalg_norm", "vector_norm", "linalg_vector_norm")
MAKING = ("tensor", "as_tensor", "scalar_tensor", "full")
PRODUCTS = ("mul", "div", "rdiv")
MEETING = (*SUMS, *PRODUCTS, "pow", "maximum", "minimum", "where")
OWN = (*LOSSES, "cosine_embedding_loss", "triplet_margin_loss", "margin_ranking_loss", "ctc_loss")
# what leaves "one number for the batch" what it is, with numbers beside it
LINEAR = KEEPING | {"neg", "mul", "div", "add", "sub", "squeeze"}
BENT = LINEAR | {"rsub", "pow", "clamp", "clamp_min", "clamp_max", "relu"}
# the operations that each look is about
TOTALLING = frozenset((*SUMS, *PRODUCTS, "neg", "sum"))
REDUCING = LINEAR | {*OWN, "mean", "sum"}
CUTTING = frozenset((*OWN, *SUMS, "mul", "div", "neg", "mean", "sum", "stack", "cat", "detach"))
COUNTING = frozenset((*SUMS, *MAKING, "mul", "div", "neg", "mean", "sum", "stack", "detach"))


@dataclass(frozen=True, slots=True)
class Constant:
    """A number of the loss that no weight has a part in.

    Args:
        place: where it was computed.
        name: by which function, or how it lost its graph.
        way: the calls that led there: a helper that many losses share, or a line that holds several,
            is as many of them.
        value: of a loss function.
    """

    place: Place | None
    name: str
    way: tuple[Any, ...] = ()
    value: Tensor | None = field(default=None, compare=False)


class Arithmetic(Watcher):
    """Follows what goes into `backward()` through the program's own lines."""

    codes = ("L107", "L108", "L109", "L114", "L120")

    def __init__(self, world: World) -> None:
        self.world = world
        self.descent = Descent()
        self.rows = 0
        self.first: Tensor | None = None  # what was given to a network last
        self.batches: set[tuple[float, ...]] = set()  # the first numbers of those that were summed
        self.seen: ByIdentity[tuple[Sighting, ...]] = ByIdentity()
        self.means: ByIdentity[tuple[int, bool]] = ByIdentity()
        self.totals: ByIdentity[Sighting] = ByIdentity()
        self.reduced: ByIdentity[int] = ByIdentity()
        self.late: ByIdentity[Sighting] = ByIdentity()
        self.constant: ByIdentity[frozenset[Constant]] = ByIdentity()
        self.loose: ByIdentity[bool] = ByIdentity()
        self.sloped: ByIdentity[tuple[Place | None]] = ByIdentity()
        self.slope_inputs: list[Tensor] = []
        self.taken = TakenNumbers()
        self.numbers: ByIdentity[frozenset[Taken]] = ByIdentity()
        self.hits = Often(SURE)
        self.moving: set[tuple[Any, ...]] = set()
        self.moved: list[Tensor] = []  # losses with a graph since the last backward()
        self.figures: dict[Place | None, list[Any]] = {}
        self.count = 0
        self.sums: ByIdentity[tuple[str, Place | None]] = ByIdentity()
        self.summed = Often(SURE)
        self.whole_sum: tuple[str, Place | None] | None = None
        self.sent_back: dict[int, Marks] = {}

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        first = next(shallow((*args, *kwargs.values())), None)
        if first is not None and first.dim():
            self.rows, self.first = first.shape[0], first

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        still = not torch.is_grad_enabled() and self._is_still(module)
        self.descent.answered(output, shallow((args,)), still=still)

    def _is_still(self, module: torch.nn.Module) -> bool:
        """Whether no optimizer has any weight of a network."""
        held = self.world.held()
        return not any(id(p) in held for p in module.parameters())

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        target = given.get("target")
        if given.get("reduction") != "sum" or not isinstance(target, Tensor) or not target.dim():
            return
        if target.shape[0] > 1 and isinstance(result, Tensor) and result.requires_grad:
            self._note_sum(name, result)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor):
            if name in TAKING and args:
                self.taken.note(args[0], result, here())
            elif name == "grad" and torch.is_grad_enabled():
                self._note_slopes(args, result)
            return
        given = list(shallow((*args, *kwargs.values())))
        # by their names first: most operations of a network are of no interest here
        if self.seen:
            self._carry(name, given, result)
        if len(given) == 2 and name in MEETING:
            self._look_at_shapes(name, given, result)
        if result.dim() == 0:
            self._look_at_number(name, given, result)
        if torch.is_grad_enabled():
            if name in TOTALLING:
                self._look_at_totals(name, args, kwargs, given, result)
            if name in REDUCING:
                self._look_at_late_weights(name, given, result)
            if name in CUTTING or self.loose or self.sloped:
                self._look_at_constants(name, given, result)
            if name in COUNTING:
                self._look_at_numbers(name, args, given, result)
        self.descent.follow(name, given, args, result)

    def _note_slopes(self, args: tuple[Any, ...], result: Any) -> None:
        """What `torch.autograd.grad` gave without `create_graph` has no path to any weight."""
        if any(self.descent.of(t).derived for t in shallow(args)):
            for slope in shallow((result,)):
                if not slope.requires_grad:
                    self.sloped[slope] = (here(),)
                    self.slope_inputs = list(shallow(args[1:2]))[:8]
                    self.descent.marks[slope] = Mark(derived=True)

    def _note_sum(self, name: str, result: Tensor) -> None:
        """A sum over samples, where the samples change from step to step: all data at once is no batch."""
        if self.first is None or self.summed.is_settled():
            return
        if len(self.batches) < 2:
            self.batches.add(tuple(self.first.detach().flatten()[:4].tolist()))
        if len(self.batches) > 1:
            self.sums[result] = (name, here())

    def _carry(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """What was seen on the way goes with everything that is made from it."""
        known = [s for t in given for s in self.seen.get(t) or ()]
        if known and name not in ("argmax", "eq"):
            self.seen[result] = tuple(dict.fromkeys(known))[:4]

    def _add(self, result: Tensor, sighting: Sighting) -> None:
        self.seen[result] = (*(self.seen.get(result) or ()), sighting)[:4]

    def _look_at_shapes(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """(n, 1) against (n) or (1, n): nobody asked for the square that comes out."""
        if len(given) != 2 or name not in MEETING or result.dim() < 2:
            return
        large, small = sorted(given, key=lambda t: (-t.dim(), -t.shape[0] if t.dim() else 0))
        one, other = self.descent.of(large), self.descent.of(small)
        if one.by_hand or not criteria.makes_a_square(large.shape, small.shape):
            return
        answers = bool(one.answer or other.answer) and one.answer != other.answer
        if not answers or large.dim() == small.dim():
            # a loss of each sample against its weight, or an answer against a row of targets
            figure, known = (large, other) if other.derived else (small, one)
            new = not figure.requires_grad and not other.by_hand and self._has_changed(figure)
            answers = new and known.derived and not self.descent.of(figure).derived
            answers &= large.shape[0] == self.rows and (known.answer > 0 or name in PRODUCTS)
        if answers:
            shapes = (tuple(given[0].shape), tuple(given[1].shape), tuple(result.shape))
            self._add(result, Sighting("L107", here(), shapes))

    def _has_changed(self, figure: Tensor) -> bool:
        """Whether a tensor is another one than the last at this line: no table of a network's."""
        place, some = here(), figure.detach().flatten()[:4].tolist()
        before, self.figures[place] = self.figures.get(place, some), some
        return before != some

    def _look_at_number(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """A weight that is computed from the mean over the batch, and multiplied with it."""
        if name in OWN or (name == "mean" and given and self.descent.of(given[0]).derived):
            if given and given[0].dim() and given[0].shape[0] > 1 and result.requires_grad:
                self.count += 1
                self.means[result] = (self.count, False)
            return
        known = [self.means.get(t) for t in given]
        marks = [m for m in known if m is not None]
        if name == "mul" and len(marks) == 2 and marks[0][0] == marks[1][0]:
            if marks[0][1] != marks[1][1]:
                self._add(result, Sighting("L114", here(), (self.rows,)))
            return
        if len(marks) == 1 and len(given) == 1:
            origin, bent = marks[0]
            if name == "exp" and not bent:
                self.means[result] = (origin, True)
            elif name in (BENT if bent else LINEAR):
                self.means[result] = (origin, bent)

    def _look_at_late_weights(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """One number for the batch that meets a weight for each sample, and is summed again."""
        if not result.requires_grad or not given:
            return
        if name in OWN or name in ("mean", "sum"):
            first = given[0]
            if (late := self.late.get(first)) is not None and result.dim() == 0:
                self._add(result, late)
            elif result.dim() == 0 < first.dim() and self.descent.of(first).derived:
                self.reduced[result] = first.shape[0]
            return
        number = next((n for t in given if (n := self.reduced.get(t)) is not None), None)
        if number is not None and len(given) == 1 and name in LINEAR:
            self.reduced[result] = number
        elif number is not None and name in ("mul", "div") and len(given) == 2:
            weight = given[0] if given[0].dim() else given[1]
            if criteria.is_weight_per_sample(weight, number):
                self.late[result] = Sighting("L120", here(), (number,))
        elif len(given) == 1 and name in LINEAR and (late := self.late.get(given[0])) is not None:
            self.late[result] = late

    def _look_at_totals(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: list[Tensor],
        result: Tensor,
    ) -> None:
        """A sum over the whole batch that meets one number for each sample."""
        alone = len(args) == len(given) == 1
        if name == "sum" and alone and not kwargs.get("dim") and result.requires_grad:
            whole = given[0]
            batch = whole.dim() > 1 and whole.shape[0] == self.rows > 1
            if batch and self.descent.of(whole).derived:
                self.totals[result] = Sighting("L109", here(), (tuple(whole.shape),))
            if whole.dim() and whole.shape[0] == self.rows > 1 and is_loss_of_each(whole):
                self._note_sum(name, result)
            return
        if name == "neg" and (known := self.sums.get(given[0])) is not None:
            self.sums[result] = known
        if name not in (*SUMS, *PRODUCTS, "neg"):
            return
        total = next((s for t in given if (s := self.totals.get(t)) is not None), None)
        if total is None:
            return
        others = [t for t in given if self.totals.get(t) is None]
        if not others and result.dim() == 0:
            number = next((a for a in args if isinstance(a, int | float)), 1)
            if not criteria.is_share(number, self.rows, divides=name == "div"):
                self.totals[result] = total
        elif others and name not in ("div", "rdiv") and result.shape[:1] == (self.rows,) != (1,):
            self._add(result, total)

    def _look_at_constants(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """A term that no weight has a part in, and that is added to the others all the same."""
        if name in OWN and len(given) > 1:
            one, other = self.descent.of(given[0]), self.descent.of(given[1])
            if result.requires_grad:
                self.moving.add(way_here())
                self.moved = [*self.moved[1 - BESIDE :], result.detach()]
            elif one.derived and (other.derived or not one.frozen):
                term = Constant(here(), name, way_here(), result)
                self.constant[result] = frozenset({term})
            return
        self._look_at_loose_weights(name, given, result)
        known = [p for t in given if (p := self.sloped.get(t)) is not None] if self.sloped else []
        sloped = known[0] if known and self._moves_no_weight(result) else None
        whole = name in ("mean", "sum") and result.dim() == 0 and bool(given)
        if whole and (sloped or not result.requires_grad):
            of = self.descent.of(given[0])
            if of.derived and not of.frozen and given[0].is_floating_point():
                cut = Constant(sloped[0], "create_graph") if sloped else Constant(here(), name)
                self.constant[result] = frozenset({cut})
        elif sloped:
            self.sloped[result] = sloped
        terms = [c for t in given if (c := self.constant.get(t)) is not None]
        plain = len(given) == 1 or all(t.dim() == 0 for t in given)
        if not terms:
            return
        scaled = (
            name in ("mul", "div") and len([t for t in given if self.descent.of(t).derived]) < 2
        )
        if name in (*SUMS, "stack", "cat", "neg", "mean", "sum") or (scaled and plain):
            self.constant[result] = frozenset().union(*terms)

    def _moves_no_weight(self, result: Tensor) -> bool:
        """Whether there is no graph, or one to the inputs alone at which slopes were taken."""
        if not result.requires_grad:
            return True
        known = list(leaves_of(result, 64))
        return bool(known) and all(any(t is i for i in self.slope_inputs) for t in known)

    def _look_at_loose_weights(self, name: str, given: list[Tensor], result: Tensor) -> None:
        """A figure of weights that were detached before, as `p.data.norm()`."""
        if result.requires_grad or not given:
            return
        if name == "detach" and is_weight(given[0]):
            self.loose[result] = True
        elif self.loose.get(given[0]):
            if name in FIGURES and result.dim() == 0:
                self.constant[result] = frozenset({Constant(here(), name)})
            elif result.shape == given[0].shape:
                self.loose[result] = True

    def _look_at_numbers(
        self, name: str, args: tuple[Any, ...], given: list[Tensor], result: Tensor
    ) -> None:
        """A term that was a tensor with a graph, and is added as a number of Python's."""
        if name == "detach" and result.dim() == 0:
            self.taken.detach(given[0], result, here())
        known = [self._number_in(t, name, result) for t in given]
        number = next((a for a in args if isinstance(a, float)), None)
        adds = name in SUMS and result.dim() == 0
        if number is not None and (adds or (name in MAKING and result.numel() == 1)):
            source = self.taken.source_of(number)
            known += [frozenset([source])] if source is not None else []
        if any(known) and name in (*SUMS, *MAKING, "mul", "div", "neg", "stack", "mean", "sum"):
            self.numbers[result] = frozenset().union(*known)

    def _number_in(self, tensor: Tensor, name: str, result: Tensor) -> frozenset[Taken]:
        """What of a tensor has been a number, and goes on into a result as a term."""
        known = self.numbers.get(tensor) or frozenset()
        detached = self.taken.detached.get(tensor)
        if detached is not None:
            known |= {detached}
        weighs = name in ("mul", "div") and result.requires_grad and not tensor.requires_grad
        return frozenset() if weighs else known

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.taken.clear()
        self.slope_inputs = []
        self.first = None

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        for root in roots:
            for one in self.numbers.get(root) or ():
                if root.grad_fn is not None and self.taken.outside(one, root):
                    self._count_constant(Constant(one.place, "item()"))
            self._count_sum(self.sums.get(root))
            for sighting in self.seen.get(root) or ():
                found = criteria.told(sighting.code, sighting.shapes)
                if not self.world.found(sighting.code):
                    self.world.adopt(found, sighting.place)
            if root.requires_grad:
                for term in self.constant.get(root) or ():
                    self._count_constant(term)
            self.taken.sent[root] = True
        self.taken.clear()
        self.moved = []

    def _count_sum(self, known: tuple[str, Place | None] | None) -> None:
        if known is not None and self.summed.again() and not self.world.found("L109"):
            self.whole_sum = known

    def backward_ended(self, roots: tuple[Tensor, ...]) -> None:
        if self.whole_sum is not None:
            self.sent_back = {k: _gradients(o) for k, o in self.world.optimizers.items()}

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.whole_sum is None:
            return
        name, place = self.whole_sum
        self.whole_sum, self.summed = None, Often(SURE)
        # a program that divides the gradients by hand has divided the sum
        mine = self.world.owner_record(optimizer)
        if closure or self.sent_back.get(id(optimizer)) == _gradients(mine):
            self.world.adopt(criteria.sum_is_the_loss(name), place)

    def _count_constant(self, term: Constant) -> None:
        if term.value is not None and any(_are_equal(term.value, m) for m in self.moved):
            return  # the same distance with its graph is in the loss too, as of a quantised code
        sure = self.hits.again((term.place, term.name, term.way))  # its value is not kept for that
        if sure and (not term.way or term.way not in self.moving):
            self.world.adopt(criteria.constant_term(term.name), term.place)


def _are_equal(one: Tensor, other: Tensor) -> bool:
    kinds = [(t.dtype, t.device, t.shape) for t in (one, other)]
    return kinds[0] == kinds[1] and torch.equal(one, other)


def _gradients(record: SeenOptimizer) -> Marks:
    """Which gradients the first parameters have, and how often they were altered."""
    return marks_of(record.parameters()[:8])
