"""Scores that are sent back as they are, so that training makes them small: L118."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.own_forms import is_zero_or_one
from lamplighter.checks.turned import are_logarithms, score_is_minimised
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, here
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
CARRYING = KEEPING | RESHAPING
LINEAR = RESHAPING | {"add", "sub", "rsub", "mul", "clamp", "clamp_min"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a score, on its way.

    Args:
        kind: "product" of an answer and a mask, "overlap" of them, "mass" of the answer.
        answer: the tensor with the graph, weak.
        certain: whether the mask is what the loader gave.
    """

    kind: str
    answer: weakref.ref[Tensor]
    certain: bool = False


@dataclass(eq=False, slots=True)
class Score:
    """A tensor that is larger the better the answer is."""

    kind: str
    tensor: Tensor
    certain: bool
    place: Place | None


class TurnedScores(Watcher):
    """Asks the graph of the loss whether it rises or falls with the scores within."""

    codes = ("L118",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts: ByIdentity[tuple[Part, ...]] = ByIdentity()
        self.turned: ByIdentity[bool] = ByIdentity()
        self.scores: list[Score] = []
        self.batch: list[Tensor] = []
        self.looks = self.hits = 0
        self.waiting: Score | None = None
        self.over = False

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.batch = list(tensors_in(batch))[1:]

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.over or not isinstance(result, Tensor):
            return
        given = list(shallow((*args, *kwargs.values())))
        if not result.requires_grad:
            if name in TURNING or (name in CARRYING and given and self.turned.get(given[0])):
                self.turned[result] = True
        elif name in ("mul", "bitwise_and") and len(given) == 2:
            self._look_at_product(given, result)
        elif name in ("sum", "mean") and given[0].dim():
            self._look_at_sum(given[0], result)
        elif name == "div" and len(given) == 2:
            self._look_at_quotient(given, result)
        elif name == "cosine_similarity" and len(given) == 2:
            target = given[1] if given[0].requires_grad else given[0]
            if not target.requires_grad and self._is_label(target):
                self._keep("similarity", result, certain=True)
        elif name in ("gather", "take_along_dim", "__getitem__"):
            self._look_at_picking(name, args, kwargs, result)
        if name in LINEAR and self.parts.get(result) is None:
            known = tuple(p for t in given for p in self.parts.get(t) or ())
            kept = tuple(p for p in known if p.kind != "product")
            if kept:
                self.parts[result] = kept[:MOST]

    def _is_label(self, target: Tensor) -> bool:
        """Whether the loader gave this tensor beside the inputs, perhaps in another shape."""
        flat = target.detach().flatten()
        fitting = [t.detach().flatten() for t in self.batch if t.numel() == flat.numel()]
        return any(torch.equal(t.to(flat.device, flat.dtype), flat) for t in fitting)

    def _look_at_product(self, given: list[Tensor], result: Tensor) -> None:
        answer, target = sorted(given, key=lambda t: not t.requires_grad)
        if target.requires_grad or answer.shape != target.shape or is_weight(answer):
            return
        if not answer.dim() or self.turned.get(target) or not is_zero_or_one(target):
            return
        part = Part("product", weakref.ref(answer), certain=self._is_label(target))
        self.parts[result] = (part,)

    def _look_at_sum(self, whole: Tensor, result: Tensor) -> None:
        known = self.parts.get(whole) or ()
        if known and known[0].kind == "product":
            self.parts[result] = (replace(known[0], kind="overlap"),)
        elif not known and whole.numel() > 1:
            self.parts[result] = (Part("mass", weakref.ref(whole)),)

    def _look_at_quotient(self, given: list[Tensor], result: Tensor) -> None:
        above, below = (self.parts.get(t) or () for t in given)
        for part in above:
            answer = part.answer() if part.kind == "overlap" else None
            if answer is not None and any(_is_same(other.answer(), answer) for other in below):
                self._keep("overlap", result, certain=part.certain)
                return

    def _look_at_picking(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> None:
        scores = args[0]
        index: Any = kwargs.get("index", args[-1])
        if name == "__getitem__":
            several = isinstance(index, tuple) and len(index) == 2
            index = index[1] if several and isinstance(index[0], Tensor) else None
        if not isinstance(scores, Tensor) or not isinstance(index, Tensor):
            return
        rows = scores.dim() == 2 and len(scores) >= FEWEST and result.numel() == len(scores)
        if rows and self._is_label(index) and are_logarithms(scores):
            self._keep("likelihood", result, certain=True)

    def _keep(self, kind: str, result: Tensor, *, certain: bool) -> None:
        if len(self.scores) < MOST:
            self.scores.append(Score(kind, result, certain, here()))

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        scores, self.scores = self.scores, []
        root = roots[0]
        if self.over or not scores or root.numel() != 1 or not root.requires_grad:
            return
        self.looks += 1
        with torch.enable_grad():
            slopes = torch.autograd.grad(
                root, [s.tensor for s in scores], retain_graph=True, allow_unused=True
            )
        known = [(s, slope) for s, slope in zip(scores, slopes, strict=True) if slope is not None]
        rises = [bool((slope >= 0).all()) and bool(slope.any()) for _, slope in known]
        self.over |= self.looks >= LOOKS or not all(rises)
        # a network that has learned before may be meant to unlearn what it is shown now
        before = self.world.steps >= LONG and known and known[0][0].kind != "overlap"
        if known and all(rises) and not before:
            self.waiting = known[0][0]

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        score, self.waiting = self.waiting, None
        if score is None or any(g.get("maximize") for g in optimizer.param_groups):
            return
        mine = {id(p) for g in optimizer.param_groups for p in g["params"]}
        modules = [m.module for m in self.world.models.values()]
        held = (p for m in modules if m is not None for p in m.parameters())
        if not any(id(p) in mine for p in held):
            return  # a picture is altered, or something else than a network
        self.hits += 1
        if self.hits == SURE:
            self.over = True
            found = score_is_minimised(score.kind, SURE, certain=score.certain)
            self.world.adopt(found, score.place)


def _is_same(one: Tensor | None, other: Tensor) -> bool:
    """Whether two tensors are one, or views of all its values."""
    if one is None or one.numel() != other.numel():
        return False
    return one is other or (one.data_ptr() == other.data_ptr() and not one.is_sparse)
