"""Batches: pictures and targets on the device, in an order that (seed, epoch) fixes.

`PictureBatches` cuts batches from decoded pixels; `LoaderBatches` takes whatever the user's own
`Dataset` or `DataLoader` gives. The loop sees no difference.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from lamplighter.data.copy_stream import CopyStream, Rows, split
from lamplighter.data.deaths import begun, raise_for_own, waited_for
from lamplighter.data.focus import Focus
from lamplighter.data.loader import WorkedLoader
from lamplighter.data.seeded import stream
from lamplighter.data.whole import WholeLoader
from lamplighter.errors import DataError
from lamplighter.images import augment as augmentation
from lamplighter.images.augment import Augment
from lamplighter.images.growth import alternated, shrunk
from lamplighter.images.pixels import Pixels
from lamplighter.images.preprocess import Preprocess
from lamplighter.machine import one_thread, undisturbed

TARGET_KEYS = ("labels", "label", "targets", "target", "y")
ORDER, VARIATION = 1, 2  # which stream of random numbers a generator feeds
MOST_DRAWN = 256 << 20  # bytes drawn for an epoch that a GPU keeps; more is gathered on the host


@dataclass
class Batch:
    """One step's worth.

    Args:
        inputs: what the network is called with: a tensor, a tuple of positional or a dict of
            keyword arguments.
        targets: what the loss is called with after the outputs.
        size: examples in it.
        positions: int64 [B] on the device, which examples, where known.
    """

    inputs: Any
    targets: Any
    size: int
    positions: Tensor | None = None

    def call(self, module: Callable[..., Any]) -> Any:
        """The network's outputs for this batch."""
        if isinstance(self.inputs, Mapping):
            return call_with_entries(module, self.inputs)
        return module(*self.inputs) if isinstance(self.inputs, tuple) else module(self.inputs)


class Batches(Protocol):
    """Epochs of batches."""

    examples: int | None
    resumable: bool

    def steps(self) -> int | None:
        """Batches in an epoch; None if only the end will tell."""
        ...

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` (from 1), without the first `skip`."""
        ...


class PictureBatches:
    """Batches of pictures, gathered, varied and normalised as whole tensors.

    Args:
        pixels: uint8 pictures (canvases, when `augment` crops).
        targets: [N, …] on the CPU.
        preprocess: size and normalisation.
        augment: the policy; None for validation.
        batch: examples per batch.
        seed: of order and variation.
        device: where batches are made.
        shuffle: a new order each epoch.
        memory_format: how the pictures lie in memory, as the network takes them.
        side_at: epoch (from 1) → side of its pictures in pixels, at most the whole; None: whole.
        focus: chooses what a shuffled epoch shows; None: every picture once.
    """

    resumable = True

    def __init__(
        self,
        pixels: Pixels,
        targets: Tensor,
        preprocess: Preprocess,
        *,
        batch: int,
        device: torch.device,
        augment: Augment | None = None,
        seed: int = 0,
        shuffle: bool = False,
        memory_format: torch.memory_format = torch.channels_last,
        side_at: Callable[[int], int] | None = None,
        focus: Focus | None = None,
    ) -> None:
        self.side_at = side_at
        self.focus = focus
        self.pixels = pixels
        self.targets = targets.to(device)
        self.preprocess = preprocess
        self.augment = augment if augment and not augment.changes_nothing else None
        self.batch = batch
        self.device = device
        self.copied = CopyStream(device)
        self.seed = seed
        self.shuffle = shuffle
        self.memory_format = memory_format
        self.examples: int | None = len(pixels)

    def steps(self) -> int:
        full, left = divmod(len(self.pixels), self.batch)
        # a lone last picture would break batch normalisation; another one is left out each epoch
        lone = self.shuffle and self.batch > 1 and full > 0 and left == 1
        return full + (left > 0 and not lone)

    def _plan(self, order: Tensor) -> list[Rows]:
        return split(order, self.batch, self.device)[: self.steps()]

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        count = len(self.pixels)
        rounds = self._rounds(number)
        drawn = self._drawn(number, len(rounds))
        side = self.side_at(number) if self.side_at else self.preprocess.size
        # a picture's row in what was drawn; in the first round that is its position
        rows = torch.cat([order + count * done for done, order in enumerate(rounds)])
        plan, places = self._plan(rows)[skip:], self._plan(rows % count)[skip:]
        read = self.pixels.read([positions.host for positions in places])
        for taken, positions in zip(plan, places, strict=True):
            with one_thread() if self._is_light() else nullcontext():
                batch = Batch(
                    self._finish(next(read), taken, positions, drawn, side),
                    positions.of(self.targets),
                    len(positions.host),
                    positions.there,
                )
            yield batch

    def _rounds(self, number: int) -> list[Tensor]:
        """The epoch's positions in their order, in rounds that show no picture twice."""
        if not self.shuffle:
            return [torch.arange(len(self.pixels))]
        generator = stream(self.seed, number, ORDER)
        if self.focus is not None:
            return self.focus.rounds(number, generator)
        return [torch.randperm(len(self.pixels), generator=generator)]

    def _drawn(self, number: int, rounds: int) -> augmentation.Parameters:
        """What varies each picture, anew in each round."""
        if self.augment is None:
            return {}
        count = len(self.pixels)
        generator = stream(self.seed, number, VARIATION)
        drawn = augmentation.draw(self.augment, count * rounds, generator)
        if self.augment.alternating:
            coins_N = torch.rand(count, generator=stream(self.seed, 0, VARIATION)) < 0.5
            drawn["flip"] = torch.cat(
                [alternated(coins_N, number + done) for done in range(rounds)]
            )
        if sum(values.nbytes for values in drawn.values()) > MOST_DRAWN:
            return drawn
        return {name: values.to(self.device) for name, values in drawn.items()}

    def _is_light(self) -> bool:
        """Whether making a batch is moving bytes about rather than computing."""
        return self.augment is None or self.augment.crop != "resized" or not self.augment.jitter

    def _finish(
        self,
        images: Tensor,
        rows: Rows,
        positions: Rows,
        drawn: augmentation.Parameters,
        side: int,
    ) -> Tensor:
        images = self.copied(images)
        if self.augment is None:
            ready = self.preprocess.normalise(images)
        else:
            chosen = {name: self.copied(rows.of(values)) for name, values in drawn.items()}
            aspects = self._aspects(positions)
            ready = augmentation.apply(images, chosen, aspects, self.augment, self.preprocess)
        return shrunk(ready, side).contiguous(memory_format=self.memory_format)

    def _aspects(self, positions: Rows) -> Tensor:
        # squash and pad bring the whole picture to a square first: the crop then sees a square
        assert self.augment is not None
        if self.augment.crop != "resized" or self.preprocess.fit != "crop":
            return torch.ones(len(positions.host), device=self.device)
        return self.copied(positions.of(self.pixels.aspects))


class LoaderBatches:
    """Batches from the user's own loader, moved to the device.

    Args:
        loader: anything that yields batches.
        device: where tensors are moved.
        unpack: batch → (inputs, targets); by default the last item of a tuple, or the entry named
            labels, label, targets, target or y of a dict, is the target.
        set_epoch: told the epoch's number before it begins (samplers of our own and torch's
            DistributedSampler).
    """

    def __init__(
        self,
        loader: Any,
        device: torch.device,
        unpack: Callable[[Any], tuple[Any, Any]] | None = None,
        set_epoch: Callable[[int], None] | None = None,
    ) -> None:
        self.loader = loader
        self.device = device
        self.copied = CopyStream(device)
        self.unpack = unpack or default_unpack
        self.set_epoch = set_epoch
        self.resumable = set_epoch is not None
        dataset: Any = getattr(loader, "dataset", None)
        self.examples: int | None = len(dataset) if hasattr(dataset, "__len__") else None

    def steps(self) -> int | None:
        try:
            return len(self.loader)
        except TypeError:
            return None

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        for raw in self._raw(number, skip):
            inputs, targets = self.unpack(raw)
            inputs, targets = (move(part, self.device, self.copied) for part in (inputs, targets))
            yield Batch(inputs, targets, size_of(targets if targets is not None else inputs))

    def _raw(self, number: int, skip: int) -> Iterator[Any]:
        if isinstance(self.loader, WorkedLoader | WholeLoader):
            self.loader.begin(number, skip)
            yield from self.loader
            return
        if self.set_epoch is not None:
            self.set_epoch(number)
        given = 0
        try:
            # on a resume the training's random numbers stand where they were after these batches
            with undisturbed() if skip else nullcontext():
                source = waited_for(begun(self.loader))
                for given in range(1, skip + 1):  # noqa: B007
                    next(source, None)
            for raw in source:
                given += 1
                yield raw
        except Exception as error:
            raise_for_own(error, given + 1, self.loader)


def default_unpack(raw: Any) -> tuple[Any, Any]:
    """Splits a batch into inputs and targets by the field's usual forms.

    Raises:
        DataError: it has none of them.
    """
    if isinstance(raw, Mapping):
        for key in TARGET_KEYS:
            if key in raw:
                return {k: v for k, v in raw.items() if k != key}, raw[key]
    elif isinstance(raw, tuple | list) and len(raw) >= 2:
        inputs = raw[0] if len(raw) == 2 else tuple(raw[:-1])
        return inputs, raw[-1]
    shape = type(raw).__name__ + (f" of {len(raw)}" if hasattr(raw, "__len__") else "")
    raise DataError(
        f"a batch should be (inputs, targets), or a dict with one of {', '.join(TARGET_KEYS)}; got {shape}",
        fix="pass unpack=, a function from your batch to (inputs, targets)",
    )


def call_with_entries(module: Callable[..., Any], entries: Mapping[str, Any]) -> Any:
    """Calls a network with a dict's entries: by the names that its `forward` has.

    Where it has none of them, as with {"image": …, "path": …} and forward(self, x), the only tensor
    is what it takes. Texts beside it, such as paths, are not for the network.
    """
    try:
        known = inspect.signature(getattr(module, "forward", module)).parameters
    except (TypeError, ValueError):
        return module(**entries)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return module(**entries)
    tensors = [value for value in entries.values() if isinstance(value, Tensor)]
    if len(tensors) == 1 and not any(name in known for name in entries):
        return module(tensors[0])
    return module(**{k: v for k, v in entries.items() if k in known or not _is_text(v)})


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    )


def move(value: Any, device: torch.device, copied: Callable[[Tensor], Tensor] | None = None) -> Any:
    """Tensors anywhere within tuples, lists and dicts, moved to the device.

    Args:
        copied: moves a tensor, as `CopyStream` does; by default `tensor.to`.
    """
    copied = copied or (lambda tensor: tensor.to(device, non_blocking=True))
    if isinstance(value, Tensor):
        return copied(value)
    if isinstance(value, Mapping):
        return {key: move(item, device, copied) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(move(item, device, copied) for item in value))
    if isinstance(value, tuple | list):
        return type(value)(move(item, device, copied) for item in value)
    # other things that can be moved know alone what they hold, and so stay off the copy stream
    return value.to(device) if hasattr(value, "to") else value


def cut(value: Any, start: int, stop: int, size: int) -> Any:
    """The examples from `start` to `stop` of whatever within a batch has `size` of them.

    A tensor of another length (a weight per class, say) belongs to the whole batch and stays. A
    list is one of examples when it has `size` items, else one of tensors, as collating makes it.
    """
    if isinstance(value, Tensor):
        return value[start:stop] if value.ndim and len(value) == size else value
    if isinstance(value, Mapping):
        return {key: cut(item, start, stop, size) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(cut(item, start, stop, size) for item in value))
    if isinstance(value, list) and len(value) == size:
        return value[start:stop]
    if isinstance(value, tuple | list):
        return type(value)(cut(item, start, stop, size) for item in value)
    return value


def chunks(group: list[Batch], micro: int) -> Iterator[Batch]:
    """The batches, each cut into parts of at most `micro` examples; 0 cuts nothing."""
    for batch in group:
        if not micro or batch.size <= micro:
            yield batch
            continue
        for start in range(0, batch.size, micro):
            stop = min(start + micro, batch.size)
            inputs = cut(batch.inputs, start, stop, batch.size)
            targets = cut(batch.targets, start, stop, batch.size)
            positions = None if batch.positions is None else batch.positions[start:stop]
            yield Batch(inputs, targets, stop - start, positions)


def size_of(value: Any) -> int:
    """How many examples a batch holds: the first dimension of its first tensor."""
    if isinstance(value, Tensor):
        return int(value.shape[0]) if value.ndim else 1
    if isinstance(value, Mapping):
        return max((size_of(item) for item in value.values()), default=1)
    if isinstance(value, tuple | list) and value:
        return size_of(value[0]) if isinstance(value[0], Tensor) else len(value)
    return 1
