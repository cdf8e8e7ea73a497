"""Columns of an answer that meet other columns of its target than the losses say: E101."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lamplighter.checks.scoring import columns_shifted
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import KEEPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

FEWEST, MOST = 3, 64  # columns of an answer whose columns may mean different things
SURE = 2  # times that two columns must meet
SHAPES = 8  # shapes of answers that are remembered, the newest
# of single numbers: columns stay what they are
ALONE = KEEPING | {"sigmoid", "exp", "abs", "sqrt", "tanh", "relu", "clamp", "log", "neg", "square"}
ALONE |= {"clamp_min", "clamp_max", "pow"}
# two that are the same amount may meet so; a factor or an offset of another column is no mistake
COMPARING = frozenset(("max", "maximum", "min", "minimum", "sub"))
MEETING = COMPARING | {"mul", "div", "add"}


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of an answer, or of a tensor of the same shape without a graph.

    Args:
        is_answer: which of the two.
        columns: their numbers in the whole, in order.
        is_flat: whether the dimension of the columns is gone.
        place: where they were cut out of the whole.
    """

    is_answer: bool
    columns: tuple[int, ...]
    is_flat: bool = False
    place: Place | None = field(default=None, compare=False)


class Columns(Watcher):
    """Notes which columns losses bring together, and which the program's own arithmetic does."""

    codes = ("E101",)
    operations = ALONE | MEETING | {"__getitem__"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts: ByIdentity[Part] = ByIdentity()
        self.shapes: list[tuple[int, ...]] = []
        self.losses: dict[str, set[frozenset[int]]] = defaultdict(set)
        self.met: Counter[tuple[tuple[int, ...], tuple[int, ...], Place | None]] = Counter()
        self.is_series = False  # whether columns are held against their own neighbours

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        for tensor in shallow((output,)):
            if tensor.dim() > 1 and FEWEST <= tensor.shape[-1] <= MOST:
                self.parts[tensor] = Part(True, tuple(range(tensor.shape[-1])))
                shape = tuple(tensor.shape)
                if shape not in self.shapes:
                    self.shapes = [*self.shapes[1 - SHAPES :], shape]

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        one, other = (self.parts.get(given.get(key)) for key in ("input", "target"))
        if one is None or other is None or one.columns != other.columns:
            return
        if one.is_answer and not other.is_answer:
            self.losses[name].add(frozenset(one.columns))

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not self.shapes or not isinstance(result, Tensor) or not args:
            return
        if name == "__getitem__":
            self._take(args[0], args[1], result)
        elif name in ALONE:
            if (known := self.parts.get(args[0])) is not None:
                self.parts[result] = known
        elif name in MEETING:
            parts = [p for a in args if isinstance(a, Tensor) and (p := self.parts.get(a))]
            tensors = sum(isinstance(a, Tensor) and a.dim() > 0 for a in args)
            if parts and tensors == len(parts):
                self._meet(name, parts, result)

    def _take(self, base: Any, index: Any, result: Tensor) -> None:
        if not isinstance(base, Tensor) or not result.is_floating_point():
            return
        known = self.parts.get(base)
        if known is None:
            if base.requires_grad or tuple(base.shape) not in self.shapes:
                return
            known = Part(False, tuple(range(base.shape[-1])))
        if known.is_flat:
            self.parts[result] = known
            return
        taken = columns_in(index, base.shape)
        if taken is not None:
            columns = tuple(known.columns[i] for i in taken[0])
            place = known.place or (here() if len(columns) < base.shape[-1] else None)
            self.parts[result] = Part(known.is_answer, columns, taken[1], place)

    def _meet(self, name: str, known: list[Part], result: Tensor) -> None:
        if len(known) == 1:
            self.parts[result] = known[0]
            return
        one, other = known[0], known[-1]
        if one.is_answer is other.is_answer:
            self.is_series |= name == "sub" and _are_neighbours(one.columns, other.columns)
            columns = tuple(sorted({*one.columns, *other.columns}))
            self.parts[result] = replace(one, columns=columns, is_flat=True)
            return
        mine, theirs = (one, other) if one.is_answer else (other, one)
        if name in COMPARING and mine.columns != theirs.columns:
            self.met[mine.columns, theirs.columns, mine.place] += 1

    def ended(self) -> None:
        if self.is_series:
            return  # the places of a forecast: a step is held against the true one before it
        by_shift: dict[int, list[tuple[tuple[int, ...], Place | None]]] = defaultdict(list)
        for (mine, theirs, place), times in self.met.items():
            shifts = {b - a for a, b in zip(mine, theirs, strict=False)}
            if times >= SURE and len(mine) == len(theirs) and len(shifts) == 1:
                by_shift[shifts.pop()].append((mine, place))
        for shift, several in by_shift.items():
            columns = sorted({column for mine, _ in several for column in mine})
            moved = [column + shift for column in columns]
            if not set(columns) & set(moved) or self.world.found("E101"):
                continue
            if self._mean_what_they_are({*columns, *moved}):
                self.world.adopt(columns_shifted(columns, moved), several[0][1])

    def _mean_what_they_are(self, columns: set[int]) -> bool:
        """Whether losses of several kinds bring each of these columns to the one of its own number."""
        kinds = {name: [c for c in sets if c & columns] for name, sets in self.losses.items()}
        kinds = {name: sets for name, sets in kinds.items() if sets}
        covered = {column for sets in kinds.values() for part in sets for column in part}
        apart = any(
            not a & b
            for name, sets in kinds.items()
            for other, others in kinds.items()
            if name < other
            for a in sets
            for b in others
        )
        return columns <= covered and apart


def _are_neighbours(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether a run of columns is the same run a little further on, and no other one, as of sizes."""
    shifts = {b - a for a, b in zip(one, other, strict=False)}
    moved = len(one) == len(other) and len(shifts) == 1 and shifts != {0}
    return moved and not set(one).isdisjoint(other)


def columns_in(index: Any, shape: Sequence[int]) -> tuple[tuple[int, ...], bool] | None:
    """Which columns, along the last dimension, an index takes.

    Args:
        index: as in `tensor[index]`.
        shape: of the tensor.

    Returns:
        Their numbers, and whether that dimension is gone; None where it is not known.
    """
    count = shape[-1]
    several = index if isinstance(index, tuple) else (index,)
    if any(part is None for part in several):
        return None
    chosen = [
        part for part in several if not isinstance(part, slice | int) and part is not Ellipsis
    ]
    if chosen:
        rows = len(several) == 1 and isinstance(chosen[0], Tensor) and chosen[0].dim() < len(shape)
        return (tuple(range(count)), False) if rows else None
    reaches = any(part is Ellipsis for part in several) or len(several) == len(shape)
    last = several[-1] if reaches else Ellipsis
    if isinstance(last, slice):
        return tuple(range(*last.indices(count))), False
    if isinstance(last, int):
        return (last % count,), True
    return tuple(range(count)), False
