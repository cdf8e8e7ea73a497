"""One walk over a `DataLoader`, and how far it may go."""

from __future__ import annotations

import dis
import sys
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset, Subset, _DatasetKind

from lamplighter.watch.source.place import Place, is_users

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

FOR_ITER = dis.opmap["FOR_ITER"]
# trainers that validate after as many batches as `len(loader)` said, not when the loader ends
COUNTING = frozenset({"lightning", "pytorch_lightning", "lightning_fabric"})


@dataclass(eq=False, slots=True)
class Pass:
    """A loader from its first batch to its last.

    Args:
        loader: weak.
        walker: the iterator, weak.
        number: which walk over this loader it is, from 1.
        given: batches handed out.
        backwards: how often `backward()` ran while this was the newest batch.
        steps: optimizer steps while it was going on.
        calls: how often a network answered while it was going on.
        complete: whether the loader came to its end.
        shortened: whether it was ended here before its end.
        notes: what watchers keep with it, each by a name of its own.
    """

    loader: weakref.ref[DataLoader[Any]]
    walker: weakref.ref[Any]
    number: int
    place: Place | None = None
    given: int = 0
    backwards: int = 0
    steps: int = 0
    calls: int = 0
    complete: bool = False
    shortened: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    def alive(self) -> bool:
        """Whether it can still hand out a batch."""
        return not self.complete and self.walker() is not None

    def dataset(self) -> Any:
        """What is read, also where the loader itself was let go; None where nobody knows."""
        held = getattr(self.loader(), "dataset", None)
        return held if held is not None else getattr(self.walker(), "_dataset", None)

    def sampler(self) -> Any:
        """What draws the order, also where the loader itself was let go; None: nobody knows."""
        held = getattr(self.loader(), "sampler", None)
        batches = getattr(self.walker(), "_index_sampler", None)
        return held if held is not None else getattr(batches, "sampler", None)

    def has_given_all(self) -> bool:
        """Whether every batch was handed out, though nobody has asked for one more."""
        loader = self.loader()
        if self.complete or not self.given or loader is None:
            return False
        if loader._dataset_kind != _DatasetKind.Map:
            return False  # such a length is a guess of the dataset's
        return self.given >= length_of(loader) > 0

    def is_evaluation(self) -> bool:
        """Whether nothing was trained during the whole walk."""
        return self.complete and self.backwards == 0 and self.steps == 0


@dataclass(slots=True)
class Bounds:
    """How much of a program is enough.

    Args:
        batches: of each of the first two walks over a loader; None: all.
        later: of each walk after those.
        cut: whether any walk was ended before its end.
        counted: loaders whose length a trainer asked for and was told as `batches`.
    """

    batches: int | None = None
    later: int = 2
    cut: bool = False
    counted: weakref.WeakSet[DataLoader[Any]] = field(default_factory=weakref.WeakSet)

    def length_for(self, loader: DataLoader[Any], whole: int, depth: int) -> int:
        """What a trainer that counts batches is told, so that its epoch ends where the walk does."""
        if self.batches is None or whole <= self.batches:
            return whole
        if sys._getframe(depth).f_globals.get("__name__", "").partition(".")[0] not in COUNTING:
            return whole
        self.counted.add(loader)
        self.cut = True
        return self.batches

    def has_all_it_counts(self, current: Pass) -> bool:
        """Whether a trainer that was told a shorter length has got so many batches."""
        loader = current.loader()
        if self.batches is None or loader is None or loader not in self.counted:
            return False
        return current.given >= self.batches

    def is_enough(self, current: Pass) -> bool:
        """Whether a walk has shown what it has to show, where it is bounded at all."""
        if self.batches is None:
            return False
        limit = self.batches if current.number <= 2 else self.later
        if current.given < limit:
            return False
        # Accumulation over many batches: wait until a step was seen.
        return current.backwards == 0 or current.steps > 0 or current.given >= 8 * limit


def length_of(thing: Any) -> int:
    """How many batches a loader has, or samples a data set; 0 where it does not say."""
    try:
        return len(thing)
    except (TypeError, NotImplementedError):
        return 0


def base_of(thing: Any) -> Any:
    """The data set that a loader, or a part of a data set, reads a part of; None for None."""
    dataset = thing if isinstance(thing, Dataset) else getattr(thing, "dataset", None)
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset


def may_end_here(depth: int) -> bool:
    """Whether the caller takes the end of an iterator in its stride.

    A `for` does, and so does a library's loop; `next(iterator)` in the user's own code would
    raise a StopIteration that the real program never sees.
    """
    frame = sys._getframe(depth)
    if not is_users(frame.f_code.co_filename):
        return True
    return frame.f_code.co_code[frame.f_lasti] == FOR_ITER
