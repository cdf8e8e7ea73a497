"""Data sets that lie in memory, taken whole: a batch is one gathering of rows and a few operations.

Only what is known by its exact type is taken so: `TensorDataset`, torchvision's small picture sets
under transforms of `batch_transforms`, and `Subset`s of them. Order and batches are to the last bit
those that a DataLoader would give; random crops and flips are drawn otherwise, from the same
distributions.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from lamplighter.data.batch_transforms import Step, steps_of
from lamplighter.data.copy_stream import CopyStream, Rows, split
from lamplighter.data.seeded import EpochSampler, stream
from lamplighter.machine import has_room, one_thread

# class in torchvision.datasets → how `data` lies, and where the class numbers are
PICTURES = {
    "CIFAR10": ("NHWC", "targets"),
    "CIFAR100": ("NHWC", "targets"),
    "MNIST": ("NHW", "targets"),
    "FashionMNIST": ("NHW", "targets"),
    "KMNIST": ("NHW", "targets"),
    "EMNIST": ("NHW", "targets"),
    "USPS": ("NHW", "targets"),
    "SVHN": ("NCHW", "labels"),
}
STEPS = 16  # which stream of random numbers feeds the first step; the next ones come after


@dataclass(frozen=True)
class Whole:
    """What a data set holds.

    Args:
        tensors: [N, …] each; an example is a row of each.
        steps: what is done with a batch of the first one.
        rows: int64, which rows the set consists of; None: all.
    """

    tensors: tuple[Tensor, ...]
    steps: tuple[Step, ...] = ()
    rows: Tensor | None = None


def whole_of(data: Any) -> Whole | None:
    """What a data set holds, where that is known for sure; None for every other one."""
    if type(data) is Subset:
        inner = whole_of(data.dataset)
        return None if inner is None else _some_of(inner, data.indices)
    if type(data) is TensorDataset:
        plain = all(type(t) is Tensor and t.layout == torch.strided for t in data.tensors)
        return Whole(data.tensors) if plain else None
    return _pictures_of(data)


def _some_of(inner: Whole, indices: Sequence[int]) -> Whole | None:
    count = len(inner.tensors[0]) if inner.rows is None else len(inner.rows)
    try:
        rows = torch.as_tensor(np.asarray(indices))
    except (TypeError, ValueError):
        return None
    if rows.ndim != 1 or rows.is_floating_point() or rows.dtype == torch.bool:
        return None
    rows = rows.to(torch.int64)
    if not bool(((rows >= -count) & (rows < count)).all()):
        return None  # reading it tells which one is not there
    rows = rows.remainder(count)
    return Whole(inner.tensors, inner.steps, rows if inner.rows is None else inner.rows[rows])


def _pictures_of(data: Any) -> Whole | None:
    datasets = sys.modules.get("torchvision.datasets")  # whoever has such a set has imported it
    name = type(data).__name__
    if name not in PICTURES or getattr(datasets, name, None) is not type(data):
        return None
    if data.target_transform is not None:
        return None
    layout, attribute = PICTURES[name]
    pictures = _tensor(data.data)
    classes = _tensor(getattr(data, attribute))
    whole_numbers = classes.dtype in (torch.int64, torch.int32, torch.uint8)
    if pictures.dtype != torch.uint8 or pictures.ndim != len(layout) or not whole_numbers:
        return None  # the person laid something else into it
    if classes.ndim != 1 or len(classes) != len(pictures):
        return None
    if layout == "NHWC":
        pictures = pictures.permute(0, 3, 1, 2)
    elif layout == "NHW":
        pictures = pictures[:, None]
    if pictures.shape[1] not in (1, 3):
        return None
    steps = steps_of(data.transform, (pictures.shape[2], pictures.shape[3]))
    return None if steps is None else Whole((pictures, classes.to(torch.int64)), steps)


def _tensor(values: Any) -> Tensor:
    if isinstance(values, np.ndarray) and not values.flags.writeable:
        values = values.copy()  # torch warns of tensors that may not be written
    return torch.as_tensor(values)


class WholeLoader:
    """Batches of a data set that was taken whole, as `WorkedLoader` gives them.

    Args:
        dataset: the person's own, which is not read.
        whole: what it holds.
        sampler: the order.
        batch: examples in each.
        drop_last: leaves a lone last example out.
        seed: of crops and flips.
        device: where batches are made.
    """

    def __init__(
        self,
        dataset: Any,
        whole: Whole,
        sampler: EpochSampler,
        *,
        batch: int,
        drop_last: bool,
        seed: int,
        device: torch.device,
    ) -> None:
        self.dataset, self.sampler = dataset, sampler
        self.batch, self.drop_last, self.seed, self.device = batch, drop_last, seed, device
        self.copied = CopyStream(device)
        self.rows, self.steps, self.tensors = whole.rows, whole.steps, whole.tensors
        if device.type == "cuda" and has_room(device, sum(t.nbytes for t in whole.tensors)):
            self.tensors = tuple(tensor.to(device) for tensor in whole.tensors)

    def __len__(self) -> int:
        full, left = divmod(len(self.sampler), self.batch)
        return full + (left > 0 and not self.drop_last)

    def begin(self, epoch: int, skip: int = 0) -> None:
        """The next iteration is that epoch's, without its first `skip` batches."""
        self.sampler.set_epoch(epoch, skip * self.batch)

    def __iter__(self) -> Iterator[list[Tensor]]:
        drawn = [
            step.draw(len(self.sampler), stream(self.seed, self.sampler.number, STEPS + number))
            for number, step in enumerate(self.steps)
        ]
        drawn = [None if values is None else values.to(self.device) for values in drawn]
        order = self.sampler.order()
        plan = split(order, self.batch, self.device)
        places = plan
        if self.rows is not None:
            places = split(self.rows[order], self.batch, self.device)
        for positions, rows in zip(plan, places, strict=True):
            if self.drop_last and len(positions.host) < self.batch:
                return
            with one_thread():
                made = self._made(positions, rows, drawn)
            yield made

    def _made(self, positions: Rows, rows: Rows, drawn: list[Tensor | None]) -> list[Tensor]:
        first, *others = (self.copied(rows.of(tensor)) for tensor in self.tensors)
        for step, values in zip(self.steps, drawn, strict=True):
            first = step.apply(first, None if values is None else positions.of(values))
        return [first.contiguous(), *others]
