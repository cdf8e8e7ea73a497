"""Terms of a loss that are computed, and that no backward() ever reaches: M114."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.loss.graphs import leaves_of, nodes_of
from lamplighter.watch.source.place import Place, locals_of, statement_at, tree_of, user_frame
from lamplighter.watch.source.statements import block_of, called_name

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 16  # backward passes that are read closely
SURE = 3  # of one line must leave the term out
MOST = 16  # losses of torch for one backward()
DEEP = 2_000  # nodes of a graph that are searched

_TERM = re.compile(
    r"(^|_)(loss|losses|penalty|penalties|gp|reg|regulari[sz]er|regulari[sz]ation|kl|kld|kl_div|"
    r"l1|l2|tv|commitment|consistency|aux|adv|recon|rec|ortho|divergence)(_|\d*$)"
)
_OTHER = re.compile(
    r"(^|_)(val|valid|test|eval|dev|log|old|last|prev|best|total|epoch|running)(_|$)"
)
_SUMMING = ("MeanBackward", "SumBackward", "MulBackward", "DivBackward", "NegBackward")
# what is done with a figure that is only shown
_SHOWING = frozenset(
    (
        *("item", "detach", "cpu", "numpy", "tolist", "clone", "float", "print", "append", "mean"),
        *("update", "log", "log_dict", "add_scalar", "info", "debug", "format", "set_postfix"),
        *("set_description", "round", "isnan", "isfinite", "str", "write"),
    )
)


@dataclass(eq=False, slots=True)
class Term:
    """One variable of one function that holds a differentiable figure.

    Args:
        place: its assignment.
        missed: backward passes that left it out.
        used: whether any backward has reached it.
    """

    place: Place
    missed: int = 0
    used: bool = False


class Terms(Watcher):
    """Looks at the variables beside the one that is sent back."""

    codes = ("M114",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.terms: dict[tuple[str, str, int], Term] = {}
        self.held: list[tuple[Term, Any]] = []
        # losses of torch since the last backward(): each, what it compares, and with what
        self.losses: list[tuple[torch.Tensor, Any, Any]] = []

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        if self.looks < LOOKS and isinstance(result, torch.Tensor) and len(self.losses) < MOST:
            self.losses.append((result, given.get("input"), given.get("target")))

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        losses, self.losses = self.losses, []
        if self.looks >= LOOKS:
            self.held = []
            return
        self.looks += 1
        graph = {node for root in roots for node in nodes_of(root, DEEP)}
        for term, node in self.held:
            term.used |= node in graph
        self.held = []
        frame = user_frame(1)
        statement = None if frame is None else _sending(frame)
        if frame is None or statement is None:
            return
        for name, value, place in _figures(frame, statement):
            if _is_another_measure(value, losses, graph):
                continue
            key = (place.file, name, place.line)
            term = self.terms.setdefault(key, Term(place))
            node = _summed_up(value.grad_fn)
            known = node in graph or _is_way_gone(node, graph)
            if known or any(value is root for root in roots):
                term.used = True
            elif next(leaves_of(value, DEEP), None) is not None:
                term.missed += 1
                self.held.append((term, node))  # a second backward may still come for it

    def ended(self) -> None:
        for (_, name, _), term in self.terms.items():
            if term.used or term.missed < SURE or self.world.found("R107"):
                continue
            self.world.report(
                "M114",
                "warning",
                f"`{name}`",
                "it is computed from the weights at every step, and no backward() ever reaches "
                "it: the term changes nothing",
                "add it to the loss before backward(), or compute it under torch.no_grad()",
                term.place,
            )


def _is_another_measure(
    value: torch.Tensor, losses: list[tuple[torch.Tensor, Any, Any]], graph: set[Any]
) -> bool:
    """Whether a figure compares the same two as a loss that is sent back: it is shown beside it."""
    mine = next((loss for loss in losses if loss[0] is value), None)
    if mine is None:
        return False
    sent = [loss for loss in losses if loss[0] is not value and loss[0].grad_fn in graph]
    return any(loss[1] is mine[1] and loss[2] is mine[2] for loss in sent)


def _summed_up(node: Any) -> Any:
    """What a figure is the mean, the sum or a multiple of: `kl.mean()` is shown where `kl` is sent back."""
    while any(name in node.name() for name in _SUMMING):
        inner = [one for one, _ in node.next_functions if one is not None]
        if len(inner) != 1:
            break
        node = inner[0]
    return node


def _is_way_gone(node: Any, graph: set[Any]) -> bool:
    """Whether a figure is how far from fixed numbers something in the loss has come.

    `(old_log_probs - log_probs).mean()` tells of a policy when to stop, and is no term.
    """
    inner = [one for one, _ in node.next_functions if one is not None]
    difference = node.name().startswith(("SubBackward", "RsubBackward"))
    return difference and len(inner) == 1 and inner[0] in graph


def _sending(frame: FrameType) -> ast.stmt | None:
    """The statement of a frame that calls `backward()`, or None."""
    place = Place.of(frame)
    statement = statement_at(place)
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.Call) and called_name(node) == "backward":
            return statement
    return None


def _figures(frame: FrameType, sending: ast.stmt) -> Iterator[tuple[str, torch.Tensor, Place]]:
    """The differentiable figures that the same block has assigned and does nothing with but show."""
    file = frame.f_code.co_filename
    block = block_of(file, sending)
    before = block[: block.index(sending)] if block else []
    space: dict[str, Any] | None = None
    for statement in before:
        for name in _assigned(statement):
            if not _TERM.search(name.lower()) or _OTHER.search(name.lower()):
                continue
            if space is None:
                space = locals_of(frame)
            value = space.get(name)
            if not isinstance(value, torch.Tensor) or value.numel() != 1 or value.grad_fn is None:
                continue
            if only_shown(file, name):
                yield name, value, Place(file, statement.lineno)


def _assigned(statement: ast.stmt) -> list[str]:
    if not isinstance(statement, ast.Assign):
        return []
    targets = [t for target in statement.targets for t in _flat(target)]
    return [t.id for t in targets if isinstance(t, ast.Name)]


def _flat(target: ast.expr) -> list[ast.expr]:
    return list(target.elts) if isinstance(target, ast.Tuple | ast.List) else [target]


@cache  # the same line asks in many steps, and a file may be long
def only_shown(file: str, name: str) -> bool:
    """Whether a name is read nowhere in a file but where figures are shown."""
    tree = tree_of(file)
    if tree is None:
        return False
    shown: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Call) and called_name(node) in _SHOWING
        ):
            shown.update(ast.walk(node))
    reads = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
    ]
    return all(n in shown for n in reads)
