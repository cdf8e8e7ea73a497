"""Returns that weigh the actions of an episode, held against its rewards: Q103."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lamplighter.checks.reinforcement import (
    Vector,
    are_alike,
    kind_of_returns,
    returns_of_the_past,
)
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.flags import numbers_in, things_in
from lamplighter.watch.source.place import (
    Place,
    frames,
    function_around,
    locals_of,
    tree_of,
    user_frame,
)
from lamplighter.watch.source.statements import called_name
from lamplighter.watch.taps.names import KEEPING, RESHAPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 32  # backward passes of which the rewards are looked for
SURE = 3  # updates in a row that must show the same
FEWEST, LONGEST = 4, 2_000  # actions of an update
USUAL = (1.0, 0.999, 0.995, 0.99, 0.98, 0.97, 0.95, 0.9, 0.8, 0.5)
MAKING = ("tensor", "as_tensor", "from_numpy", "FloatTensor")
CARRYING = KEEPING | RESHAPING | {"sub", "div", "mul", "add", "neg", "flip"}
EVEN = 1e-4  # steps whose values are all alike leave nothing to compare
KINDS = ("past", "turned", "alone")
MOST = 24  # discounts, and rows of rewards, that are tried


@dataclass(eq=False, slots=True)
class Weights:
    """Numbers without a graph that met as many numbers with one.

    Args:
        values: a number for each action, `(n,)`.
        in_order: whether the actions are known to stand as they were taken.
        place: where they were made, else where they met.
        weigh: whether they multiply what may be logarithms of probabilities.
    """

    values: Tensor
    in_order: bool
    place: Place
    weigh: bool


class Returns(Watcher):
    """Looks, when an update is sent back, whether its weights are sums of rewards."""

    codes = ("Q103",)
    operations = CARRYING | {*MAKING, "stack", "cat", "mul", "sub", "rsub"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.met: list[Weights] = []
        self.stacked: tuple[Tensor, bool] | None = None
        self.made: ByIdentity[Place] = ByIdentity()
        self.rows: list[Tensor] = []
        self.single: dict[Place, list[float]] = {}
        self.entered: weakref.ref[Tensor] | None = None
        self.times = 0
        self.before = ""

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.looks >= LOOKS:
            return
        if name in ("stack", "cat") and isinstance(result, Tensor) and result.requires_grad:
            self._stacked(args, result)
            return
        if isinstance(result, Tensor) and not result.requires_grad:
            self._follow(name, args, result)
        elif name in ("mul", "sub", "rsub") and len(args) == 2:
            one, other = args
            if result.numel() == 1 and name == "mul":
                self._meet_one(*((one, other) if isinstance(one, Tensor) else (other, one)))
                return
            both = isinstance(one, Tensor) and isinstance(other, Tensor) and len(self.met) < 8
            if both and one.requires_grad != other.requires_grad:
                weights, actions = (other, one) if one.requires_grad else (one, other)
                self._meet(weights, actions, weigh=name == "mul")

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        first = args[0] if args else None
        if self.looks < LOOKS and isinstance(first, Tensor) and first.dim() and len(first) > 1:
            self.entered = weakref.ref(first)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        entered, target = given.get("input"), given.get("target")
        both = isinstance(entered, Tensor) and isinstance(target, Tensor)
        if not both or self.looks >= LOOKS or len(self.met) >= 8:
            return
        if entered.requires_grad and not target.requires_grad:  # type: ignore[union-attr]
            self._meet(target, entered, weigh=False)  # type: ignore[arg-type]

    def _follow(self, name: str, args: tuple[Any, ...], result: Tensor) -> None:
        """Where a row of numbers without a graph was made."""
        if name in MAKING and result.numel() >= FEWEST:
            frame = user_frame(2)
            if frame is not None:
                self.made[result] = Place.of(frame)
        elif name in CARRYING and len(self.made):
            known = [p for a in args if isinstance(a, Tensor) and (p := self.made.get(a))]
            if len(known) == 1:
                self.made[result] = known[0]

    def _stacked(self, args: tuple[Any, ...], result: Tensor) -> None:
        parts = args[0] if args else ()
        if isinstance(parts, list | tuple) and len(parts) == result.numel():
            # the graph numbers what it records, so the order in which actions were taken shows
            numbers = [p.grad_fn._sequence_nr() for p in parts if p.grad_fn is not None]
            self.stacked = (result, numbers == sorted(numbers))

    def _meet(self, weights: Tensor, actions: Tensor, *, weigh: bool) -> None:
        count = weights.numel()
        rows = FEWEST <= count <= LONGEST and weights.is_floating_point()
        frame = user_frame(2) if rows and actions.numel() == count else None
        if frame is not None:
            known = self.stacked is not None and self.stacked[1]
            in_order = known and self.stacked is not None and self.stacked[0].numel() == count
            place = Place.of(frame)
            made = self.made.get(weights) or place
            weigh = weigh and bool((actions <= 0).all() or (actions >= 0).all())
            self.met.append(Weights(weights.detach().flatten().clone(), in_order, made, weigh))

    def _meet_one(self, action: Any, weight: Any) -> None:
        """One action after the other, with a plain number or an entry of a row of them."""
        if isinstance(weight, Tensor) and weight.requires_grad:
            action, weight = weight, action
        if isinstance(weight, Tensor):
            row = weight._base
            if row is not None and row.dim() == 1 and not any(w is row for w in self.rows):
                self.rows.append(row)
                self._meet(row, action.detach().reshape(1).expand(len(row)), weigh=True)
        elif isinstance(weight, float) and len(self.met) < 8:
            frame = user_frame(2)
            if frame is not None:
                place = Place.of(frame)
                self.single.setdefault(place, []).append(weight)

    def backward_starts(self, roots: tuple[Tensor, ...]) -> None:
        met, self.met, self.stacked, self.rows = self.met, [], None, []
        single, self.single = self.single, {}
        for place, numbers in single.items():
            if FEWEST <= len(numbers) <= LONGEST:
                met.append(Weights(torch.tensor(numbers), False, place, True))
        if not met or self.looks >= LOOKS or self.world.found("Q103"):
            return
        # what values are fitted to counts beside actions that are weighed
        counts = {len(one.values) for one in met if one.weigh}
        if not counts:
            return
        self.looks += 1
        for one in met:
            kind = self._kind(one) if len(one.values) in counts else ""
            if not kind:
                continue
            wrong = kind != "right"
            self.times = self.times + 1 if wrong and kind in KINDS else 0
            self.before = kind
            if self.times == SURE:
                found = returns_of_the_past(kind, len(one.values), self.times)
                self.world.adopt(found, _line_of(kind, one.place))
            return

    def _kind(self, one: Weights) -> str:
        used = one.values.double().cpu().numpy()
        if used.std() < 1e-9 or not np.isfinite(used).all():
            return ""
        around = list(frames(1))[:4]
        discounts = _discounts(around)
        entered = self.entered() if self.entered is not None else None
        in_order = one.in_order or (
            entered is not None and len(entered) == len(used) and _stand_as_kept(around, entered)
        )
        kinds = set()
        rows = list(_rewards(around, used))
        for episodes in rows:
            kind = kind_of_returns(used, episodes, discounts, in_order=in_order)
            if kind == "alone" and _are_sums(episodes, rows, discounts):
                kind = ""  # what is discounted once more may be a return
            kinds |= {kind, _kind_of_last(used, episodes, around, discounts)}
        return "right" if "right" in kinds else max(kinds - {""}, default="")


def _are_sums(
    episodes: list[list[float]], rows: list[list[list[float]]], discounts: list[float]
) -> bool:
    """Whether rows that may be rewards are the discounted sums of others in sight."""
    mine = np.concatenate([np.asarray(e) for e in episodes])
    return any(
        kind_of_returns(mine, other, discounts, in_order=False) == "right"
        for other in rows
        if other is not episodes
    )


def _kind_of_last(
    used: Vector, episodes: list[list[float]], around: list[FrameType], discounts: list[float]
) -> str:
    """What the last of several episodes is made from, where each step is standardised by itself."""
    lengths = {len(e) for e in episodes}
    if len(episodes) < FEWEST or len(lengths) != 1 or min(lengths) < FEWEST:
        return ""
    table = np.asarray(episodes)
    spread = table.std(axis=0)
    if spread.min() < EVEN or not are_alike(used, ((table - table.mean(0)) / spread).ravel()):
        return ""
    last = table[-1]
    rows = [r for r in _rewards(around, last) if not np.array_equal(np.concatenate(r), last)]
    kinds = {
        kind_of_returns(last, row, discounts, in_order=False)
        for row in rows
        if not _are_sums(row, rows, discounts)
    }
    return "right" if "right" in kinds else max(kinds - {""}, default="")


def _line_of(kind: str, place: Place) -> Place:
    """The line that adds up, `running = reward + gamma * running`, or that turns the list round.

    Args:
        kind: "past" or "turned".
        place: where the returns were made; it is the answer where there is no such line.
    """
    around = function_around(place.file, place.line, place.line)
    nodes = list(ast.walk(around)) if around is not None else []
    for node in nodes if kind == "turned" else ():
        if isinstance(node, ast.Call) and called_name(node) == "reverse":
            return Place(place.file, node.lineno)
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Name) and isinstance(value, ast.BinOp):
                again = any(isinstance(n, ast.Name) and n.id == target.id for n in ast.walk(value))
                if again and isinstance(value.op, ast.Add):
                    return Place(place.file, node.lineno)
    return place


def _rewards(around: list[FrameType], used: Vector) -> Iterator[list[list[float]]]:
    """Rows of as many numbers as there are actions, in one episode or several."""
    count, tried = len(used), 0
    for frame in around:
        for _, _, thing in things_in(frame):
            if tried >= MOST:
                return
            for episodes in _rows(thing, count):
                whole = np.concatenate([np.asarray(e) for e in episodes])
                if whole.std() > 0 or len(episodes) == 1:
                    tried += 1
                    yield episodes


def _stand_as_kept(around: list[FrameType], entered: Tensor) -> bool:
    """Whether a network was given observations in the order in which the program keeps them."""
    first, last = _row(entered[0]), _row(entered[-1])
    if first is None or last is None or torch.equal(first, last):
        return False
    things = (thing for frame in around for _, _, thing in things_in(frame))
    lists = (t for t in things if isinstance(t, list) and len(t) == len(entered))
    return any(_is_row(t[0], first) and _is_row(t[-1], last) for t in lists)


def _is_row(thing: Any, row: Tensor) -> bool:
    mine = _row(thing)
    return mine is not None and torch.equal(mine, row)


def _row(thing: Any) -> Tensor | None:
    """The numbers of a tensor or an array, all of one kind and in one place."""
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "biuf":
        return torch.from_numpy(thing.astype(np.float32).ravel())
    return thing.detach().flatten().float().cpu() if isinstance(thing, Tensor) else None


def _rows(thing: Any, count: int) -> Iterator[list[list[float]]]:
    row = numbers_in(thing) if _may_be(thing, count) else None
    if row is not None and len(row) == count:
        yield [row.tolist()]
        return
    if not isinstance(thing, list | tuple) or not thing or len(thing) > count:
        return
    if len(thing) == count and isinstance(thing[0], tuple | list) and len(thing[0]) <= 8:
        if all(isinstance(t, tuple | list) and len(t) == len(thing[0]) for t in thing):
            for column in zip(*thing, strict=True):
                inner = numbers_in(list(column))
                if inner is not None:
                    yield [inner.tolist()]
        return
    rows = [numbers_in(part) for part in thing]
    if all(r is not None for r in rows) and sum(len(r) for r in rows if r is not None) == count:
        yield [r.tolist() for r in rows if r is not None]


def _may_be(thing: Any, count: int) -> bool:
    if isinstance(thing, Tensor):
        return thing.numel() == count
    return isinstance(thing, list | tuple | np.ndarray) and len(thing) == count


def _discounts(around: list[FrameType]) -> list[float]:
    """Numbers up to 1 that the program has in hand or in its text, and the usual ones."""
    found: dict[float, None] = {}
    for frame in around:
        for space in (locals_of(frame), frame.f_globals):
            for thing in list(space.values()):
                if isinstance(thing, float) and 0 < thing <= 1:
                    found[thing] = None
    tree = tree_of(around[0].f_code.co_filename) if around else None
    for node in ast.walk(tree) if tree is not None else ():
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, float) and 0.1 <= value <= 1:
            found[value] = None
    return [*found, *(g for g in USUAL if g not in found)][:MOST]
