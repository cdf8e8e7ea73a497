"""Sums of losses that are computed and not sent back: R107."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.dropped import results_alone
from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.graphs import leaves_of, nodes_of, terms_of
from lamplighter.watch.source.place import Place, frames, locals_of
from lamplighter.watch.source.results import resolved
from lamplighter.watch.source.statements import asks_for_gradients

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 16  # backward passes that are read closely
SURE = 3  # steps of which each must leave the same sum's term out
DEEP = 2_000  # nodes of a graph that are searched
FRAMES = 2  # running functions in which sums are looked for


@dataclass(eq=False, slots=True)
class Total:
    """One variable of one function that holds a sum of losses.

    Args:
        place: the line of the backward() that was called on less than it.
        name: of the variable.
        node: of the newest sum.
        open: terms of that one that no backward() has reached yet → their numbers.
        looks: sums that were read.
        open_ever: numbers of the terms that were missing at a backward().
        reached: numbers of those that some backward() has reached.
    """

    place: Place
    name: str
    node: Any = None
    open: dict[Any, int] = field(default_factory=dict)
    looks: int = 0
    open_ever: set[int] = field(default_factory=set)
    reached: set[int] = field(default_factory=set)


class LeftOut(Watcher):
    """Compares what is sent back with the sums that the same function has made of it."""

    codes = ("R107",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.totals: dict[tuple[str, str], Total] = {}
        self.sent: set[Any] = set()

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        if self.looks >= LOOKS:
            self.sent = set()
            for total in self.totals.values():
                total.node, total.open = None, {}
            return
        self.looks += 1
        graph = {node for root in roots for node in nodes_of(root, DEEP)}
        for total in self.totals.values():
            total.reached |= {number for node, number in total.open.items() if node in graph}
        for frame in islice(frames(), FRAMES):
            self._look_for_dropped(frame)
            if len(roots) == 1 and not asks_for_gradients(frame.f_code.co_filename):
                self._look_for_totals(frame, roots[0], graph)
        for root in roots:
            self.sent |= {root.grad_fn, *terms_of(root.grad_fn)}

    def _look_for_totals(self, frame: FrameType, root: torch.Tensor, graph: set[Any]) -> None:
        for name, value in locals_of(frame).items():
            if not isinstance(value, torch.Tensor) or value is root or value.numel() != 1:
                continue
            node = value.grad_fn
            if node is None or node in graph:
                continue
            terms = {term: number for number, term in enumerate(terms_of(node))}
            if not terms.keys() & graph:
                continue
            place = Place.of(frame)
            total = self.totals.setdefault((place.file, name), Total(place, name))
            if total.node is node:
                continue  # of an earlier backward() of the same step
            total.node, total.open = node, {}
            total.looks += 1
            for term, number in terms.items():
                if term in graph or term in self.sent or next(leaves_of(term, DEEP), None) is None:
                    total.reached.add(number)
                else:
                    total.open[term] = number
                    total.open_ever.add(number)

    def ended(self) -> None:
        for total in self.totals.values():
            lacking = total.open_ever - total.reached
            if not lacking or total.looks < SURE or self.world.found("R107"):
                continue
            self.world.report(
                "R107",
                "warning",
                f"`{total.name}`",
                "it adds further terms to the loss, and backward() is called on that loss alone: "
                f"the other terms of `{total.name}` reach no weight",
                f"call {total.name}.backward(), or leave the sum to the report",
                total.place,
            )

    def _look_for_dropped(self, frame: FrameType) -> None:
        for result in results_alone(frame.f_code):
            if result.lineno >= frame.f_lineno or not isinstance(result, ast.BinOp):
                continue
            parts = [n for n in ast.walk(result) if isinstance(n, ast.Name | ast.Attribute)]
            names = frame.f_globals | locals_of(frame)
            if any(_is_loss(resolved(part, names)) for part in parts):
                text = ast.unparse(result)
                self.world.report(
                    "R107",
                    "error",
                    f"`{text}`",
                    "its result is computed and thrown away: nothing of it reaches backward()",
                    f"assign it: loss = {text}",
                    Place(frame.f_code.co_filename, result.lineno),
                )


def _is_loss(thing: Any) -> bool:
    """Whether a thing is one number with a graph."""
    return isinstance(thing, torch.Tensor) and thing.numel() == 1 and thing.grad_fn is not None
