"""Well-known losses that the program writes itself, followed as they are computed: L104, L105, L112, L116."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks import own_forms as criteria
from lamplighter.checks.finding import Finding
from lamplighter.watch.data.samples import is_among, targets_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.factors import PICKING_ONE
from lamplighter.watch.loss.graphs import asks_for_inputs
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import is_weight, shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

SURE = 3  # backward passes that must show it
LOOKS = 24  # products and sums of one line that are looked at
SIGNED = (
    "soft_margin_loss",
    "hinge_embedding_loss",
    "cosine_embedding_loss",
    "margin_ranking_loss",
)
CONTRACTIONS = ("einsum", "dot", "inner", "vdot")
# what leaves a term of a loss one, with numbers beside it
LINEAR = RESHAPING | {"neg", "mul", "div", "mean", "sum"}
SUMS = frozenset(("add", "sub", "rsub"))
RECTIFIED = frozenset(("clamp", "clamp_min", "relu", "max", "maximum", "where"))
LOGISTIC = frozenset(("softplus", "exp"))
SQUARING = ("pow", "square")
CURVED = frozenset((*SQUARING, "log", "log1p", "stack"))
# where a form begins
STARTING = frozenset((*SIGNED, *CONTRACTIONS, *PICKING_ONE, "broadcast_tensors", "mul", "sum"))
STARTING |= {"softmax", "log_softmax"}


@dataclass(frozen=True, slots=True)
class Form:
    """What a tensor is in a loss of one of the known forms.

    Args:
        kind: "product" of an answer and 0/1, "margin" or "negated" of it, "hinge"; "overlap" or
            "mass" summed; "quotient"; "picked" score; a softmax "across" samples, "crossed" with
            targets.
        place: the line that it counts for.
        answer: the tensor with the graph, weak.
        low, high: of its values, for the message.
        squared: whether the area is that of the squares.
        count: targets seen; of "across", the dimension of the softmax.
        label: whether the 0/1 are the labels of the batch.
    """

    kind: str
    place: Place | None
    answer: weakref.ref[Tensor] | None = field(default=None, compare=False)
    low: float = 0.0
    high: float = 0.0
    count: int = 0
    label: bool = False
    squared: bool = False


class OwnForms(Watcher):
    """Follows products with 0/1, sums and picked scores to where `backward()` begins."""

    codes = ("L104", "L105", "L112", "L116")
    operations = STARTING | LINEAR | SUMS | RECTIFIED | LOGISTIC | CURVED | {"squeeze"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.forms: ByIdentity[tuple[Form, ...]] = ByIdentity()
        self.looks: Counter[tuple[str, Place | None]] = Counter()
        self.hits = Often(SURE)
        self.stepped: dict[tuple[str, Place | None], int] = {}  # steps when it was counted last
        self.targets: dict[tuple[str, Place | None], int] = {}
        self.given: list[Tensor] = []  # beside the inputs of the batch
        self.squares: ByIdentity[weakref.ref[Tensor]] = ByIdentity()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name == "broadcast_tensors":
            for one, made in zip(shallow(args), shallow((result,)), strict=False):
                if (forms := self.forms.get(one)) is not None:
                    self.forms[made] = forms
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        if name not in STARTING and name not in SQUARING and not self.forms:
            return
        given = list(shallow((*args, *kwargs.values())))
        if not given:
            return
        if name in SIGNED:
            self._look_at_signed(name, kwargs.get("target", given[-1]))
        elif name == "mul" or name in CONTRACTIONS:
            self._look_at_product(name, given, result)
        elif name in ("softmax", "log_softmax") and result.dim() > 1:
            self._look_at_softmax(args, kwargs, result)
        elif name in SQUARING and len(given) == 1 and given[0].shape == result.shape:
            self.squares[result] = weakref.ref(given[0])
        elif name == "sum" and given[0].dim():
            self._look_at_sum(given[0], result)
        elif name in PICKING_ONE:
            self._look_at_picking(name, args, kwargs, result)
        if self.forms.get(result) is None:
            self._carry(name, args, given, result)

    def _look(self, name: str) -> Place | None:
        """The running line, while it is still looked at."""
        place = here()
        self.looks[name, place] += 1
        return place if self.looks[name, place] <= LOOKS else None

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.given = targets_in(batch)

    def _look_at_signed(self, name: str, target: Any) -> None:
        place = self._look(name)
        if place is None or not isinstance(target, Tensor):
            return
        known = self.targets.get((name, place), 0)
        if known < 0 or not criteria.is_zero_or_one(target):
            if bool((target < 0).any()):
                self.targets[name, place] = -1
            return
        self.targets[name, place] = known + target.numel()
        if known < criteria.FEWEST <= known + target.numel():
            self.world.adopt_new(criteria.margin_of_zero(name, known + target.numel()), place)

    def _look_at_product(self, name: str, given: list[Tensor], result: Tensor) -> None:
        if len(given) != 2 or is_weight(given[0]) or is_weight(given[1]):
            return
        answer, target = sorted(given, key=lambda t: not t.requires_grad)
        if target.requires_grad or answer.shape != target.shape or not answer.dim():
            return
        place = self._look(name)
        across = next((f for f in self.forms.get(answer) or () if f.kind == "across"), None)
        if place is None:
            return
        if across is not None and not across.count and criteria.is_of_rows(target):
            self.forms[result] = (replace(across, kind="crossed"),)
            return
        if not criteria.is_zero_or_one(target):
            return
        low, high = (float(v) for v in answer.detach().aminmax())
        kind = "overlap" if name in CONTRACTIONS else "product"
        label = is_among(target, self.given)
        form = Form(kind, place, weakref.ref(answer), low, high, target.numel(), label)
        self.forms[result] = (form,)

    def _look_at_softmax(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> None:
        """Over which dimension; of one that is left out, torch takes the first or the second."""
        dim = kwargs.get("dim", next((a for a in args[1:] if isinstance(a, int)), None))
        if dim is None:
            dim = 0 if result.dim() == 3 else 1
        dim %= result.dim()
        if dim < result.dim() - 1 and result.shape[dim] > 1:
            self.forms[result] = (Form("across", here(), count=dim),)

    def _look_at_sum(self, whole: Tensor, result: Tensor) -> None:
        known = self.forms.get(whole)
        if known is not None and known[0].kind == "product":
            self.forms[result] = (replace(known[0], kind="overlap"),)
        elif known is None and whole.numel() > 1:
            area = self.squares.get(whole)
            made = Form("mass", None, area or weakref.ref(whole), squared=area is not None)
            self.forms[result] = (made,)

    def _look_at_picking(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> None:
        scores = args[0] if args else None
        if not isinstance(scores, Tensor) or scores.dim() < 2 or is_weight(scores):
            return
        index: Any = kwargs.get("index", args[-1])
        if _are_pairs(scores, index):
            return  # each with its own: rows and columns are both of samples
        if name != "__getitem__" and self._crosses(scores, index, args, kwargs):
            self.forms[result] = tuple(
                replace(f, kind="crossed")
                for f in self.forms.get(scores) or ()
                if f.kind == "across"
            )
            return
        if scores.dim() != 2:
            return
        if name == "__getitem__":
            several = isinstance(index, tuple) and len(index) == 2
            index = index[1] if several and not isinstance(index[0], slice | int) else None
        if not isinstance(index, Tensor) or index.dtype != torch.int64:
            return
        across = next((f for f in self.forms.get(scores) or () if f.kind == "across"), None)
        if result.numel() == len(scores) > 1 and across is not None and not across.count:
            self.forms[result] = (replace(across, kind="crossed"),)
        elif result.numel() == len(scores) > 1 and _are_raw(scores):
            place = self._look(name)
            if place is not None and criteria.are_no_logarithms(scores):
                self.forms[result] = (Form("picked", place),)

    def _crosses(
        self, scores: Tensor, index: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bool:
        """Whether one score of each row is picked, and the softmax was over another dimension."""
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        if not isinstance(dim, int) or not isinstance(index, Tensor):
            return False
        dim %= scores.dim()
        across = [f for f in self.forms.get(scores) or () if f.kind == "across"]
        one_each = index.dim() == scores.dim() and index.shape[dim] == 1 < scores.shape[dim]
        return one_each and any(f.count != dim for f in across)

    def _carry(self, name: str, args: tuple[Any, ...], given: list[Tensor], result: Tensor) -> None:
        known = [forms for t in given if (forms := self.forms.get(t)) is not None]
        if not known:
            return
        if name == "div" and len(given) == 2:
            quotient = self._quotient(given)
            if quotient is not None:
                self.forms[result] = (quotient,)
                return
        forms = tuple(form for several in known for form in several)
        alone = sum(t.requires_grad for t in given) < 2
        plain = sum(t.dim() > 0 for t in given) < 2
        kept = [m for f in forms if (m := _after(name, f, args, alone=alone, plain=plain))]
        if kept:
            self.forms[result] = tuple(dict.fromkeys(kept))[:8]

    def _quotient(self, given: list[Tensor]) -> Form | None:
        """Twice the overlap through the sum of both areas, and its like."""
        above, below = (self.forms.get(t) or () for t in given)
        for form in above:
            answer = form.answer() if form.kind == "overlap" and form.answer else None
            if answer is None or not criteria.is_no_probability(answer):
                continue
            masses = [o for o in below if o.kind in ("overlap", "mass")]
            mine = [o for o in masses if o.answer is not None and o.answer() is answer]
            if mine and (len(masses) > 1 or below[0].count):
                squared = any(o.squared for o in mine)
                return Form("quotient", form.place, None, form.low, form.high, squared=squared)
        return None

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        for root in roots:
            known = self.forms.get(root)
            # of a score, gradients are asked for at an input, to see what the network looks at
            if not known or asks_for_inputs(root, self.world.held()):
                continue
            for form in known:
                key = (form.kind, form.place)
                # what no step follows teaches nothing
                if self.stepped.get(key) != self.world.steps:
                    self.stepped[key] = self.world.steps
                    if self.hits.again(key):
                        self.world.adopt_new(self._finding(form), form.place)

    def _finding(self, form: Form) -> Iterator[Finding]:
        if form.kind == "hinge":
            yield from criteria.margin_of_zero("own margin", form.count, certain=form.label)
        elif form.kind == "quotient":
            yield from criteria.overlap_of_scores(form.low, form.high, squared=form.squared)
        elif form.kind == "crossed":
            yield from criteria.softmax_across_samples(form.count)
        elif form.kind == "picked" and len(self.world.optimizers) < 2:
            yield from criteria.likelihood_of_scores()


def _are_pairs(scores: Tensor, index: Any) -> bool:
    """Whether what is picked is the diagonal of a square table."""
    index = index[-1] if isinstance(index, tuple) and index else index
    if scores.dim() != 2 or scores.shape[0] != scores.shape[1] or not isinstance(index, Tensor):
        return False
    flat = index.flatten()
    return len(flat) == len(scores) and bool((flat == torch.arange(len(flat)).to(flat)).all())


def _are_raw(scores: Tensor) -> bool:
    """Whether scores come straight from a layer with weights of its own."""
    node = scores.grad_fn
    if node is None or not node.name().startswith(("AddmmBackward", "MmBackward")):
        return False
    inner: list[Any] = [n for n, _ in node.next_functions if n is not None]
    inner += [n for one in inner if one.name() == "TBackward0" for n, _ in one.next_functions]
    return any(n is not None and "AccumulateGrad" in n.name() for n in inner)


def _after(
    name: str, form: Form, args: tuple[Any, ...], *, alone: bool, plain: bool
) -> Form | None:
    """What becomes of a form by one more operation, or None.

    Args:
        name: of the operation.
        form: of one of its tensors.
        args: its arguments.
        alone: whether no other of its tensors has a graph.
        plain: whether no other of its tensors has a dimension.
    """
    numbers = any(isinstance(a, int | float) for a in args)
    if form.kind == "product":
        kind = {"neg": "negated", "rsub": "margin"}.get(name)
        return replace(form, kind=kind) if kind else None
    if form.kind in ("margin", "negated"):
        if name in (RECTIFIED if form.kind == "margin" else LOGISTIC):
            return replace(form, kind="hinge")
        return (
            form if name in ("add", "mul", "div", "view", "squeeze") and alone and plain else None
        )
    if form.kind in ("overlap", "mass"):
        if name in SUMS:
            # the area of the mask itself has no graph, and is as good as a second sum
            return form if numbers or not alone else replace(form, count=max(form.count, 1))
        return form if name in ("mul", "div", "neg", "clamp", "clamp_min") and alone else None
    if form.kind == "across":  # a division by the sum of each row leaves it so
        kept = name == "div" or (name in ("log", "clamp", "clamp_min", "add", "neg") and alone)
        return form if kept else None
    if form.kind == "picked":
        return form if name in LINEAR and alone and plain else None
    linear = name in LINEAR or name in SUMS or name in CURVED
    return form if linear else None
