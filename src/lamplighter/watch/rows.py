"""Samples of a data set, read beside the program before its first walk, with all chance put back."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from lamplighter.checks.batches import (
    is_map_style,
    labels_of,
    mapping_of,
    sample_rows,
    tensors_in,
    unpack_batch,
)
from lamplighter.checks.generators import GENERATORS
from lamplighter.checks.snapshot import kept, seed_all
from lamplighter.watch.place import frames, is_users, locals_of

MOST_ROWS = 2048
MOST_BYTES = 2**25
SECONDS = 0.4
READINGS = 6  # of one sample, to see what changes from reading to reading


@dataclass(eq=False)
class Rows:
    """What a look into a data set showed.

    Args:
        inputs: `(N, …)` of evenly spaced samples, or None.
        targets: `(N, …)`, or None.
        complete: whether these are all samples.
        pair: whether a sample is one input and one target.
        labels: the class of every sample, where it can be had without reading.
        mapping: class name → number, where the data set has one.
        readings: one sample, read several times.
    """

    inputs: torch.Tensor | None = None
    targets: torch.Tensor | None = None
    complete: bool = False
    pair: bool = False
    labels: list[int] | None = None
    mapping: dict[str, int] | None = None
    readings: list[list[torch.Tensor]] = field(default_factory=list)

    @property
    def classes(self) -> torch.Tensor | None:
        """The targets where they are class numbers, `(N,)`."""
        targets = self.targets
        plain = targets is not None and targets.dim() == 1 and not targets.is_floating_point()
        return targets.long() if plain and targets is not None else None

    @property
    def numbers(self) -> torch.Tensor | None:
        """The inputs where they are finite floating-point numbers."""
        inputs = self.inputs
        if inputs is None or not inputs.is_floating_point() or inputs.dim() < 2:
            return None
        return inputs if bool(torch.isfinite(inputs).all()) else None


def rows_of(dataset: Any) -> Rows:
    """Looks into a data set; nothing that is drawn or noted there remains.

    Args:
        dataset: of a loader; what is no map-style set, or reads from a stream, is left alone.
    """
    if not is_map_style(dataset) or len(dataset) == 0 or _reads_a_stream(dataset):
        return Rows()
    with kept((), (dataset, *_generators_near(dataset))), torch.no_grad():
        seed_all(0)
        began = time.perf_counter()
        sample = dataset[len(dataset) // 2]
        slow = time.perf_counter() - began
        found = Rows(labels=labels_of(dataset), mapping=mapping_of(dataset))
        found.pair = isinstance(sample, tuple | list) and len(sample) == 2
        first = unpack_batch(sample, None).first
        if first is None or slow > SECONDS:
            return found
        room = MOST_BYTES // max(1, first.numel() * first.element_size())
        if room >= 16:
            _read(found, dataset, min(MOST_ROWS, room))
        if not _is_stored(dataset):
            for seed in range(1, 1 + (READINGS if slow < 0.02 else 2)):
                seed_all(seed)
                found.readings.append([t.cpu() for t in _tensors(dataset[len(dataset) // 2])])
    return found


def _read(found: Rows, dataset: Any, limit: int) -> None:
    stored = _stored(dataset)
    if stored is not None and len(stored[0]) <= 16 * limit:
        every = len(stored[0]) <= limit
        step = 1 if every else -(-len(stored[0]) // limit)
        found.inputs, found.targets, found.complete = stored[0][::step], stored[1][::step], every
    elif (read := sample_rows(dataset, limit, seconds=SECONDS)) is not None:
        found.inputs, found.targets, found.complete = read
    if found.inputs is not None:
        found.inputs = found.inputs.detach().cpu().clone()
    if found.targets is not None:
        found.targets = found.targets.detach().cpu().clone()


def _stored(dataset: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Inputs and targets of sets that hold them as tensors, without reading sample by sample."""
    if isinstance(dataset, Subset):
        inner = _stored(dataset.dataset)
        chosen = torch.as_tensor([int(i) for i in dataset.indices])
        return None if inner is None else (inner[0][chosen], inner[1][chosen])
    if type(dataset) is TensorDataset and len(dataset.tensors) > 1:
        return dataset.tensors[0], dataset.tensors[-1]
    return None


def _is_stored(dataset: Any) -> bool:
    """Whether reading runs no code of the user's."""
    if isinstance(dataset, Subset):
        return _is_stored(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return all(_is_stored(inner) for inner in dataset.datasets)
    return type(dataset) is TensorDataset


def _tensors(sample: Any) -> Iterator[torch.Tensor]:
    parts = sample if isinstance(sample, tuple | list) else [sample]
    for part in parts:
        if isinstance(part, int | float):
            yield torch.tensor(part)
        else:
            yield from tensors_in(part)


def _generators_near(dataset: Any) -> list[Any]:
    """Generators that reading may draw from without holding them: those of the user's modules."""
    spaces = [space for frame in frames() for space in (locals_of(frame), frame.f_globals)]
    things = [dataset]
    while len(things) < 5 and hasattr(things[-1], "dataset"):
        things.append(things[-1].dataset)
    for thing in things:
        kinds = type(thing).__mro__
        spaces += [dict(vars(kind)) for kind in kinds]
        modules = [sys.modules.get(kind.__module__) for kind in kinds]
        spaces += [vars(m) for m in modules if m and is_users(getattr(m, "__file__", None) or "<")]
    return [
        value for space in spaces for value in list(space.values()) if isinstance(value, GENERATORS)
    ]


def _reads_a_stream(thing: Any, left: int = 3) -> bool:
    """Whether reading goes on where it last stopped, so that a look would take samples away."""
    if left == 0 or isinstance(thing, torch.Tensor | np.ndarray | str | bytes | type):
        return False
    if hasattr(thing, "__next__"):
        return True
    inner = getattr(thing, "__dict__", None)
    things = list(inner.values()) if isinstance(inner, dict) else []
    return any(_reads_a_stream(value, left - 1) for value in things[:64])
