"""Sums of losses that are computed, and of which only a part is sent back: R107."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.graphs import nodes_of, shape_of
from lamplighter.watch.source.place import Place, user_frame
from lamplighter.watch.source.unread_values import UnreadValue, unread_values

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # times that must show it, and none the contrary
MOST = 16  # sums that are followed
TERMS = 64  # of one sum
SUMMING = frozenset(("add", "sub", "rsub", "sum", "mean", "mul", "div"))
# nodes of a graph that add terms up or weigh them
_ADDING = ("Add", "Sub", "Rsub", "Mul", "Div", "Neg")
Key = tuple[str, int]


@dataclass(eq=False, slots=True)
class Sum:
    """What a line has computed, until it is computed anew.

    Args:
        source: what the source says of the line.
        node: of its graph.
        backwards: passes of the program when it was computed.
        reached: which of its terms one of them has reached since.
    """

    source: UnreadValue
    node: Any
    backwards: int
    reached: set[int] = field(default_factory=set)


class DroppedSums(Watcher):
    """Hears what is added up on lines of which the source says that nobody reads the result."""

    codes = ("R107",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.sums: dict[Key, Sum] = {}
        self.hits: Counter[Key] = Counter()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name not in SUMMING or not isinstance(result, torch.Tensor):
            return
        if not result.requires_grad or result.numel() != 1:
            return
        frame = user_frame(2)
        known = unread_values(frame.f_code.co_filename) if frame is not None else None
        if frame is None or not known or (one := known.get(frame.f_lineno)) is None:
            return
        key = (frame.f_code.co_filename, one.line)
        before = self.sums.get(key)
        if before is not None and before.backwards < self.world.backwards:
            self._judge(key, before)
        if before is not None or len(self.sums) < MOST:
            # of several operations on a line, what the last one gives is assigned
            self.sums[key] = Sum(one, result.grad_fn, self.world.backwards)

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if not self.sums:
            return
        sent = {node for root in roots for node in nodes_of(root)}
        for one in self.sums.values():
            terms = enumerate(_terms_of(one.node))
            one.reached.update(at for at, term in terms if term in sent or one.node in sent)

    def _judge(self, key: Key, one: Sum) -> None:
        count = sum(1 for _ in _terms_of(one.node))
        self.hits[key] += 1 if 0 < len(one.reached) < count else -SURE
        if self.hits[key] == SURE and not self.world.found("R107"):
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


def _terms_of(node: Any) -> Iterator[Any]:
    """What one number is the sum of: the nodes behind those that add terms up and weigh them."""
    waiting, seen = [node], {node}
    while waiting and len(seen) < TERMS:
        one = waiting.pop()
        inner = [n for n, _ in one.next_functions if n is not None]
        if not inner:
            continue  # a weight by itself is no term
        if not _adds(one, inner):
            yield one
            continue
        waiting += [n for n in inner if n not in seen]
        seen.update(inner)


def _adds(node: Any, inner: list[Any]) -> bool:
    """Whether a node makes one number of several, each of which is one as well."""
    name = node.name()
    if name.startswith("Stack"):
        return True
    if name.startswith(("Sum", "Mean")):
        return bool(inner[0].name().startswith("Stack"))
    shapes = [shape_of(one) for one in inner]
    return name.startswith(_ADDING) and all(s is not None and s.numel() == 1 for s in shapes)
