"""Numbers that the program takes out of differentiable tensors, and where it adds them to a loss."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch

from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.loss.graphs import nodes_of
from lamplighter.watch.source.lineage import lineage_of_name
from lamplighter.watch.source.place import Place, locals_of, statement_at, user_frame

MOST = 64  # numbers that are remembered of one step
DEEP = 2_000  # nodes of a graph that are searched
TAKING = ("item", "tolist", "__float__")
PLAIN = (0.0, 1.0, -1.0)  # numbers that anything may be


@dataclass(frozen=True, slots=True)
class Taken:
    """A number that was a tensor with a graph.

    Args:
        value: of it.
        node: what computed the tensor.
        place: where it became a number.
    """

    value: float
    node: Any
    place: Place


class TakenNumbers:
    """What `item()` and its like gave since the last `backward()`."""

    def __init__(self) -> None:
        self.known: list[Taken] = []
        self.detached: ByIdentity[Taken] = ByIdentity()
        self.sent: ByIdentity[bool] = ByIdentity()  # what has had its backward()

    def note(self, tensor: Any, value: Any, place: Place | None) -> None:
        """A tensor of one number has become one of Python's."""
        if not isinstance(tensor, torch.Tensor) or not isinstance(value, float) or place is None:
            return
        before = self.detached.get(tensor)
        node = tensor.grad_fn if before is None else before.node
        if node is not None and not self.sent.get(tensor) and len(self.known) < MOST:
            self.known.append(Taken(value, node, place))

    def detach(self, tensor: torch.Tensor, result: torch.Tensor, place: Place | None) -> None:
        """A tensor of one number has lost its graph."""
        if tensor.grad_fn is None or place is None or self.sent.get(tensor):
            return
        if len(self.detached) < MOST:
            self.detached[result] = Taken(float("nan"), tensor.grad_fn, place)

    def source_of(self, number: float) -> Taken | None:
        """The number that another one, which is about to be added to a tensor, was made from.

        Args:
            number: as it is added in the running statement of the program.
        """
        if not self.known or number in PLAIN:
            return None
        for one in self.known:
            if one.value == number:
                return one
        frame = user_frame(2)
        return self._in_statement(frame) if frame is not None else None

    def _in_statement(self, frame: FrameType) -> Taken | None:
        """The one that a side of the running sum names, or that made what it names."""
        place = Place.of(frame)
        statement = statement_at(place)
        if statement is None:
            return None
        space = frame.f_globals | locals_of(frame)
        for side in _sides(statement):
            names = [n for n in ast.walk(side) if isinstance(n, ast.Name)]
            values = [space.get(name.id) for name in names]
            for one in self.known:
                inside = one.place == place and _takes(side)
                if inside or any(isinstance(v, float) and v == one.value for v in values):
                    return one
            if any(isinstance(value, torch.Tensor) for value in values):
                continue
            for name, value in zip(names, values, strict=True):
                if isinstance(value, float) and value not in PLAIN:
                    lines = {link.line for link in lineage_of_name(name.id, place).links}
                    made = [o for o in self.known if o.place.line in lines]
                    if made and all(o.place.file == place.file for o in made):
                        return made[0]
        return None

    def outside(self, one: Taken, root: torch.Tensor) -> bool:
        """Whether the tensor behind a number has no part in what is sent back."""
        return all(node is not one.node for node in nodes_of(root, DEEP))

    def clear(self) -> None:
        """A step is over: nothing is held longer than the program's own graph."""
        self.known, self.detached = [], ByIdentity()


def _sides(statement: ast.stmt) -> Iterator[ast.expr]:
    """What a statement adds to something, or takes from it."""
    for node in ast.walk(statement):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            yield from (node.right, node.left)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
            yield node.value


def _takes(side: ast.expr) -> bool:
    calls = [n.func for n in ast.walk(side) if isinstance(n, ast.Call)]
    methods = [f.attr for f in calls if isinstance(f, ast.Attribute)]
    return (
        "item" in methods
        or "tolist" in methods
        or any(isinstance(f, ast.Name) and f.id == "float" for f in calls)
    )
