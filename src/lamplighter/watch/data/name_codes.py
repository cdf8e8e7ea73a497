"""Columns of names that are numbered anew for evaluation: T102."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.numbering import conflicting, names_numbered_anew
from lamplighter.watch.data.numbered import Encoded
from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.world import SeenModel, World

MOST_CALLS = 200  # of training and of evaluation each
MOST_ROWS = 20_000
WIDEST = 64  # columns of one argument
FEWEST = 16  # rows of an evaluation in a row
Slot = tuple[int, str, int]  # network, argument, column


@dataclass(eq=False)
class Column:
    """What one column of a network's arguments was given.

    Args:
        trained: the numbers that came in training.
        pieces: at evaluation, the numbers of rows that were never trained on, in their order.
    """

    trained: set[int] = field(default_factory=set)
    pieces: list[bytes] = field(default_factory=list)


class NameCodes(Watcher):
    """Holds what was made of names against the numbers that a network is given.

    Several columns of one table may well share an encoder that is fitted on each in turn. So it is
    the column of the network's argument that says which names its numbers stand for, in training
    and at evaluation.
    """

    codes = ("T102",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.columns: dict[Slot, Column] = {}
        self.rows: dict[int, set[float]] = {}
        self.evaluated: dict[int, set[float]] = {}
        self.calls = {True: 0, False: 0}
        self.waiting: tuple[SeenModel, dict[str, Tensor]] | None = None

    @property
    def encoded(self) -> list[Encoded]:
        """What is known of the names so far."""
        return self.world.numbered.known if self.world.numbered is not None else []

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        self.waiting = None
        if not self.encoded or self.calls[torch.is_grad_enabled()] >= MOST_CALLS:
            return
        named = {str(place): thing for place, thing in enumerate(args)} | kwargs
        plain = {name: t for name, t in named.items() if isinstance(t, Tensor) and _is_plain(t)}
        if plain:
            self.waiting = (self.world.seen(module), plain)

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if self.waiting is None or self.waiting[0].module is not module:
            return
        (record, given), self.waiting = self.waiting, None
        learns = torch.is_grad_enabled() and module.training
        self.calls[torch.is_grad_enabled()] += 1
        keys = _keys(list(given.values()))
        known = self.rows.setdefault(id(record), set())
        if not learns and sum(key in known for key in keys) > 0.5 * len(keys):
            return  # how well it knows what it was trained on
        mine = known if learns else self.evaluated.setdefault(id(record), set())
        mine.update(keys[: MOST_ROWS - len(mine)])
        for name, tensor in given.items():
            table = tensor.detach().cpu().reshape(len(tensor), -1)
            for place in range(min(WIDEST, table.shape[1])):
                numbers = table[:, place]
                if not bool((numbers == numbers.round()).all()):
                    continue
                column = self.columns.setdefault((id(record), name, place), Column())
                if learns:
                    column.trained.update(int(n) for n in numbers.unique().tolist())
                elif len(numbers) >= FEWEST and int((numbers != numbers[0]).sum()):
                    column.pieces.append(numbers.to(torch.int64).numpy().tobytes())

    def ended(self) -> None:
        for slot, column in self.columns.items():
            for mine, trained in self._pairs(slot, column) if column.trained else ():
                self.world.adopt(names_numbered_anew(trained.table, mine.table), mine.place)
                return

    def _pairs(self, slot: Slot, column: Column) -> Iterator[tuple[Encoded, Encoded]]:
        """What was evaluated, and the other numbering that training had, where none fits both."""
        rows = sum(len(known.get(slot[0], ())) for known in (self.rows, self.evaluated))
        for piece in column.pieces:
            mine = next((e for e in reversed(self.encoded) if _holds(e.numbers, piece)), None)
            if mine is None or len(mine.numbers) // 8 >= rows:
                continue  # so long that it may hold the rows of training as well
            others = [one for one in self.encoded if one.numbers != mine.numbers]
            if any(_agree(one.table, mine.table) for one in others):
                continue
            for one in others:
                if column.trained <= one.values and conflicting(one.table, mine.table):
                    yield mine, one


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor may be columns of a table."""
    if tensor.dim() not in (1, 2) or not len(tensor) or tensor.requires_grad:
        return False
    return not (tensor.is_sparse or tensor.is_complex() or tensor.is_quantized)


def _keys(given: list[Tensor]) -> list[float]:
    """One number for each row over all arguments."""
    rows = len(given[0])
    parts = [t.detach().cpu().double().reshape(len(t), -1) for t in given if len(t) == rows]
    whole = torch.cat(parts, 1)
    weights = torch.linspace(1.0, 1.7, whole.shape[1], dtype=torch.float64).sqrt()
    keys: list[float] = (whole * weights).sum(1).tolist()
    return keys


def _holds(numbers: bytes, piece: bytes) -> bool:
    """Whether a row of numbers has this piece somewhere."""
    at = numbers.find(piece)
    while at % 8 and at >= 0:
        at = numbers.find(piece, at + 1)
    return at >= 0


def _agree(one: dict[str, int], other: dict[str, int]) -> bool:
    return len(set(one) & set(other)) > 1 and not conflicting(one, other)
