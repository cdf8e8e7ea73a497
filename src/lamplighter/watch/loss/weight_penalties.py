"""Penalties on the weights that a program adds by itself, and which way they push: L111."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.spreads import weights_grow
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.factors import Factor, HeldFactors
from lamplighter.watch.loss.graphs import is_loss
from lamplighter.watch.source.descent import is_weight
from lamplighter.watch.source.place import Place
from lamplighter.watch.taps.names import BENDING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 8  # backward passes with such terms that are read
SURE = 3  # of them must show it, and none the contrary
MOST = 64  # weights of one loss
FEWEST = 2  # matrices: a single one, as a table of scales, may be meant to grow
LENGTHS = frozenset(("norm", "linalg_norm", "linalg_vector_norm", "linalg_matrix_norm"))
PENALTY = Factor("penalty")


class WeightPenalties(Watcher):
    """Asks the graph of the loss how it changes with the sizes of the weights within."""

    codes = ("L111",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.squares: ByIdentity[bool] = ByIdentity()
        self.penalties = HeldFactors(MOST)
        self.looks = self.hits = 0
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
        known = penalties.slopes(roots[0])
        falls = [bool((slope < 0).all()) for _, slope in known]
        self.waiting = len(falls) >= FEWEST and all(falls)
        self.over = self.looks >= LOOKS or not self.waiting
        self.place = known[0][0].place if known else None

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        waiting, self.waiting = self.waiting, False
        if not waiting or not self.world.descends(optimizer):
            return
        self.hits += 1
        if self.hits == SURE:
            self.over = True
            if not self.world.found("L111"):
                self.world.adopt(weights_grow(SURE), self.place)


def _is_matrix(thing: Any) -> bool:
    return isinstance(thing, Tensor) and thing.dim() > 1 and is_weight(thing)
