"""Penalties on the weights that a program adds by itself, and which way they push: L111."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.spreads import weights_grow
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.factors import Factor, HeldFactors
from lamplighter.watch.loss.graphs import is_loss, terms_of
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
LENGTHS = frozenset(("norm", "linalg_norm", "linalg_vector_norm", "linalg_matrix_norm"))
PENALTY = Factor("penalty")
# what leaves the larger of two lengths the larger one
_RISING = ("PowBackward0", "SqrtBackward0")


class WeightPenalties(Watcher):
    """Asks the graph of the loss how it changes with the sizes of the weights within.

    Only with those that are terms of the loss: a layer that divides its weights by their length has
    it in its answers, and whoever holds a length near a number has it in a square.
    """

    codes = ("L111",)
    operations = BENDING | LENGTHS | {"sum", "mean"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.squares: ByIdentity[bool] = ByIdentity()
        self.penalties = HeldFactors(MOST)
        self.looks = 0
        self.hits = Often(SURE)
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
                self.squares[result] = True
        elif name in ("sum", "mean"):
            if result.dim() == 0 and self.squares.get(first):
                self.penalties.hold(PENALTY, result)
        elif name in LENGTHS and result.dim() == 0 and _is_matrix(first):
            self.penalties.hold(PENALTY, result)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        penalties, self.penalties = self.penalties, HeldFactors(MOST)
        self.waiting = False
        if self.over or len(penalties) < FEWEST or not is_loss(roots[0]):
            return
        self.looks += 1
        terms = _added_to(roots[0])
        known = [one for one in penalties.slopes(roots[0]) if one[0].tensor.grad_fn in terms]
        falls = [bool((slope < 0).all()) for _, slope in known]
        self.waiting = len(falls) >= FEWEST and all(falls)
        self.over = self.looks >= LOOKS or not self.waiting
        self.place = known[0][0].place if known else None

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


def _is_matrix(thing: Any) -> bool:
    return isinstance(thing, Tensor) and thing.dim() > 1 and is_weight(thing)
