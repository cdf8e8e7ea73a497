"""Random numbers that begin anew in every round of one training: R109."""

from __future__ import annotations

import random
import sys
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import RandomSampler

from lamplighter.checks.generators import order_repeats, random_numbers_repeat
from lamplighter.checks.splits import fingerprints
from lamplighter.watch.data.samples import parts_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, frames

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

SURE = 2  # rounds that begin with the very numbers of the one before
SOME = 4  # samples by which an order is known again
FEWEST = 32  # samples in a set of which those are the first by chance once in a million times
LOOKS = 4  # steps of a round after which it is plain whether training draws


@dataclass(eq=False, slots=True)
class Book:
    """One generator: that of torch, of NumPy or of Python.

    Args:
        value: the newest seed.
        way: the user's lines that led to it, innermost first.
        quiet: the newest state up to which nothing of the training can have drawn.
        armed: whether no step has come since the seed.
        looks: steps of the present round that are still looked at.
        first: the state at the first step of the round; `optimizer` made it.
        repeats: rounds in a row that began with the same state as the one before.
        drawn: whether the training has drawn numbers in the present round.
        first_ways: the lines that led to the seeds before the first step.
    """

    value: Any = None
    way: tuple[Place, ...] = ()
    quiet: int = 0
    armed: bool = False
    looks: int = 0
    first: int = 0
    optimizer: weakref.ref[Any] | None = None
    repeats: int = 0
    drawn: bool = False
    first_ways: set[Place] = field(default_factory=set)


@dataclass(eq=False, slots=True)
class Begun:
    """A walk over a shuffled loader: its data set, its first samples, and who stepped on them."""

    dataset: int
    prints: bytes
    place: Place | None
    optimizer: weakref.ref[Any] | None = None
    repeats: int = 0

    def is_like(self, other: Begun) -> bool:
        """Whether another walk began with the same samples of the same data."""
        return self.dataset == other.dataset and self.prints == other.prints

    def mover(self) -> Any:
        """The optimizer, while it lives."""
        return self.optimizer() if self.optimizer is not None else None


class Seeding(Watcher):
    """Compares the states of the generators at the first step after each seed."""

    codes = ("R109",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.books: dict[str, Book] = {}
        self.begun: Begun | None = None
        self.order: Begun | None = None

    def state_put_back(self, kind: str) -> None:
        """After a seed for a while: the numbers go on as if it had not been set."""
        book = self.books.get(kind)
        if book is not None:
            book.armed, book.looks = False, 0

    def seeded(self, kind: str, value: Any) -> None:
        way = tuple(Place.of(f) for f in frames(2))
        book = self.books.setdefault(kind, Book())
        if not self.world.steps:
            book.first_ways.update(way)
            return
        if value != book.value:
            book.repeats, book.first, book.optimizer = 0, 0, None
        book.value, book.way, book.armed = value, way, True
        book.quiet, book.looks = state_of(kind), LOOKS

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if self.books and not torch.is_grad_enabled():
            for kind, book in self.books.items():
                if book.armed:
                    book.quiet = state_of(kind)

    def pass_starts(self, current: Pass) -> None:
        # noted here: with lasting workers, a loader without a name is gone at its first batch
        loader = current.loader()
        sampler = getattr(loader, "sampler", None)
        if loader is None or not isinstance(sampler, RandomSampler) or sampler.replacement:
            return
        if len(sampler) >= FEWEST:
            place = self.world.loaders.get(id(loader))
            current.notes["shuffled"] = Begun(id(loader.dataset), b"", place)

    def batch_given(self, current: Pass, batch: Any) -> None:
        begun = current.notes.pop("shuffled", None) if current.given == 1 else None
        if begun is None:
            return
        inputs, _ = parts_of(batch)
        if inputs is not None:
            prints = fingerprints(inputs[:SOME])
            begun.prints = b"".join(prints)
            # an order cannot be told from samples that are all alike
            self.begun = begun if len(set(prints)) > 1 else None

    def _look_at_order(self, begun: Begun, optimizer: torch.optim.Optimizer) -> None:
        """A shuffled epoch that begins with the samples that the one before began with."""
        before = self.order
        again = before is not None and before.is_like(begun) and before.mover() is optimizer
        begun.repeats = before.repeats + 1 if before is not None and again else 0
        begun.optimizer = weakref.ref(optimizer)
        self.order = begun
        if begun.repeats >= SURE and not self.world.found("R109"):
            self.world.adopt(order_repeats(begun.repeats + 1), begun.place)

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        for kind, book in self.books.items():
            if not book.looks:
                continue
            now = state_of(kind)
            if book.armed:
                book.armed = False
                self._begin(book, now, optimizer, closure)
            book.looks -= 1
            book.drawn |= now != book.first
            if book.drawn and book.repeats >= SURE and not self.world.found("R109"):
                self._tell(kind, book)
        begun, self.begun = self.begun, None
        if begun is not None:
            self._look_at_order(begun, optimizer)

    def _begin(self, book: Book, now: int, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        """The first step of a round."""
        same = book.optimizer is not None and book.optimizer() is optimizer
        again = same and not closure and now == book.first
        book.repeats = book.repeats + 1 if again else 0
        book.first, book.optimizer = now, weakref.ref(optimizer)
        book.drawn = now != book.quiet

    def _tell(self, kind: str, book: Book) -> None:
        # a helper that also set the first seed is right; what calls it again is not
        place = next((one for one in book.way if one not in book.first_ways), None)
        found = random_numbers_repeat(kind, book.value, book.repeats + 1)
        self.world.adopt(found, place or (book.way[0] if book.way else None))


def state_of(kind: str) -> int:
    """A number that tells the states of a generator apart."""
    if kind == "torch":
        return hash(torch.get_rng_state().numpy().tobytes())
    if kind == "random":
        return hash(random.getstate())
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return 0
    _, keys, at, has, value = numpy.random.get_state()
    return hash((keys.tobytes(), at, has, value))
