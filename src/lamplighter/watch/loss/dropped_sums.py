"""Sums of losses that are computed, and of which only a part is sent back: R107."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.graphs import nodes_of, terms_of
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, user_frame
from lamplighter.watch.source.statements import asks_for_gradients
from lamplighter.watch.source.unread_values import UnreadValue, unread_values

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # times that must show it, and none the contrary
MOST = 16  # sums that are followed
TERMS = 64  # nodes of one sum
PATIENT = 8  # backward passes for which a sum is kept
SUMMING = frozenset(("add", "sub", "rsub", "sum", "mean", "mul", "div"))
Key = tuple[str, int]


@dataclass(eq=False, slots=True)
class Sum:
    """What a line has computed, until it is computed anew.

    Args:
        source: what the source says of the line.
        node: of its graph.
        terms: the nodes of what it is the sum of.
        backwards: passes of the program when it was computed.
        reached: which of its terms one of them has reached since.
    """

    source: UnreadValue
    node: Any
    terms: tuple[Any, ...]
    backwards: int
    reached: set[int] = field(default_factory=set)


class DroppedSums(Watcher):
    """Hears what is added up on lines of which the source says that nobody reads the result."""

    codes = ("R107",)
    operations = SUMMING

    def __init__(self, world: World) -> None:
        self.world = world
        self.sums: dict[Key, Sum] = {}
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, torch.Tensor):
            return
        if not result.requires_grad or result.numel() != 1:
            return
        frame = user_frame(2)
        file = frame.f_code.co_filename if frame is not None else ""
        known = unread_values(file) if frame is not None else None
        if frame is None or not known or (one := known.get(frame.f_lineno)) is None:
            return
        key = (file, one.line)
        if self.hits.is_settled(key) or asks_for_gradients(file):
            return
        before = self.sums.get(key)
        if before is not None and before.backwards < self.world.backwards:
            self._judge(key, before)
        if before is not None or len(self.sums) < MOST:
            # of several operations on a line, what the last one gives is assigned
            self.sums[key] = Sum(one, result.grad_fn, _terms(result.grad_fn), self.world.backwards)

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if not self.sums:
            return
        oldest = self.world.backwards - PATIENT
        self.sums = {key: one for key, one in self.sums.items() if one.backwards >= oldest}
        sent = {node for root in roots for node in nodes_of(root)}
        for one in self.sums.values():
            whole = one.node in sent
            one.reached.update(at for at, term in enumerate(one.terms) if whole or term in sent)

    def _judge(self, key: Key, one: Sum) -> None:
        if not one.reached:
            return  # as where a loss is computed and nothing is learned from it
        if len(one.reached) == len(one.terms):
            self.hits.spoil(key)
        elif self.hits.again(key) and not self.world.found("R107"):
            self._report(key[0], one.source)

    def _report(self, file: str, one: UnreadValue) -> None:
        line = one.line if one.replaced is None else one.replaced
        how = "never read" if one.replaced is None else f"replaced in line {line} before it is"
        self.world.report(
            "R107",
            "error",
            f"`{one.name}`",
            f"the sum of losses computed in line {one.line} is {how}, and only some of its terms are "
            "in what is sent back: the others reach no weight",
            f"call backward() on {one.name}, or leave the other terms away",
            Place(file, line),
        )

    def woken(self) -> None:
        self.sums = {}


def _terms(node: Any) -> tuple[Any, ...]:
    """What one number is the sum of; a weight by itself is no term."""
    return tuple(term for term in terms_of(node, TERMS) if term.next_functions)
