"""Scores that are sent back as they are, so that training makes them small: L118."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.own_forms import is_of_rows, is_zero_or_one
from lamplighter.checks.turned import are_logarithms, score_is_minimised
from lamplighter.watch.data.samples import is_among, targets_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.factors import PICKING_ONE, Confirmed, Factor, HeldFactors, picked_from
from lamplighter.watch.loss.graphs import direction_of, is_loss
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.taps.names import KEEPING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 12  # backward passes with a score that are looked at
SURE = 3  # steps that must show it, and none the contrary
LONG = 8  # steps after which something else has been learned first
FEWEST = 4  # samples of a batch whose labels are told from chance
MOST = 8  # scores of one loss
# what turns a target into its opposite, or makes another one of it
TURNING = frozenset(
    ("rsub", "sub", "bitwise_not", "logical_not", "__invert__", "ne", "lt", "le", "gt", "ge")
)
SQUARING = frozenset(("pow", "square"))
LOGARITHMS = frozenset(("log", "log_softmax"))
OF_TWO = frozenset(("log", "logsigmoid", "log_sigmoid"))  # of one class against another
DIFFERENCES = frozenset(("sub", "rsub", "neg"))
LIKELIHOOD = Factor("likelihood")
CARRYING = KEEPING | RESHAPING
LINEAR = RESHAPING | {"add", "sub", "rsub", "mul", "clamp", "clamp_min"}
SCORING = frozenset(("mul", "sum", "mean", "div", "cosine_similarity", *PICKING_ONE))


class TurnedScores(Watcher):
    """Asks the graph of the loss whether it rises or falls with the scores within."""

    codes = ("L118",)
    operations = (
        TURNING | CARRYING | LINEAR | SQUARING | SCORING | LOGARITHMS | OF_TWO | DIFFERENCES
    )

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts: ByIdentity[tuple[Factor, ...]] = ByIdentity()
        self.turned: ByIdentity[bool] = ByIdentity()
        self.squares: ByIdentity[weakref.ref[Tensor]] = ByIdentity()
        self.logarithms: ByIdentity[Factor] = ByIdentity()
        self.sides: ByIdentity[bool] = ByIdentity()  # logarithms that are not those of a row
        self.sided: list[tuple[Tensor, Tensor]] = []  # a target, and such logarithms times it
        self.scores = HeldFactors(MOST)
        self.targets: list[Tensor] = []
        self.classified = False  # whether a loss of torch already asks for the right classes
        self.looks = 0
        self.shown = Confirmed(world, SURE)
        self.over = False

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.targets = targets_in(batch)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        self.classified |= name in ("cross_entropy", "nll_loss") and torch.is_grad_enabled()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.over or not isinstance(result, Tensor):
            return
        given = list(shallow((*args, *kwargs.values())))
        if not result.requires_grad:
            if name in TURNING or (name in CARRYING and given and self.turned.get(given[0])):
                self.turned[result] = True
        elif name in LOGARITHMS and result.dim() > 1 and are_logarithms(result):
            self.logarithms[result] = LIKELIHOOD
        elif name in OF_TWO and result.dim():
            self.sides[result] = True
        elif name in DIFFERENCES:
            self._turn(name, args, result)
        elif name == "mul" and len(given) == 2:
            self._look_at_product(given, result)
        elif name in SQUARING and len(given) == 1 and given[0].shape == result.shape:
            self.squares[result] = weakref.ref(given[0])
        elif name in ("sum", "mean") and given and given[0].dim():
            self._look_at_sum(given[0], result)
        elif name == "div" and len(given) == 2:
            self._look_at_quotient(given, result)
        elif name == "cosine_similarity" and len(given) == 2:
            target = given[1] if given[0].requires_grad else given[0]
            if not target.requires_grad and is_among(target, self.targets):
                self.scores.hold(Factor("similarity", certain=True), result)
        elif name in PICKING_ONE:
            self._look_at_picking(name, args, kwargs, result)
        if name in LINEAR and self.parts.get(result) is None:
            known = tuple(p for t in given for p in self.parts.get(t) or ())
            kept = tuple(p for p in known if p.kind != "product")
            if len(given) == 2:  # with the mask's own area, or what is missed of it
                kept = tuple(replace(p, kind="both") if p.kind == "mass" else p for p in kept)
            if kept:
                self.parts[result] = kept[:MOST]

    def _turn(self, name: str, args: tuple[Any, ...], result: Tensor) -> None:
        """Logarithms minus what has no graph, or that minus these, as a divergence has them."""
        if sum(isinstance(a, Tensor) and a.requires_grad for a in args) != 1:
            return
        for at, tensor in enumerate(args):
            if (factor := self.logarithms.get(tensor)) is not None:
                turned = name != "sub" or at == 1
                self.logarithms[result] = factor.times(-1.0) if turned else factor

    def _look_at_product(self, given: list[Tensor], result: Tensor) -> None:
        answer, target = sorted(given, key=lambda t: not t.requires_grad)
        known = self.logarithms.get(answer)
        fits = not target.requires_grad and target.shape == answer.shape
        if known is not None and fits and is_of_rows(target):
            self.scores.hold(replace(known, certain=is_among(target, self.targets)), result)
            return
        if target.requires_grad or answer.shape != target.shape or is_weight(answer):
            return
        if self.sides.get(answer) and is_zero_or_one(target):
            self._look_at_side(target, result)
            return
        if not answer.dim() or self.turned.get(target) or not is_zero_or_one(target):
            return
        certain = is_among(target, self.targets)
        self.parts[result] = (Factor("product", answer=weakref.ref(answer), certain=certain),)

    def _look_at_side(self, target: Tensor, result: Tensor) -> None:
        """y log(p) and (1 − y) log(1 − p), in whatever order."""
        mixed = bool(target.any()) and not bool(target.all())
        for other, product in self.sided if mixed else ():
            if other.shape == target.shape and bool((other != target).all()):
                certain = any(is_among(t, self.targets) for t in (target, other))
                for tensor in (product, result):
                    self.scores.hold(Factor("likelihood", certain=certain), tensor)
        self.sided = [*self.sided[1 - MOST :], (target, result)]

    def _look_at_sum(self, whole: Tensor, result: Tensor) -> None:
        known = self.parts.get(whole) or ()
        if known and known[0].kind == "product":
            self.parts[result] = (replace(known[0], kind="overlap"),)
        elif not known and whole.numel() > 1:
            # the area may be that of the squares
            answer = self.squares.get(whole) or weakref.ref(whole)
            self.parts[result] = (Factor("mass", answer=answer),)

    def _look_at_quotient(self, given: list[Tensor], result: Tensor) -> None:
        above, below = (self.parts.get(t) or () for t in given)
        for part in above:
            # through the answer alone it is a share, and of what is not wanted it shall be small
            areas = [other for other in below if other.kind != "mass"]
            if part.kind == "overlap" and any(_of_one_answer(part, other) for other in areas):
                self.scores.hold(part, result)
                return

    def _look_at_picking(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> None:
        scores, index = picked_from(name, args, kwargs) or (None, None)
        if scores is None or index is None or len(scores) < FEWEST:
            return
        if result.numel() != len(scores) or not is_among(index, self.targets):
            return
        if are_logarithms(scores):
            self.scores.hold(Factor("likelihood", certain=True), result)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        classified, self.classified, self.sided = self.classified, False, []
        if not self.scores.held:
            return
        scores, self.scores = self.scores, HeldFactors(MOST)
        if self.over or not is_loss(roots[0]):
            return
        self.looks += 1
        alone = len(self.world.optimizers) < 2  # else one may play against another
        known = [
            (one, slope * one.factor.sign)
            for one, slope in scores.slopes(roots[0])
            if one.factor.kind == "overlap"
            or (alone and one.factor.kind == "similarity")
            or (alone and not classified and _is_even(slope))
        ]
        rises = [direction_of(slope) > 0 for _, slope in known]
        self.over |= self.looks >= LOOKS or not all(rises)
        # a network that has learned before may be meant to unlearn what it is shown now
        before = self.world.steps >= LONG and known and known[0][0].factor.kind != "overlap"
        if known and all(rises) and not before:
            self.shown.waiting = known[0][0]

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        score = self.shown.at_step(optimizer)
        if score is not None:
            self.over = True
            kind, certain = score.factor.kind, score.factor.certain
            self.world.adopt(score_is_minimised(kind, SURE, certain=certain), score.place)


def _is_even(slope: Tensor) -> bool:
    """Whether samples weigh alike, or by their classes: what is surely wrong is made unlikely by
    log(1 - p), which weighs each by its p."""
    return 2 * len(slope.unique()) <= slope.numel()


def _of_one_answer(part: Factor, other: Factor) -> bool:
    """Whether two were made from one tensor, or from views of all its values."""
    one, two = (factor.answer() if factor.answer else None for factor in (part, other))
    if one is None or two is None or one.numel() != two.numel():
        return False
    return one is two or (one.data_ptr() == two.data_ptr() and not one.is_sparse)
