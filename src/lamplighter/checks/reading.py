"""Data sets by what reading them does: samples that are altered in place, and those never reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.checks.snapshot import seed_all

FEW = 16  # entries of a tuple or dictionary that is looked into for arrays
LARGEST = 2**24  # bytes of one stored sample that is copied
TIMES = 4  # as many samples as the length says, at least, where the length is told to be wrong


class StoredSample:
    """The numbers that a data set holds for one sample, as they were before it was read.

    Args:
        dataset: map-style; of a `Subset` the set behind it.
        index: of the sample.
    """

    def __init__(self, dataset: Any, index: int) -> None:
        while isinstance(dataset, Subset):
            dataset, index = dataset.dataset, int(dataset.indices[index])
        self.parts: list[tuple[str, Any, Any]] = []
        for name, value in list(getattr(dataset, "__dict__", {}).items()):
            for rows in _arrays_within(value):
                if len(rows) > index and _is_small(row := rows[index]):
                    self.parts.append((name, row, _copied(row)))

    def altered(self) -> str:
        """The attribute whose numbers are others now, or nothing."""
        return next((name for name, now, before in self.parts if not _equal(now, before)), "")

    def put_back(self) -> None:
        """Writes the old numbers where they were."""
        for _, now, before in self.parts:
            if not _equal(now, before):
                now[...] = before


def altered_by_reading(
    read: Callable[[], Any], held: StoredSample, first: Any, *, where: str = "dataset"
) -> Iterator[Finding]:
    """D104: reading a sample alters what is stored, and the next reading alters it once more.

    What a cache keeps when it is first read stays the same at the second reading. The stored numbers
    are put back in any case.

    Args:
        read: reads the sample again.
        held: what was stored before the first reading.
        first: what that gave, as copies.
        where: the data set.
    """
    name = held.altered()
    readings = [first]
    try:
        for _ in range(2):
            before = [_copied(now) for _, now, _ in held.parts]
            seed_all(0)
            readings.append(copies_of(read()))
            pairs = zip(before, held.parts, strict=True)
            if all(_equal(old, now) for old, (_, now, _) in pairs):
                return
    finally:
        held.put_back()
    shown = [values[0] for values in readings if values]
    if len(shown) < 3 or any(_equal(a, b) for a, b in pairwise(shown)):
        return
    means = ", ".join(f"{float(values.float().mean()):.3g}" for values in shown)
    yield found(
        "D104",
        where,
        f"reading a sample writes into `{name}`, where the data set keeps it: the same sample read "
        f"three times has the means {means}, so each epoch sees other numbers",
        "make a new tensor instead of changing the stored one: x = (x - mean) / std, or x.clone() "
        "first",
        level="error",
    )


def only_the_first_are_drawn(dataset: Any, *, where: str = "dataset") -> Iterator[Finding]:
    """D109: the length is that of something else than the samples, of which it holds far more.

    Told where the last sample of a longer array can be read, the one after it can not, and the
    length is that of another thing the data set holds, as its class names or columns.

    Args:
        dataset: map-style.
        where: its name.
    """
    inside = getattr(dataset, "__dict__", None)
    if not inside or (length := len(dataset)) < 1:
        return
    named = [name for name, value in inside.items() if _length(value) == length]
    longer = sorted({len(rows) for value in inside.values() for rows in _lists_within(value)})
    longer = [size for size in longer if size >= max(TIMES * length, length + FEW)]
    for size in longer if named else ():
        if _reads(dataset, size - 1) is not True or _reads(dataset, size) is not False:
            continue
        last = _first_of(dataset, size - 1)
        near = [_first_of(dataset, index) for index in {0, length - 1, (size - 1) % length}]
        if last is None or not _equal(last, _first_of(dataset, size - 1)):
            return
        if any(other is None or _equal(last, other) for other in near):
            return
        yield found(
            "D109",
            where,
            f"its length is {length}, that of `{named[0]}`, and {size} samples can be read from it: "
            f"only the first {length} are ever drawn",
            "return the number of samples in __len__",
        )
        return


def copies_of(sample: Any) -> list[Tensor]:
    """The tensors of a sample, apart from where they are stored."""
    return [tensor.detach().clone() for tensor in tensors_in(sample)]


def _arrays_within(value: Any) -> Iterator[Any]:
    """Arrays and lists of arrays that an attribute holds."""
    if isinstance(value, Tensor | np.ndarray):
        if value.ndim > 1:
            yield value
    elif isinstance(value, list):
        yield value
    elif isinstance(value, tuple | dict) and len(value) <= FEW:
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, Tensor | np.ndarray | list) and getattr(inner, "ndim", 2) > 1:
                yield inner


def _lists_within(value: Any) -> Iterator[Any]:
    """Whatever of an attribute may hold one entry for each sample."""
    sized = isinstance(value, Tensor | np.ndarray | list) and getattr(value, "ndim", 1) > 0
    if sized or hasattr(value, "iloc"):
        yield value
    elif isinstance(value, tuple | dict) and len(value) <= FEW:
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, Tensor | np.ndarray | list) and getattr(inner, "ndim", 1) > 0:
                yield inner
    if isinstance(value, tuple):
        yield value


def _is_small(row: Any) -> bool:
    """Whether a row is numbers, and few enough to be copied."""
    if isinstance(row, np.ndarray):
        return row.dtype.kind in "fiub" and row.nbytes <= LARGEST
    return isinstance(row, Tensor) and row.numel() * row.element_size() <= LARGEST


def _length(value: Any) -> int:
    kinds = (list, tuple, dict, set, Tensor, np.ndarray)
    return len(value) if isinstance(value, kinds) and getattr(value, "ndim", 1) > 0 else -1


def _reads(dataset: Any, index: int) -> bool | None:
    """Whether there is such a sample; None where the user's code fails in another way."""
    try:
        dataset[index]
    except (IndexError, KeyError):
        return False
    except Exception:
        return None
    return True


def _first_of(dataset: Any, index: int) -> Tensor | None:
    seed_all(0)
    sample = dataset[index]
    parts = sample if isinstance(sample, tuple | list) else (sample,)
    first = parts[0] if parts else None
    if isinstance(first, np.ndarray):
        first = torch.as_tensor(first)
    return first.detach().clone() if isinstance(first, Tensor) else None


def _copied(row: Any) -> Any:
    return row.detach().clone() if isinstance(row, Tensor) else row.copy()


def _equal(one: Any, other: Any) -> bool:
    a, b = torch.as_tensor(one), torch.as_tensor(other)
    if a.shape != b.shape:
        return False
    same = a == b
    if a.is_floating_point() and b.is_floating_point():
        same |= a.isnan() & b.isnan()
    return bool(same.all())
