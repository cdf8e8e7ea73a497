"""D112: a field of a batch with one row, made of one of its samples alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

COUNT = 8  # samples that are laid together
CHOICES = 3  # of them: the first and the last of one may be alike by chance


def row_of_one_sample(
    dataset: Any,
    collate: Callable[[list[Any]], Any],
    *,
    where: str = "a batch",
    watched: AbstractContextManager[Any] | None = None,
) -> Iterator[tuple[Finding, Tensor]]:
    """D112: a batch has one row in a field of which each of its samples alone gives another.

    The row is that of the sample that stands first, or last, in whatever order they come; what the
    samples share, the largest of their lengths and what is drawn by chance are none.

    Args:
        dataset: map-style, or a list of samples.
        collate: lays a list of samples into a batch.
        where: the loader.
        watched: is entered while the row is made.

    Yields:
        The finding, and the row.
    """
    for choice in range(CHOICES if len(dataset) >= CHOICES * COUNT else 0):
        samples = [dataset[choice + i * (len(dataset) // COUNT)] for i in range(COUNT)]
        with watched or nullcontext():
            batch = fields_of(collate(list(samples)))
        lone = [name for name, rows in batch.items() if rows.dim() and len(rows) == 1]
        if not lone or all(len(rows) != COUNT for rows in batch.values() if rows.dim()):
            return
        turned, again = fields_of(collate(samples[::-1])), fields_of(collate(list(samples)))
        alone = [fields_of(collate([sample])) for sample in samples]
        if any(fields.keys() != batch.keys() for fields in (turned, again, *alone)):
            return
        for name in lone:
            single = [fields[name] for fields in alone]
            if torch.equal(batch[name], again[name]) and _is_of_one_end(
                batch[name], turned[name], single
            ):
                told = found(
                    "D112",
                    where,
                    f"{name} of a batch of {COUNT} samples has 1 row, that of one sample, though "
                    "each sample has its own: all others are given that one's as well",
                    "make one row for each sample, and lay them together with torch.stack or "
                    "torch.cat",
                )
                yield told, batch[name]
                return


def fields_of(batch: Any) -> dict[str, Tensor]:
    """The tensors of a batch, each with what to call it."""
    named = batch.items() if isinstance(batch, Mapping) else enumerate(_parts_of(batch))
    return {
        f"`{name}`" if isinstance(name, str) else f"field {name}": value
        for name, value in named
        if isinstance(value, Tensor)
    }


def _parts_of(batch: Any) -> list[Any]:
    parts: list[Any] = []
    for part in batch if isinstance(batch, list | tuple) else [batch]:
        parts += part if isinstance(part, list | tuple) else [part]
    return parts


def _is_of_one_end(row: Tensor, turned: Tensor, single: list[Tensor]) -> bool:
    """Whether a row is like that of the first sample, or the last, in both orders of them."""
    if len(turned) != 1 or any(rows.dim() == 0 or len(rows) != 1 for rows in single):
        return False
    one, other = _most_like(row, single), _most_like(turned, single)
    first, last = 0, len(single) - 1
    for mine, theirs in ((first, last), (last, first)):
        if mine in one and theirs in other and mine not in other and theirs not in one:
            return True
    return False


def _most_like(row: Tensor, single: list[Tensor]) -> set[int]:
    """The samples with whose numbers a row agrees for longest, from the first number on."""
    lengths = [_common(row.flatten(), rows.flatten()) for rows in single]
    longest = max(lengths)
    return {i for i, length in enumerate(lengths) if length == longest > 0}


def _common(one: Tensor, other: Tensor) -> int:
    size = min(len(one), len(other))
    return int((one[:size] == other[:size]).long().cumprod(0).sum())
