"""Which number each name of a column has: what encoders made, and what the program wrote itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from lamplighter.checks.numbering import FEWEST, numbering
from lamplighter.watch.data.name_lists import MOST_SAMPLES, names_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST = 64  # columns that are kept
WIDEST = 64  # columns of one table
MOST_LOOKS = 48  # tensors whose makers are looked at
MOST_AT_A_LINE = 3  # of these: what is made there again and again is no column
MAKING = ("tensor", "as_tensor", "asarray", "from_numpy")


@dataclass(eq=False)
class Encoded:
    """One column as it was numbered.

    Args:
        table: name → number.
        numbers: one for each row, in bytes.
        values: those that occur.
    """

    table: dict[str, int]
    numbers: bytes
    values: frozenset[int]
    place: Place | None

    def is_of(self, made: list[int]) -> bool:
        """Whether these are the numbers of the column."""
        return self.numbers == np.asarray(made, dtype=np.int64).tobytes()


class Numbered(Watcher):
    """Keeps such tables; judges nothing itself.

    A program that numbers names by a dictionary of its own still makes a tensor of the numbers. Where
    a function does that, the names lie beside it: in a list, or as a field of records.
    """

    operations = frozenset(MAKING)

    def __init__(self, world: World) -> None:
        self.world = world
        world.numbered = self
        self.known: list[Encoded] = []
        self.looks: dict[Place | None, int] = {}

    def names_encoded(self, names: Any, numbers: Any) -> None:
        for given, made in _columns_of(names, numbers):
            self._keep(given, made, here())

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name not in MAKING or not isinstance(result, Tensor) or len(self.known) >= MOST:
            return
        columns = [made for made in _whole_columns(result) if not self._knows(made)]
        if not columns or sum(self.looks.values()) >= MOST_LOOKS:
            return
        place = here()
        if self.looks.get(place, 0) >= MOST_AT_A_LINE:
            return
        self.looks[place] = self.looks.get(place, 0) + 1
        for _, thing in things_in_sight():
            for names in names_in(thing):
                if len(names) == len(result):
                    for made in columns:
                        self._keep(names, made, place)

    def _knows(self, made: list[int]) -> bool:
        return any(one.is_of(made) for one in self.known)

    def _keep(self, names: list[str], made: list[int], place: Place | None) -> None:
        table = numbering(names, made)
        if table is None or len(self.known) >= MOST:
            return
        if not any(one.table == table and one.is_of(made) for one in self.known):
            row = np.asarray(made, dtype=np.int64).tobytes()
            self.known.append(Encoded(table, row, frozenset(made), place))


def _whole_columns(made: Tensor) -> Iterator[list[int]]:
    """The columns of a new tensor that hold few different whole numbers."""
    if made.dim() not in (1, 2) or not FEWEST <= len(made) <= MOST_SAMPLES:
        return
    if made.is_cuda or made.is_sparse or made.is_complex() or made.requires_grad:
        return
    table = made.detach().reshape(len(made), -1)
    for place in range(min(WIDEST, table.shape[1])):
        column = table[:, place]
        if bool((column == column.round()).all() if made.is_floating_point() else True):
            values = column.long()
            if 2 <= len(values.unique()) <= len(values) // 2:
                yield values.tolist()


def _columns_of(names: Any, numbers: Any) -> Iterator[tuple[list[str], list[int]]]:
    """Each column that an encoder was given, and what it made of it."""
    given, made = (
        np.asarray(x.to_numpy() if hasattr(x, "to_numpy") else x) for x in (names, numbers)
    )
    if given.shape != made.shape or given.ndim not in (1, 2) or made.dtype.kind not in "iuf":
        return
    if len(given) > MOST_SAMPLES or given.dtype.kind not in "UO":
        return
    if given.ndim == 1:
        given, made = given[:, None], made[:, None]
    for place in range(min(WIDEST, given.shape[1])):
        column, values = given[:, place].tolist(), made[:, place]
        whole = bool(np.isfinite(values).all()) and bool((values == np.round(values)).all())
        if whole and all(isinstance(name, str) for name in column):
            yield column, values.astype(np.int64).tolist()
