"""The program's own arrays: where the samples of a batch came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch

from lamplighter.checks.batches import is_dense
from lamplighter.watch.source.roles import likely_role
from lamplighter.watch.source.sight import things_in_sight

FEWEST = 32  # rows of an array that may hold a data set
LARGEST = 2**23  # values of one that is looked at
MOST = 48
MOST_ALIKE = 2**18  # rows of one that begin with the same number
FEWEST_ROWS, MOST_ROWS, MOST_VALUES = 8, 2**18, 2**22  # of a table that is scaled


@dataclass(eq=False)
class Array:
    """One array of the program.

    Args:
        name: as the program calls it.
        values: the same numbers as a tensor; memory is shared where it can be.
    """

    name: str
    values: torch.Tensor

    def rows(self) -> torch.Tensor:
        """`(N, D)` in single precision."""
        return self.values.reshape(len(self.values), -1).float()

    def shaped(self, like: torch.Tensor) -> torch.Tensor | None:
        """The samples in the shape and kind in which the network gets them."""
        if self.values[0].numel() != like[0].numel():
            return None
        return self.values.reshape(len(self.values), *like.shape[1:]).to(like.dtype)


@dataclass(eq=False)
class Origin:
    """The array that a batch came from, and which of its rows these were.

    Args:
        array: of the program.
        indices: the first row that each sample equals.
        again: all rows that a sample equals, by its place in the batch, where they are several.
    """

    array: Array
    indices: list[int]
    again: dict[int, list[int]] = field(default_factory=dict)

    @property
    def in_a_row(self) -> bool:
        """Whether the batch is a slice."""
        first = self.indices[0]
        return self.indices == list(range(first, first + len(self.indices)))


class Sight:
    """The program's arrays at one moment, for all who ask then; where a batch came from is kept."""

    def __init__(self) -> None:
        self.arrays = arrays_in_sight()
        self._known: list[tuple[torch.Tensor, Origin | None]] = []

    def origin_of(self, batch: torch.Tensor) -> Origin | None:
        """The same as `origin_of`, of all arrays."""
        for known, origin in self._known:
            if known is batch:
                return origin
        self._known.append((batch, origin_of(batch, self.arrays)))
        return self._known[-1][1]


def arrays_in_sight() -> list[Array]:
    """Tensors and NumPy arrays of samples that a running function can name."""
    found: list[Array] = []
    seen: set[int] = set()
    for name, thing in things_in_sight(dotted=True):
        if id(thing) in seen or len(found) >= MOST:
            continue
        seen.add(id(thing))
        values = _as_tensor(thing)
        if values is not None:
            found.append(Array(name, values))
    return found


def _as_tensor(thing: Any) -> torch.Tensor | None:
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind not in "fiub" or thing.ndim == 0:
            return None
        if len(thing) < FEWEST or thing.size > LARGEST:
            return None
        return torch.as_tensor(np.ascontiguousarray(thing))
    if not isinstance(thing, torch.Tensor) or isinstance(thing, torch.nn.Parameter):
        return None
    if not is_dense(thing):
        return None
    if thing.dim() == 0 or len(thing) < FEWEST or thing.numel() > LARGEST or thing.requires_grad:
        return None
    if thing.is_cuda or thing.is_complex():
        return None
    return thing.detach()


def table_of(rows: Any) -> torch.Tensor | None:
    """`(N, D)` in double precision of what a scaler is given; None where it is no plain table."""
    values = rows.to_numpy() if hasattr(rows, "to_numpy") else rows
    if hasattr(values, "toarray") and values.shape[0] * values.shape[1] <= MOST_VALUES:
        values = values.toarray()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if array.ndim != 2 or not FEWEST_ROWS <= len(array) <= MOST_ROWS or array.size > MOST_VALUES:
        return None
    return torch.from_numpy(array.copy())


def prints_of(rows: torch.Tensor) -> list[bytes]:
    """A digest of each row `(N, …)` in single precision.

    Two sums of the row's words, each word times a number of its place: all rows in one go, where a
    digest row by row takes seconds for a million of them.
    """
    values = rows.detach().cpu().reshape(len(rows), -1).contiguous().float().numpy()
    sums = values.view(np.uint32).astype(np.uint64) @ _factors(values.shape[1])
    prints: list[bytes] = sums.view("V16").ravel().tolist()
    return prints


@cache
def _factors(width: int) -> Any:
    """`(width, 2)` numbers that are the same in every run."""
    return np.random.default_rng(0).integers(1, 2**64 - 1, size=(width, 2), dtype=np.uint64) | 1


def origin_of(batch: torch.Tensor, arrays: list[Array]) -> Origin | None:
    """The smallest array that holds every row of a batch, and more than it if there is one.

    Args:
        batch: `(B, …)` as a network got it.
        arrays: of the program.
    """
    rows = batch.detach().cpu().reshape(len(batch), -1).float()[:64]
    whole: Origin | None = None
    fitting = [a for a in arrays if len(a.values) >= len(batch) and _width(a) == rows.shape[1]]
    origins: list[Origin] = []
    for array in sorted(fitting, key=lambda a: len(a.values)):
        if origins and len(array.values) > len(origins[0].array.values):
            break
        found = _indices_of(rows, array) if _holds_first(array, rows[0]) else None
        if found is None:
            continue
        again = {place: alike for place, alike in enumerate(found) if len(alike) > 1}
        origin = Origin(array, [alike[0] for alike in found], again)
        # as long as the batch: a training set given as a whole, or the very batch
        if len(array.values) > len(batch) or likely_role([array.name], None) == "train":
            origins.append(origin)
        elif whole is None:
            whole = origin
    slices = [origin for origin in origins if origin.in_a_row]
    return next(iter([*slices, *origins]), whole)


def _indices_of(rows: torch.Tensor, array: Array) -> list[list[int]] | None:
    """Where an array holds these rows, or None where one is missing.

    Of a large array only the rows are read that begin with the same number as one of these.
    """
    whole = array.rows()
    first = whole[:, 0]
    places = (torch.isin(first, rows[:, 0]) | torch.isnan(first)).nonzero().flatten()
    if len(places) > MOST_ALIKE:
        return None
    known: dict[bytes, list[int]] = {}
    for index, print_ in zip(places.tolist(), prints_of(whole[places]), strict=True):
        known.setdefault(print_, []).append(index)
    wanted = prints_of(rows)
    return [known[p] for p in wanted] if all(p in known for p in wanted) else None


def companion_of(origin: Origin, targets: torch.Tensor, arrays: list[Array]) -> torch.Tensor | None:
    """The array of targets that belongs to an origin: as long, and the same at the batch's rows."""
    wanted = targets.detach().cpu().reshape(len(targets), -1)[: len(origin.indices)].float()
    for array in arrays:
        if len(array.values) == len(origin.array.values) and array is not origin.array:
            rows = array.rows()
            if rows.shape[1] == wanted.shape[1] and _are_of(origin, rows, wanted):
                return array.values
    return None


def _are_of(origin: Origin, rows: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whether the rows of another array are these at the places of a batch."""
    same = (rows[origin.indices] == wanted).all(1)
    for place in (~same).nonzero().flatten().tolist():
        several = origin.again.get(place, [])
        if not any(torch.equal(rows[index], wanted[place]) for index in several):
            return False
    return True


def _width(array: Array) -> int:
    return int(array.values[0].numel())


def _holds_first(array: Array, row: torch.Tensor) -> bool:
    """A quick look before every row is read: whether the first number of a row occurs."""
    column = array.values.reshape(len(array.values), -1)[:, 0].float()
    return bool((column == row[0]).any())
