"""The program's way from answers to right and wrong: E101."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lamplighter.checks import own_arithmetic
from lamplighter.checks import scoring as criteria
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
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
SCORING |= CARRYING | {"sigmoid", "softmax", "log_softmax"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Scores of a network on their way to a figure.

    Args:
        kind: "raw", "sigmoid", "softmax" or "decided".
        owner: id of the network.
        samples: length of dimension 0 when the network answered.
        odd: a finding that holds once it is compared, as dimension and shape of its argmax.
        place: of the argmax.
    """

    kind: str
    owner: int
    samples: int
    odd: tuple[int | None, tuple[int, ...]] | None = None
    place: Place | None = None


class Scoring:
    """Follows the answers of networks through argmax and threshold to the comparison."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: ByIdentity[Answer] = ByIdentity()
        self.labels: ByIdentity[Place] = ByIdentity()
        self.equal: ByIdentity[Tensor] = ByIdentity()
        self.multi: Tensor | None = None
        self.pair: Tensor | None = None
        self.left: tuple[Tensor, bool] | None = None
        self.ignored: int | None = None
        self.logits: set[int] = set()
        self.probabilities: set[int] = set()

    def answered(self, module: nn.Module, output: Any) -> None:
        """A network has answered."""
        for tensor in shallow((output,)):
            if tensor.is_floating_point() and tensor.dim():
                self.answers[tensor] = Answer("raw", id(module), tensor.shape[0])

    def lost(self, name: str, given: dict[str, Any]) -> None:
        """A loss was called; it tells whether its network gives logits."""
        entered, target = given.get("input"), given.get("target")
        known = self.answers.get(entered)
        if name in ("cross_entropy", "nll_loss") and isinstance(target, Tensor):
            index = given.get("ignore_index", -100)
            if not target.is_floating_point() and isinstance(index, int):
                self.ignored = index
        if known is None or known.kind != "raw":
            return
        if name == "binary_cross_entropy_with_logits":
            self.logits.add(known.owner)
        elif name == "binary_cross_entropy":
            self.probabilities.add(known.owner)

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
        parts = handed_on(name, given)
        known = next((a for t in parts if (a := self.answers.get(t)) is not None), None)
        if name in CHOICES:
            self._choose(name, args, kwargs, given[0], known, result)
        elif name == "mean" and isinstance(result, Tensor):
            self._look_at_mean(given[0])
        elif known is not None and isinstance(result, Tensor):
            self._carry(name, args, given[0], known, result)
        elif isinstance(result, Tensor) and name in CARRYING:
            self._carry_others(name, given[0], result)
        return False

    def _carry(
        self, name: str, args: tuple[Any, ...], given: Tensor, known: Answer, result: Tensor
    ) -> None:
        if name in ("sigmoid", "softmax", "log_softmax"):
            self.answers[result] = replace(known, kind=name.removeprefix("log_"))
        elif name in CUTS or name == "round":
            number = next((a for a in args if isinstance(a, int | float)), None)
            cut = 0.5 if name == "round" else number
            if cut is not None and known.kind != "decided":
                self._look_at_cut(given, float(cut), known)
            self.answers[result] = replace(known, kind="decided")
        elif name in CARRYING:
            self.answers[result] = known

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
        dim = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))
        chosen = result[-1] if isinstance(result, tuple) and result else result
        if name == "topk":
            dim = kwargs.get("dim", args[2] if len(args) > 2 else -1)
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
        odd = None
        whole = scores.dim() == 2 and scores.shape[0] == known.samples > 1 and scores.shape[1] > 1
        if whole and known.kind != "decided" and name in ("argmax", "max") and dim in (None, 0, -2):
            odd = (dim, tuple(scores.shape))
        if name != "max" or isinstance(result, tuple):
            self.answers[chosen] = replace(known, kind="decided", odd=odd, place=here())

    def _look_at_cut(self, scores: Tensor, cut: float, known: Answer) -> None:
        logits = known.kind == "raw" and known.owner in self.logits
        certain = known.kind == "sigmoid" or (
            known.kind == "raw" and known.owner in self.probabilities
        )
        if logits or certain:
            self._tell(criteria.threshold_of_another_scale(scores, cut, logits=logits), here())

    def _compare(self, given: list[Tensor], result: Tensor) -> bool:
        known = [self.answers.get(t) for t in given]
        answer = next((a for a in known if a is not None), None)
        if answer is None:
            return False
        one, other = given
        first, second = (one, other) if known[0] is not None else (other, one)
        large, small = sorted(given, key=lambda t: -t.dim())
        if own_arithmetic.makes_a_square(large.shape, small.shape):
            self._tell(criteria.compared_with_all(one.shape, other.shape, result.shape), here())
        if answer.odd is not None and second.dim():
            self._tell(criteria.best_sample_not_class(answer.odd[1], answer.odd[0]), answer.place)
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

    def _leave(self, tensor: Tensor) -> None:
        """Answers and labels that go to NumPy one after the other are compared there."""
        known = self.answers.get(tensor)
        decided = known is not None and known.kind == "decided" and known.odd is None
        is_label = known is None and criteria.is_whole(tensor) and tensor.dim() == 1
        before, self.left = self.left, None
        if not decided and not is_label:
            return
        if before is not None and before[1] != decided and before[0].shape == tensor.shape:
            self.pair = before[0] == tensor
        else:
            self.left = (tensor.detach(), decided)

    def taken(self) -> Tensor | None:
        """What was right of the last answers that went to NumPy with their labels; once."""
        pair, self.pair = self.pair, None
        return pair

    def _look_at_mean(self, given: Tensor) -> None:
        target = self.equal.get(given)
        if target is not None and self.ignored is not None:
            self._tell(criteria.ignored_counted(target, self.ignored), here())

    def _tell(self, found: Any, place: Place | None) -> None:
        if not self.world.found("E101"):
            self.world.adopt(found, place)
