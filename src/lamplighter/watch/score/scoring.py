"""The program's way from answers to right and wrong: E101."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lamplighter.checks import own_arithmetic
from lamplighter.checks import scoring as criteria
from lamplighter.checks.finding import Finding
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.score.answer import Answer, moved
from lamplighter.watch.score.logits import Logits, Part, add, columns_of
from lamplighter.watch.source.choices import chosen_along, cut_at
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here, here_exactly
from lamplighter.watch.taps.names import (
    CONVERTING,
    JOINING,
    KEEPING,
    LIKE_ANOTHER,
    PICKING,
    RESHAPING,
    TRANSPOSING,
    handed_on,
)

if TYPE_CHECKING:
    from lamplighter.watch.world import World

# what leaves a score what it is
CARRYING = KEEPING | RESHAPING | LIKE_ANOTHER | TRANSPOSING | PICKING | JOINING
CARRYING |= {"bool", "exp", "sub"}
CUTS = ("gt", "ge", "lt", "le", "__gt__", "__ge__", "__lt__", "__le__")
CHOICES = ("argmax", "max", "topk", "sort", "argsort")
SCORING = frozenset((*CUTS, *CHOICES, "eq", "ne", "mean", "round", "numpy", "tolist", "__array__"))
SCORING |= CARRYING | {"sigmoid", "softmax", "log_softmax", "bitwise_and", "where"}
SCORING |= {"rsub", "mul", "add", "div"}
MEETING = ("sub", "rsub")
MOVING = ("mul", "add", "div")  # back to the unit of the targets


class Scoring:
    """Follows the answers of networks through argmax and threshold to the comparison."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: ByIdentity[Answer] = ByIdentity()
        self.labels: ByIdentity[Place] = ByIdentity()
        self.equal: ByIdentity[Tensor] = ByIdentity()
        self.columns: set[int] = set()  # networks that answered last with one column and no graph
        self.multi: Tensor | None = None
        self.pair: Tensor | None = None
        self.left: tuple[Tensor, Answer | None] | None = None
        self.ignored: int | None = None
        self.logits = Logits()
        self.cuts: dict[Place, tuple[float, Place] | None] = {}
        # networks, and which of their answers, that were not always as wide as there were samples
        self.oblong: set[tuple[int, Part]] = set()

    def answered(self, module: nn.Module, output: Any) -> None:
        """A network has answered."""
        for number, tensor in enumerate(shallow((output,))):
            if tensor.is_floating_point() and tensor.dim():
                if tensor.dim() == 2 and tensor.shape[1] == 1:
                    (self.columns.discard if tensor.requires_grad else self.columns.add)(id(module))
                end = self.logits.end_of(module, tensor) if tensor is output else None
                one = Answer("raw", id(module), tensor.shape[0], end=end, part=(number,))
                self.answers[tensor] = one
                if tensor.dim() == 2 and tensor.shape[0] != tensor.shape[1]:
                    self.oblong.add((one.owner, one.part))

    def lost(self, name: str, given: dict[str, Any]) -> None:
        """A loss was called; it tells whether its network gives logits."""
        entered, target = given.get("input"), given.get("target")
        known = self.answers.get(entered)
        if name in ("cross_entropy", "nll_loss") and isinstance(target, Tensor):
            index = given.get("ignore_index", -100)
            if not target.is_floating_point() and isinstance(index, int):
                self.ignored = index
        if known is None:
            return
        if known.kind == "sigmoid" and name == "binary_cross_entropy":
            add(self.logits.said, *known.source)
        elif known.kind not in ("raw", "moved"):
            return
        elif name == "binary_cross_entropy_with_logits":
            add(self.logits.said, *known.source)
        elif name != "binary_cross_entropy":
            add(self.logits.amounts, *known.source)
        elif known.kind == "raw":
            add(self.logits.probabilities, *known.source)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> bool:
        """Follows one operation; whether it compared answers with labels, one by one."""
        given = list(shallow((*args, *kwargs.values())))
        if not given:
            return False
        if name in ("numpy", "tolist", "__array__"):
            self._leave(given[0])
            return False
        if name in ("eq", "ne"):
            return len(given) == 2 and isinstance(result, Tensor) and self._compare(given, result)
        # what is picked out are numbers of the first, not of the indices
        parts = given[:1] if name in PICKING else handed_on(name, given)
        known = next((a for t in parts if (a := self.answers.get(t)) is not None), None)
        if name in CHOICES:
            self._choose(name, args, kwargs, given[0], known, result)
        elif name == "mean" and isinstance(result, Tensor):
            self._look_at_mean(given[0])
        elif name in MEETING and isinstance(result, Tensor) and self._meets_all(given, result):
            self._tell(
                criteria.compared_with_all(given[0].shape, given[1].shape, result.shape), here()
            )
        elif known is not None and isinstance(result, Tensor):
            self._carry(name, args, kwargs, given, known, result)
        elif isinstance(result, Tensor) and name in CARRYING:
            self._carry_others(name, given[0], result)
        return False

    def _carry(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: list[Tensor],
        known: Answer,
        result: Tensor,
    ) -> None:
        if known.yes and self._is_taken_for_answers(name, args, given):
            self._tell(known.yes, known.place)
        if name in ("sigmoid", "softmax", "log_softmax"):
            odd = known.odd
            if name == "sigmoid" and known.kind == "raw" and result.requires_grad:
                add(self.logits.squashed, *known.source)
            if name == "softmax" and (dim := _single(given[0], _dim_of(name, args, kwargs))):
                odd = (dim, tuple(given[0].shape))
            self.answers[result] = replace(known, kind=name.removeprefix("log_"), odd=odd)
        elif name in CUTS or (name == "round" and not kwargs.get("decimals")):
            numbers = [n for a in (*args, *kwargs.values()) if (n := _number(a)) is not None]
            cut = 0.5 if name == "round" else next(iter(numbers), None)
            yes: tuple[Finding, ...] = ()
            if cut is not None and known.kind != "decided":
                yes = self._look_at_cut(given[0], float(cut), known, here())
            self.answers[result] = replace(
                known, kind="decided", yes=yes, place=here() if yes else known.place
            )
        elif name in MOVING:
            single = len({t.numel() for t in shallow(args)} - {1}) == 1
            if single and result.shape == given[0].shape:
                self.answers[result] = moved(known)
        elif name in CARRYING:
            if name == "sub" and result.requires_grad:
                add(self.logits.amounts, *known.source)
            cut_out = columns_of(name, args, given[0], result) if name in PICKING else ()
            carried = moved(known) if name in ("sub", "exp") else known
            self.answers[result] = replace(carried, part=known.part + cut_out)

    def _is_taken_for_answers(self, name: str, args: tuple[Any, ...], given: list[Tensor]) -> bool:
        """Whether decisions become numbers, or meet the truth; not the question whether all hold."""
        if name == "bitwise_and":
            return any(self.answers.get(t) is None for t in given)
        return name in CONVERTING or (name == "where" and len(args) == 3 and len(given) == 1)

    def _carry_others(self, name: str, given: Tensor, result: Tensor) -> None:
        place = self.labels.get(given)
        if place is not None:
            self.labels[result] = place
        equal = self.equal.get(given)
        if equal is not None and name in CONVERTING:
            self.equal[result] = equal

    def _choose(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        scores: Tensor,
        known: Answer | None,
        result: Any,
    ) -> None:
        """An argmax: over which dimension, and of what."""
        dim = _dim_of(name, args, kwargs)
        chosen = result[-1] if isinstance(result, tuple) and result else result
        if not isinstance(chosen, Tensor) or isinstance(dim, Tensor):
            return
        if known is None:
            if name in ("argmax", "max") and any(
                True for _ in criteria.several_labels_at_once(scores)
            ):
                place = here()
                if place is not None and dim in (1, -1):
                    self.labels[chosen] = place
                    self.multi = scores.detach()
            return
        over_samples = name in ("argmax", "max") and dim in (None, 0, -2)
        over_samples = over_samples and self._are_classes_of_samples(scores, known)
        along = dim if over_samples else _single(scores, dim)
        is_odd = known.kind != "decided" and (over_samples or along is not None)
        odd = (along, tuple(scores.shape)) if is_odd else None
        if name in ("max", "topk") and isinstance(result, tuple) and len(result) == 2:
            self.answers[result[0]] = known  # the largest scores themselves are no classes
        if name != "max" or isinstance(result, tuple):
            self.answers[chosen] = replace(known, kind="decided", odd=odd, yes=(), place=here())

    def _are_classes_of_samples(self, scores: Tensor, known: Answer) -> bool:
        """Whether scores are `(N, C)` of a network for which these are not always of one size, as
        those of pairs are: of pictures and texts, or of the words of a sentence."""
        whole = scores.dim() == 2 and scores.shape[0] == known.samples > 1 and scores.shape[1] > 1
        return whole and (known.owner, known.part[:1]) in self.oblong

    def _tell_of_odd(self, answer: Answer, labels: Tensor) -> None:
        """An argmax over the samples, or over one column, is taken for the answer of each sample."""
        dim, shape = answer.odd or (None, ())
        if dim is not None and dim > 0 and shape[dim] == 1:
            if bool((labels != 0).any()):  # else there is one class, and its number is 0
                self._tell(criteria.only_one_column(shape, dim), answer.place)
        else:
            self._tell(criteria.best_sample_not_class(shape, dim), answer.place)

    def _look_at_cut(
        self, scores: Tensor, cut: float, known: Answer, place: Place | None
    ) -> tuple[Finding, ...]:
        """Tells of a cut that is wrong; what is wrong only if it is used as an answer is given back."""
        if known.kind == "softmax" and known.odd is not None:
            dim, shape = known.odd
            self._tell(criteria.only_one_column(shape, dim or 0, "softmax"), place)
            return ()
        if known.kind == "raw" and self._are_logits(scores, known):
            self._tell(criteria.logits_cut_at_half(scores, cut), place)
            return ()
        certain = known.kind == "sigmoid" or self._are_probabilities(known)
        return tuple(criteria.probabilities_cut_at_nothing(scores, cut)) if certain else ()

    def _are_probabilities(self, known: Answer) -> bool:
        """Whether the network gave them so, as a loss of probabilities says that took them."""
        return known.kind == "raw" and self.logits.are_probabilities(*known.source)

    def _are_logits(self, scores: Tensor, known: Answer) -> bool:
        """Whether a loss applies the sigmoid to these, or their values and their use say so."""
        if self.logits.are_said(*known.source):
            return True
        return self.logits.are_squashed(*known.source) and criteria.lie_on_both_sides(scores)

    def _compare(self, given: list[Tensor], result: Tensor) -> bool:
        known = [self.answers.get(t) for t in given]
        answer = next((a for a in known if a is not None), None)
        if answer is None:
            return False
        one, other = given
        first, second = (one, other) if known[0] is not None else (other, one)
        large, small = sorted(given, key=lambda t: -t.dim())
        # answers are held against each other to see which are alike
        if None in known and own_arithmetic.makes_a_square(large.shape, small.shape):
            self._tell(criteria.compared_with_all(one.shape, other.shape, result.shape), here())
        if answer.yes:
            self._tell(answer.yes, answer.place)
        if answer.odd is not None and second.numel() > 1:
            self._tell_of_odd(answer, second)
        marked = self.labels.get(second)
        if marked is not None and self.multi is not None:
            self._tell(criteria.several_labels_at_once(self.multi), marked)
        if answer.kind != "decided":
            if known[0] is None or known[1] is None:
                self._tell(criteria.never_equal(first, second), here())
            return False
        if self.ignored is not None and criteria.is_whole(second) and second.shape == first.shape:
            self.equal[result] = second
        return one.shape == other.shape

    def _meets_all(self, given: list[Tensor], result: Tensor) -> bool:
        """Whether answers `(n, 1)` of a network that gives such are held against labels `(n,)`.

        In training, the arithmetic of losses is looked at elsewhere.
        """
        if len(given) != 2 or result.requires_grad or result.dim() != 2:
            return False
        answer, other = given if given[0].dim() == 2 else given[::-1]
        known = self.answers.get(answer)
        if known is None or known.owner not in self.columns or self.answers.get(other) is not None:
            return False
        return other.dim() == 1 and own_arithmetic.makes_a_square(answer.shape, other.shape)

    def _leave(self, tensor: Tensor) -> None:
        """Answers and labels that go to NumPy one after the other are compared there."""
        known = self.answers.get(tensor)
        if known is not None and (known.kind == "sigmoid" or self._says_yes(known)):
            self._leave_undecided(tensor, known)
        if known is not None and known.yes:
            self._tell(known.yes, known.place)
        decided = known is not None and known.kind == "decided"
        is_label = known is None and (
            tensor.dim() > 0 if criteria.is_whole(tensor) else _are_marks(tensor)
        )
        before, self.left = self.left, None
        if not decided and not is_label:
            return
        if before is not None and (before[1] is None) == decided:
            answer, labels = known or before[1], before[0] if decided else tensor
            if answer is not None and answer.odd is not None:
                if before[0].numel() == tensor.numel():
                    self._tell_of_odd(answer, labels)
                return
            if before[0].shape == tensor.shape and criteria.is_whole(labels):
                self.pair = before[0].cpu() == tensor.detach().cpu()
                return
        self.left = (tensor.detach(), known)

    def _says_yes(self, known: Answer) -> bool:
        """Whether the scores are of a network that was trained to say yes or no."""
        said = known.kind == "raw" and self.logits.are_said(*known.source)
        return said or self._are_probabilities(known)

    def _leave_undecided(self, scores: Tensor, known: Answer) -> None:
        """Scores go to NumPy, and the source cuts them there or takes the largest of one column."""
        exact = here_exactly(2)
        if exact is None:
            return
        if exact not in self.cuts:
            self.cuts[exact] = cut_at(exact)
        cut = self.cuts[exact]
        if cut is not None and scores.numel():
            self._tell(self._look_at_cut(scores, cut[0], known, cut[1]), cut[1])
        chosen = chosen_along(exact) if scores.dim() > 1 and 1 in scores.shape[1:] else None
        if chosen is not None and (dim := _single(scores, chosen[0])) is not None:
            self._tell(criteria.only_one_column(tuple(scores.shape), dim), chosen[1])

    def taken(self) -> Tensor | None:
        """What was right of the last answers that went to NumPy with their labels; once."""
        pair, self.pair = self.pair, None
        return pair

    def _look_at_mean(self, given: Tensor) -> None:
        target = self.equal.get(given)
        if target is not None and self.ignored is not None:
            self._tell(criteria.ignored_counted(target, self.ignored), here())

    def _tell(self, found: Iterable[Finding], place: Place | None) -> None:
        if not self.world.found("E101"):
            self.world.adopt(found, place)


def without_a_class(compared: tuple[Any, ...]) -> int:
    """How many of the labels that answers were compared with are negative: no class is.

    Args:
        compared: the arguments of the comparison.
    """
    several = [t for t in compared[:2] if isinstance(t, Tensor) and not t.is_floating_point()]
    return sum(int((t < 0).sum()) for t in several if t.dim())


def _number(thing: Any) -> float | None:
    """A number, or a tensor that holds just one."""
    if isinstance(thing, Tensor) and not thing.dim() and not thing.requires_grad:
        return float(thing)
    return thing if isinstance(thing, int | float) else None


def _dim_of(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The dimension that an operation was given; `topk` has its number first."""
    if name == "topk":
        return kwargs.get("dim", args[2] if len(args) > 2 else -1)
    return kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))


def _single(scores: Tensor, dim: Any) -> int | None:
    """The dimension, counted from 0, where it is none of the samples and has one entry; else None."""
    if not isinstance(dim, int) or scores.dim() < 2 or not -scores.dim() <= dim < scores.dim():
        return None
    place = dim % scores.dim()
    return place if place > 0 and scores.shape[place] == 1 and scores.shape[0] > 1 else None


def _are_marks(tensor: Tensor) -> bool:
    """Whether real numbers are zeros and ones, one for each sample."""
    flat = tensor.numel() == max(tensor.shape, default=0) > 1
    return flat and bool(((tensor == 0) | (tensor == 1)).all())
