"""The user's own examples with random numbers that (seed, epoch, index) fixes.

What `__getitem__` draws then depends neither on the number of workers nor on where a run was
resumed. Seeding costs about 20 µs an example; the training's own random numbers are put back.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler, default_collate

from lamplighter.data import worker
from lamplighter.errors import DataError
from lamplighter.machine import undisturbed

FRAMES = 6  # of the user's code that an error shows
PICTURES = "it holds Pillow pictures, which cannot be put together; expected tensors of one size"
TO_TENSOR = "in the data set: v2.Compose([v2.Resize((32, 32)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])"
Place = tuple[int, int]  # epoch, index


@contextmanager
def seeded(*place: int) -> Iterator[None]:
    """Random numbers that the place fixes; before and after, those of the training."""
    # tuples of small integers hash the same in every process
    seed = hash(place) % 2**63
    with undisturbed():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)
        yield


def stream(seed: int, epoch: int, purpose: int) -> torch.Generator:
    """A generator of its own for each (seed, epoch, purpose), the same on every machine."""
    # torch's generator takes the lower 32 bits alone, so all 64 are brought down there: the
    # finaliser of SplitMix64 (Steele, Lea & Flood 2014)
    mixed = (seed * 0x9E3779B97F4A7C15 + epoch * 0xD1B54A32D192ED03 + purpose) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return torch.Generator().manual_seed((mixed ^ (mixed >> 31)) % 2**63)


class EpochSampler(Sampler[Place]):
    """Yields (epoch, index), in an order that (seed, epoch) fixes."""

    def __init__(self, count: int, seed: int, shuffle: bool) -> None:
        self.count = count
        self.seed = seed
        self.shuffle = shuffle
        self.number = 1
        self.begin = 0

    def set_epoch(self, number: int, begin: int = 0) -> None:
        """The next iteration is epoch `number`, without its first `begin` examples."""
        self.number, self.begin = number, begin

    def __len__(self) -> int:
        return self.count

    def order(self) -> torch.Tensor:
        """The indices of the next iteration, which then has begun."""
        order = torch.arange(self.count)
        if self.shuffle:
            generator = torch.Generator().manual_seed(hash((self.seed, self.number)) % 2**63)
            order = torch.randperm(self.count, generator=generator)
        begin, self.begin = self.begin, 0
        return order[begin:]

    def __iter__(self) -> Iterator[Place]:
        for index in self.order().tolist():
            yield self.number, index


@dataclass
class Failed:
    """What a worker hands over in the place of a batch that it could not make.

    An exception would come out of the loader as one text, wrapped in torch's own.

    Args:
        what: the example or batch, in words.
        error: type and text of the exception.
        trace: the user's lines that it came through.
        key: where the data set says what it reads.
        cause: the exception itself; None where another process raised it.
    """

    what: str
    error: str
    trace: str
    key: str = ""
    cause: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "cause": None}  # not every exception can be pickled

    def raised(self) -> DataError:
        """The error to raise, which shows the user's own lines."""
        key = f" ({self.key})" if self.key else ""
        fix = "mend the data or the lines shown; --workers 0 reads in this process, for a debugger"
        if "found <class 'PIL." in self.error:
            return DataError(f"{self.what}{key} cannot be made: {PICTURES}", fix=TO_TENSOR)
        if "resize storage" in self.error or "equal size" in self.error:
            fix = "give the examples one size, such as v2.Resize((224, 224)) in the transform, or pass collate="
        return DataError(
            f"{self.what}{key} cannot be made: {self.error}"
            + (f"\n{self.trace}" if self.trace else ""),
            fix=fix,
        )


def failed(what: str, error: Exception, key: str = "") -> Failed:
    """What is handed over for an exception, with the frames below the caller's own."""
    frames = [f for f in traceback.extract_tb(error.__traceback__)[1:] if f.filename != __file__]
    trace = "".join(traceback.format_list(frames[-FRAMES:])).rstrip()
    told = f"{type(error).__name__}: {error}".rstrip(": ")
    return Failed(what, told, trace, key, error)


class Read(list[Any]):
    """The examples of one batch, with where they are from."""

    places: Sequence[Place] = ()


class SeededExamples(Dataset[Any]):
    """Another data set, read under a seed of its own for each (epoch, index)."""

    def __init__(self, examples: Any, seed: int) -> None:
        self.examples = examples
        self.seed = seed

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: Place) -> Any:
        epoch, index = place
        worker.reading(index)
        with seeded(self.seed, epoch, index):
            return self.examples[index]

    def __getitems__(self, places: Sequence[Place]) -> Read | Failed:
        """The examples of a batch, or which of them failed."""
        read = Read()
        read.places = places
        for place in places:
            try:
                read.append(self[place])
            except Exception as error:
                name = type(self.examples).__name__
                return failed(
                    f"example {place[1]} of {name}", error, key_of(self.examples, place[1])
                )
        return read


@dataclass(frozen=True)
class SeededCollate:
    """Makes a batch of examples, under a seed of its own."""

    collate: Callable[[list[Any]], Any] | None
    seed: int

    def __call__(self, read: Any) -> Any:
        if not isinstance(read, Read):  # a Failed, on its way
            return read
        collate = self.collate or default_collate
        try:
            with seeded(self.seed, *read.places[0], len(read)):
                return collate(list(read))
        except Exception as error:
            if worker.shortage_in(str(error)):
                worker.give_up(error)
            indices = [index for _, index in read.places]
            told = ", ".join(map(str, indices[:8])) + (", …" if len(indices) > 8 else "")
            return failed(f"the batch of the examples {told}", error)


def key_of(examples: Any, index: int) -> str:
    """The file that an example is read from, where the data set lists its files as torchvision's do."""
    for name in ("samples", "imgs", "paths", "files", "image_paths"):
        listed = getattr(examples, name, None)
        if isinstance(listed, list | tuple) and len(listed) == len(examples):
            one = listed[index]
            one = one[0] if isinstance(one, tuple | list) and one else one
            if isinstance(one, str | Path):
                return str(one)
    inner, indices = getattr(examples, "dataset", None), getattr(examples, "indices", None)
    if inner is not None and isinstance(indices, list | tuple):  # a Subset
        return key_of(inner, indices[index])
    return ""
