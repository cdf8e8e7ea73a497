"""The two sides of an evaluation: what was trained on and what is held out, whoever gave it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from lamplighter.watch.source.place import Place

if TYPE_CHECKING:
    from lamplighter.watch.data.feeds import Gathered
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.rows import Rows
    from lamplighter.watch.world import World


@dataclass(eq=False)
class Side:
    """Samples of one role.

    Args:
        name: what the program calls them, for a message.
        rows: `(N, …)`.
        targets: `(N, …)`, or None where nobody knows.
        place: where the loader was built, or the network was given them.
        loss_place: where their loss is computed.
        records: ids of the records of the networks that they were given to.
        loader: what gave them; None: the program did, by hand.
        complete: whether these are all of them.
    """

    name: str
    rows: Tensor
    targets: Tensor | None = None
    place: Place | None = None
    loss_place: Place | None = None
    records: set[int] = field(default_factory=set)
    loader: SeenLoader | None = None
    complete: bool = False

    @classmethod
    def of_loader(cls, loader: SeenLoader, read: Rows) -> Iterator[Side]:
        """The samples that were read of a loader's data set, where they could be."""
        if read.inputs is not None:
            side = cls(loader.name, read.inputs, read.targets, loader.place)
            side.records = {life[0] for life in loader.lives}
            side.loader, side.complete = loader, read.complete
            yield side

    @classmethod
    def by_hand(cls, name: str, record: object, gathered: Gathered) -> Iterator[Side]:
        """The samples that a network was given without a loader, where they have one shape."""
        inputs = gathered.inputs()
        if inputs is not None:
            side = cls(name, inputs, gathered.answers(), gathered.place, gathered.loss_place)
            side.records, side.complete = {id(record)}, not gathered.full
            yield side


def trained_on(world: World) -> Iterator[Side]:
    """What steps followed."""
    for loader, read in world.comparisons.trained() if world.comparisons is not None else ():
        yield from Side.of_loader(loader, read)
    if world.feeds is not None:
        for record, gathered in world.feeds.trained.values():
            yield from Side.by_hand("what is trained on", record, gathered)


def evaluated(world: World) -> Iterator[Side]:
    """What networks answered, and no step followed."""
    for loader, read in world.comparisons.evaluated() if world.comparisons is not None else ():
        yield from Side.of_loader(loader, read)
    if world.feeds is not None:
        for one in world.feeds.evaluations():
            yield from Side.by_hand("what is evaluated", one.record, one.samples)
