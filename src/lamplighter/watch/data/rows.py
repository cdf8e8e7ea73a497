"""Samples of a data set, read beside the program before its first walk, with all chance put back."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset, default_convert

from lamplighter.checks.batches import (
    is_map_style,
    labels_of,
    mapping_of,
    tensors_in,
    unpack_batch,
)
from lamplighter.checks.finding import Finding
from lamplighter.checks.generators import GENERATORS
from lamplighter.checks.reading import StoredSample, altered_by_reading, copies_of
from lamplighter.checks.snapshot import kept, seed_all
from lamplighter.checks.splits import exact_overlap
from lamplighter.watch.data.laid import left_out_rows
from lamplighter.watch.data.samples import are_telling, telling_prints
from lamplighter.watch.dropped import Reading
from lamplighter.watch.source.place import Place, frames, is_users, locals_of

MOST_ROWS = 2048
MOST_BYTES = 2**25
SECONDS = 0.4
READINGS = 6  # of one sample, to see what changes from reading to reading
QUICK = 0.02  # seconds for one


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
        dropped: lines that compute a result and drop it, and what they call.
        wrapped: lines whose sums of unsigned numbers wrap round.
        altered: what reading does to the stored samples, of which then no more were read.
        lone: fields of a batch that the user's own function makes of one sample alone.
    """

    inputs: torch.Tensor | None = None
    targets: torch.Tensor | None = None
    complete: bool = False
    pair: bool = False
    labels: list[int] | None = None
    mapping: dict[str, int] | None = None
    readings: list[list[torch.Tensor]] = field(default_factory=list)
    dropped: dict[tuple[Place, str], None] = field(default_factory=dict)
    wrapped: dict[Place, Finding] = field(default_factory=dict)
    altered: list[Finding] = field(default_factory=list)
    lone: list[tuple[Finding, Place | None]] = field(default_factory=list)

    @property
    def classes(self) -> torch.Tensor | None:
        """The targets where they are class numbers, `(N,)`."""
        targets = self.targets
        plain = targets is not None and targets.dim() == 1 and not targets.is_floating_point()
        return targets.long() if plain and targets is not None else None

    @property
    def marks(self) -> list[int] | None:
        """The targets where they are zeros and ones among real numbers, one for each sample."""
        targets = self.targets
        if targets is None or not targets.is_floating_point() or targets.numel() != len(targets):
            return None
        flat = targets.reshape(-1)
        plain = len(flat) > 0 and bool(((flat == 0) | (flat == 1)).all())
        return [int(mark) for mark in flat.tolist()] if plain and self.complete else None

    @property
    def kinds(self) -> torch.Tensor | None:
        """The class of each sample, `(N,)`, also where it is a zero or one among real numbers."""
        marks = self.marks if self.classes is None else None
        return torch.tensor(marks) if marks is not None else self.classes

    @property
    def numbers(self) -> torch.Tensor | None:
        """The inputs where they are finite floating-point numbers."""
        inputs = self.inputs
        if inputs is None or not inputs.is_floating_point() or inputs.dim() < 2:
            return None
        return inputs if bool(torch.isfinite(inputs).all()) else None


def rows_of(dataset: Any, collate: Any = None) -> Rows:
    """Looks into a data set; nothing that is drawn or noted there remains.

    Args:
        dataset: of a loader; what is no map-style set, or reads from a stream, is left alone.
        collate: the loader's own function, where it is not torch's.
    """
    if not _can_be_read(dataset, collate):
        return Rows()
    with kept((), (dataset, collate, *generators_near(dataset))), torch.no_grad():
        seed_all(0)
        return _looked_into(dataset, collate)


def _can_be_read(dataset: Any, collate: Any) -> bool:
    is_list = isinstance(dataset, list | tuple) and collate is not None
    if dataset is None or not (is_map_style(dataset) or is_list):
        return False
    return len(dataset) > 0 and not _reads_a_stream(dataset)


def _looked_into(dataset: Any, collate: Any) -> Rows:
    reader = Reader(dataset, collate)
    middle = len(dataset) // 2
    held = StoredSample(dataset, middle)
    began = time.perf_counter()
    sample = reader[middle]
    slow = time.perf_counter() - began
    found = Rows(labels=labels_of(dataset), mapping=mapping_of(dataset))
    if held.altered():
        again = copies_of(sample)
        found.altered = list(altered_by_reading(lambda: reader[middle], held, again))
        if found.altered:
            return found
    unpacked = unpack_batch(sample, None)
    first = unpacked.first
    found.pair = isinstance(unpacked.inputs, torch.Tensor) and unpacked.targets is not None
    if isinstance(sample, tuple | list):
        found.pair &= len(sample) == 2
    if first is None or slow > SECONDS:
        return found
    room = MOST_BYTES // max(1, first.numel() * first.element_size())
    if room >= 16:
        _read(found, reader, min(MOST_ROWS, room))
    if collate is not None and slow < QUICK:
        found.lone = left_out_rows(dataset, collate)
    if collate is not None or not _is_stored(dataset):
        _read_again(found, reader, middle, slow=slow >= QUICK)
    return found


def _read_again(found: Rows, reader: Reader, index: int, *, slow: bool) -> None:
    """One sample several times, and a few others: what changes, is dropped, or wraps round."""
    for seed in range(1, 1 + (2 if slow else READINGS)):
        seed_all(seed)
        with Reading() as reading:
            again = reader[index]
        found.readings.append([t.cpu() for t in _tensors(again)])
        found.dropped |= reading.found
        found.wrapped |= reading.wrapped
    if not slow:
        _look_for_wraps(found, reader)


def copies(train: Rows, held_out: Rows, where: str) -> Iterator[Finding]:
    """Samples that are in both of two sets, where train was read whole and its own differ.

    Args:
        train: what is trained on.
        held_out: what is not.
        where: what to call that in a message.
    """
    one, other = train.inputs, held_out.inputs
    if one is None or other is None or not train.complete or one.shape[1:] != other.shape[1:]:
        return
    prints = telling_prints(one) if are_telling(one) else []
    if len(set(prints)) > len(prints) // 2:
        yield from exact_overlap(prints, telling_prints(other), where=where)


def _look_for_wraps(found: Rows, reader: Reader) -> None:
    """Reads a few more samples: not in every one does a difference fall below zero."""
    with Reading() as reading:
        for index in range(0, len(reader), max(1, len(reader) // READINGS)):
            reader[index]
    found.wrapped |= reading.wrapped


class Reader:
    """Samples of a data set as tensors, each as a loader would lay it into a batch.

    Args:
        dataset: map-style.
        collate: a function of the user's that makes a batch; None: torch's own.
    """

    def __init__(self, dataset: Any, collate: Any = None) -> None:
        self.dataset = dataset
        self.collate = collate

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        if self.collate is None:
            return default_convert(self.dataset[index])
        return _without_batch(self.collate([self.dataset[index]]))


def _without_batch(value: Any) -> Any:
    """The one sample of a batch of one."""
    if isinstance(value, torch.Tensor):
        return value[0] if value.dim() and len(value) == 1 else value
    if isinstance(value, dict):
        return {key: _without_batch(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_batch(inner) for inner in value]
    return value


def _read(found: Rows, reader: Reader, limit: int) -> None:
    stored = _stored(reader.dataset) if reader.collate is None else None
    if stored is not None and len(stored[0]) <= 16 * limit:
        every = len(stored[0]) <= limit
        step = 1 if every else -(-len(stored[0]) // limit)
        found.inputs, found.targets, found.complete = stored[0][::step], stored[1][::step], every
    elif (read := _spaced(reader, limit)) is not None:
        found.inputs, found.targets, found.complete = read
    if found.inputs is not None:
        found.inputs = found.inputs.detach().cpu().clone()
    if found.targets is not None:
        found.targets = found.targets.detach().cpu().clone()
    if found.labels is None and found.complete and found.classes is not None:
        found.labels = found.classes.tolist()


def _spaced(
    reader: Reader, limit: int
) -> tuple[torch.Tensor | None, torch.Tensor | None, bool] | None:
    """Evenly spaced samples; sequences of several lengths are filled up with 0 behind."""
    size = len(reader)
    step = max(1, -(-size // limit))
    inputs: list[torch.Tensor] = []
    targets: list[Any] = []
    began = time.perf_counter()
    for index in range(0, size, step):
        sample = unpack_batch(reader[index], None)
        if sample.first is None:
            return None
        inputs.append(sample.first)
        targets.append(sample.targets)
        if time.perf_counter() - began > SECONDS:
            break
    whole = step == 1 and len(inputs) == size
    return _laid_together(inputs), _laid_together(targets), whole


def _laid_together(values: list[Any]) -> torch.Tensor | None:
    try:
        tensors = [torch.as_tensor(value) for value in values]
    except (TypeError, ValueError, RuntimeError):
        return None
    shapes = {t.shape for t in tensors}
    if len({t.dtype for t in tensors}) > 1:
        return None
    if len(shapes) == 1:
        return torch.stack(tensors)
    if all(len(shape) == 1 for shape in shapes):
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)
    return None


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


def generators_near(dataset: Any) -> list[Any]:
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
