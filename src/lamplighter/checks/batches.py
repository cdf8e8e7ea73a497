"""Batches and samples as the checks need them, from whatever the user trains on.

Loaders are read in this process through their own samplers and collate functions, so that no
worker is started and a loader's own iterator is left alone.
"""

from __future__ import annotations

import inspect
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    default_collate,
)

TARGET_NAMES = ("labels", "label", "targets", "target", "y")
Rows = tuple[Tensor, Tensor | None, bool]
Unpack = Callable[[Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Batch:
    """What goes into the model and what its answer is compared with.

    Args:
        inputs: a tensor, a tuple of positional arguments, or a dict of named arguments.
        targets: labels; None where the inputs are their own target.
    """

    inputs: Any
    targets: Any

    @property
    def first(self) -> Tensor | None:
        """The first input tensor."""
        return next(tensors_in(self.inputs), None)

    def into(self, model: nn.Module) -> Any:
        """The model's answer."""
        if isinstance(self.inputs, Mapping):
            return model(**self.inputs)
        if isinstance(self.inputs, tuple):
            return model(*self.inputs)
        return model(self.inputs)

    def with_tensor(self, number: int, tensor: Tensor) -> Batch:
        """The same batch with another tensor in the place of one of its inputs, counted from 0."""
        count = itertools.count()
        return Batch(
            _map(self.inputs, lambda t: tensor if is_dense(t) and next(count) == number else t),
            self.targets,
        )

    def rows(self, count: int) -> Batch:
        """The first `count` samples, where all tensors agree in their number of samples."""
        lengths = {t.shape[0] if t.dim() else -1 for t in tensors_in((self.inputs, self.targets))}
        plain = all(_is_plain(part) for part in (self.inputs, self.targets))
        if len(lengths) != 1 or not plain or max(lengths) <= count:
            return self
        return Batch(
            _map(self.inputs, lambda t: t[:count]), _map(self.targets, lambda t: t[:count])
        )

    def to(self, device: torch.device) -> Batch:
        """All tensors on a device."""
        return Batch(
            _map(self.inputs, lambda t: t.to(device)), _map(self.targets, lambda t: t.to(device))
        )


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists and dicts, and in objects that keep them as attributes.

    Sparse and nested ones are left out: hardly any arithmetic is there for them.
    """
    if isinstance(value, Tensor):
        if value.layout is torch.strided and not value.is_nested:  # asked at every call
            yield value
        return
    items: Iterable[Any] = ()
    if isinstance(value, list | tuple):
        items = value
    elif isinstance(value, Mapping):
        items = value.values()
    elif hasattr(value, "__dataclass_fields__"):
        items = (getattr(value, name) for name in value.__dataclass_fields__)
    for item in items:
        if isinstance(item, Tensor):  # most are: watching asks many times at each step
            if item.layout is torch.strided and not item.is_nested:
                yield item
        else:
            yield from tensors_in(item)


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor has a number at each of its places, as sparse and nested ones have not."""
    return tensor.layout is torch.strided and not tensor.is_nested


def unpack_batch(batch: Any, model: nn.Module | None, unpack: Unpack | None = None) -> Batch:
    """Sorts a batch into inputs and targets.

    Args:
        batch: a tensor, (inputs, targets), (…inputs, targets) or a dict with a target among
            labels, label, targets, target, y.
        model: tells how many inputs, and which names, `forward` takes.
        unpack: the user's own way: batch → (inputs, targets).
    """
    if unpack is not None:
        inputs, targets = unpack(batch)
        return Batch(_as_arguments(inputs, model), targets)
    if isinstance(batch, Mapping):
        return _unpack_mapping(batch, model)
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return Batch(_as_arguments(batch[0], model), batch[1])
    if isinstance(batch, tuple | list) and len(batch) > 2:
        return Batch(_fitting(tuple(batch[:-1]), model), batch[-1])
    if isinstance(batch, tuple | list) and len(batch) == 1:
        return Batch(batch[0], None)
    return Batch(batch, None)


def read_batches(data: Any, count: int, *, size: int = 32) -> Iterator[Any]:
    """Up to `count` raw batches.

    Args:
        data: a data set, a loader or an iterable of batches.
        count: how many batches.
        size: samples per batch where the data is a data set without a loader.
    """
    if isinstance(data, DataLoader):
        yield from itertools.islice(_loader_batches(data), count)
    elif isinstance(data, IterableDataset):
        samples = iter(data)
        for _ in range(count):
            rows = list(itertools.islice(samples, size))
            if rows:
                yield default_collate(rows)
    elif is_map_style(data):
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0)).tolist()
        for start in range(0, min(len(order), count * size), size):
            yield default_collate([data[i] for i in order[start : start + size]])
    else:
        yield from itertools.islice(iter(data), count)


def is_map_style(data: Any) -> bool:
    """Whether `data[i]` is a sample, as opposed to an iterable of batches."""
    if isinstance(data, IterableDataset | DataLoader | list | tuple | Mapping):
        return False
    return isinstance(data, Dataset) or (hasattr(data, "__getitem__") and hasattr(data, "__len__"))


def has_certain_batches(data: Any) -> bool:
    """Whether dimension 0 of every batch is known to be the samples."""
    if isinstance(data, DataLoader):
        plain = getattr(data.collate_fn, "__name__", "") == "default_collate"
        return (
            plain and data.batch_size is not None and not isinstance(data.dataset, IterableDataset)
        )
    return is_map_style(data)


def data_set_of(data: Any) -> Any:
    """The map-style data set behind a loader, the data set itself, or None."""
    inner = data.dataset if isinstance(data, DataLoader) else data
    return inner if is_map_style(inner) else None


def labels_of(dataset: Any) -> list[int] | None:
    """The class number of every sample, where it can be had without reading inputs."""
    if isinstance(dataset, Subset):
        whole = labels_of(dataset.dataset)
        return None if whole is None else [whole[i] for i in dataset.indices]
    if isinstance(dataset, TensorDataset):
        last = dataset.tensors[-1]
        known: Any = last if len(dataset.tensors) > 1 else None
    else:
        known = next(
            (v for n in ("targets", "labels") if (v := getattr(dataset, n, None)) is not None), None
        )
    if known is None or not hasattr(known, "__len__") or len(known) != len(dataset):
        return None
    numbers = torch.as_tensor(known) if not isinstance(known, list) else _from_list(known)
    if numbers is None or numbers.dim() != 1 or numbers.is_floating_point():
        return None
    return [int(n) for n in numbers.tolist()]


def mapping_of(dataset: Any) -> dict[str, int] | None:
    """Class name → number, as torchvision's folders keep it."""
    inner = getattr(dataset, "dataset", dataset)
    mapping = getattr(inner, "class_to_idx", None)
    return dict(mapping) if isinstance(mapping, dict) and mapping else None


def sample_rows(dataset: Any, limit: int, *, seconds: float = 1.0) -> Rows | None:
    """Inputs and targets of evenly spaced samples.

    Args:
        dataset: map-style.
        limit: at most so many samples.
        seconds: reading stops after this time.

    Returns:
        Inputs `(N, ...)`, targets `(N, ...)` or None, and whether these are all samples; None when
        samples have different shapes or are no tensors.
    """
    if dataset is None or len(dataset) == 0:
        return None
    size = len(dataset)
    step = max(1, -(-size // limit))
    if isinstance(dataset, TensorDataset):
        picked = dataset.tensors[0][::step]
        given = dataset.tensors[-1][::step] if len(dataset.tensors) > 1 else None
        return picked, given, step == 1
    inputs: list[Tensor] = []
    targets: list[Any] = []
    began = time.perf_counter()
    indices = range(0, size, step)
    for index in indices:
        sample = unpack_batch(dataset[index], None)
        first = sample.first
        if first is None or (inputs and first.shape != inputs[0].shape):
            return None
        inputs.append(first)
        targets.append(sample.targets)
        if time.perf_counter() - began > seconds:
            break
    return torch.stack(inputs), _stack(targets), step == 1 and len(inputs) == size


def _stack(targets: list[Any]) -> Tensor | None:
    try:
        return torch.stack([torch.as_tensor(t) for t in targets])
    except (TypeError, ValueError, RuntimeError):
        return None


def _from_list(values: list[Any]) -> Tensor | None:
    return torch.tensor(values) if all(isinstance(v, int) for v in values) else None


def _loader_batches(loader: DataLoader[Any]) -> Iterator[Any]:
    dataset: Any = loader.dataset
    collate = loader.collate_fn
    if isinstance(dataset, IterableDataset):
        samples = iter(dataset)
        if loader.batch_size is None:
            yield from (collate(sample) for sample in samples)
            return
        while rows := list(itertools.islice(samples, loader.batch_size)):
            if len(rows) < loader.batch_size and loader.drop_last:
                return
            yield collate(rows)
    elif loader.batch_sampler is not None:
        for indices in loader.batch_sampler:
            if hasattr(dataset, "__getitems__") and dataset.__getitems__:
                yield collate(dataset.__getitems__(indices))
            else:
                yield collate([dataset[i] for i in indices])
    else:
        for index in loader.sampler:
            yield collate(dataset[index])


def _unpack_mapping(batch: Mapping[Any, Any], model: nn.Module | None) -> Batch:
    target_name = next((name for name in TARGET_NAMES if name in batch), None)
    targets = batch[target_name] if target_name else None
    rest = {name: value for name, value in batch.items() if name != target_name}
    names = _forward_names(model)
    if model is not None and names is not None:
        if target_name in names:  # the model takes the labels and gives the loss itself
            return Batch({n: v for n, v in batch.items() if n in names}, targets)
        fitting = {n: v for n, v in rest.items() if n in names}
        if fitting:
            return Batch(fitting, targets)
    tensors = [v for v in rest.values() if isinstance(v, Tensor)]
    return Batch(tensors[0] if tensors else rest, targets)


def _forward_names(model: nn.Module | None) -> set[str] | None:
    if model is None:
        return None
    try:
        return set(inspect.signature(model.forward).parameters)
    except (TypeError, ValueError):
        return None


def _positional(model: nn.Module | None) -> int:
    """How many positional arguments `forward` takes; 99 when it takes any number."""
    if model is None:
        return 1
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return 1
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 99
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _as_arguments(inputs: Any, model: nn.Module | None) -> Any:
    if isinstance(inputs, tuple | list) and 1 < len(inputs) <= _positional(model):
        return tuple(inputs)
    return inputs


def _fitting(inputs: tuple[Any, ...], model: nn.Module | None) -> Any:
    count = _positional(model)
    return inputs[:count] if count > 1 else inputs[0]


def _is_plain(value: Any) -> bool:
    """Whether a structure holds tensors alone, so that cutting them cuts the batch."""
    if value is None or isinstance(value, Tensor):
        return True
    if isinstance(value, Mapping):
        return all(isinstance(v, Tensor) for v in value.values())
    return isinstance(value, list | tuple) and all(isinstance(v, Tensor) for v in value)


def _map(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _map(item, change) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_map(item, change) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_map(item, change) for item in value)
    return value
