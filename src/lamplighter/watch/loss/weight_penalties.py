"""Penalties on the weights that a program adds by itself, which way and how hard they push: L111, O106."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.optimizer import penalty_swamps
from lamplighter.checks.spreads import weights_grow
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.factors import Factor, Held, HeldFactors
from lamplighter.watch.loss.graphs import is_loss, slopes_at, terms_of
from lamplighter.watch.often import Often
from lamplighter.watch.source.descent import is_weight
from lamplighter.watch.source.place import Place
from lamplighter.watch.taps.names import BENDING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 8  # backward passes with such terms that are read
SURE = 3  # of them must show it, and none the contrary
MOST = 64  # weights of one loss
TERMS = 8 * MOST  # nodes of the sum
FEWEST = 2  # matrices: a single one, as a table of scales, may be meant to grow
TOO_HARD = 10.0  # times as hard as the rest of the loss
LENGTHS = frozenset(("norm", "linalg_norm", "linalg_vector_norm", "linalg_matrix_norm"))
# what leaves the larger of two lengths the larger one
_RISING = ("PowBackward0", "SqrtBackward0")


class WeightPenalties(Watcher):
    """Asks the graph of the loss how it changes with the sizes of the weights within.

    Only with those that are terms of the loss: a layer that divides its weights by their length has
    it in its answers, and whoever holds a length near a number has it in a square.
    """

    codes = ("L111", "O106")
    operations = BENDING | LENGTHS | {"sum", "mean"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.squares: ByIdentity[weakref.ref[Tensor]] = ByIdentity()
        self.penalties = HeldFactors(MOST)
        self.looks = 0
        self.hits, self.heavy = Often(SURE), Often(SURE)
        self.waiting = self.over = False
        self.place: Place | None = None

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.over or not args or not isinstance(result, Tensor) or not result.requires_grad:
            return
        first = args[0]
        if name in BENDING:
            if _is_matrix(first):
                self.squares[result] = weakref.ref(first)
        elif name in ("sum", "mean"):
            weight = self.squares.get(first)
            if result.dim() == 0 and weight is not None:
                self.penalties.hold(Factor("penalty", answer=weight), result)
        elif name in LENGTHS and result.dim() == 0 and _is_matrix(first):
            self.penalties.hold(Factor("penalty", answer=weakref.ref(first)), result)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        self.waiting = False
        if not self.penalties.held:
            return
        penalties, self.penalties = self.penalties, HeldFactors(MOST)
        if self.over or len(penalties) < FEWEST or not is_loss(roots[0]):
            return
        self.looks += 1
        terms = _added_to(roots[0])
        known = [one for one in penalties.slopes(roots[0]) if one[0].tensor.grad_fn in terms]
        falls = [bool((slope < 0).all()) for _, slope in known]
        self.waiting = len(falls) >= FEWEST and all(falls)
        if self.looks <= SURE:
            self._look_at_pull(roots[0], known)
        self.over = self.looks >= (LOOKS if self.waiting else SURE)
        self.place = known[0][0].place if known else None

    def _look_at_pull(self, root: Tensor, known: list[tuple[Held, Tensor]]) -> None:
        """How hard the penalties pull at their weights, against all else in the loss."""
        held = [(one, slope, w) for one, slope in known if (w := _weight_of(one)) is not None]
        pull = push = 0.0
        for (one, slope, weight), whole in zip(
            held, slopes_at(root, [w for _, _, w in held]) if held else (), strict=True
        ):
            (own,) = slopes_at(one.tensor, [weight])
            if own is not None and whole is not None:
                pull += float((slope * own).norm()) ** 2
                push += float((whole - slope * own).norm()) ** 2
        ratio = (pull / push) ** 0.5 if push > 0 else 0.0
        if ratio > TOO_HARD and self.heavy.again():
            self.world.adopt_new(penalty_swamps(ratio), held[0][0].place)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        waiting, self.waiting = self.waiting, False
        if waiting and self.world.descends(optimizer) and self.hits.again():
            self.over = True
            self.world.adopt_new(weights_grow(SURE), self.place)


def _added_to(root: Tensor) -> set[Any]:
    """The nodes of the numbers that a loss is the sum of, and of those whose squares or roots are."""
    terms = set(terms_of(root.grad_fn, TERMS))
    risen = [t for t in terms if t.name() in _RISING and getattr(t, "_saved_exponent", 1) > 0]
    return terms | {
        inner for term in risen for inner, _ in term.next_functions if inner is not None
    }


def _weight_of(one: Held) -> Tensor | None:
    return one.factor.answer() if one.factor.answer is not None else None


def _is_matrix(thing: Any) -> bool:
    return isinstance(thing, Tensor) and thing.dim() > 1 and is_weight(thing)
