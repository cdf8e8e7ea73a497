"""Which data one and the same training has seen: a network set back to its beginning forgets."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch.utils.data import Subset

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.world import SeenModel, World

MOST = 32  # parts of data sets that are kept of one life


@dataclass(eq=False)
class Life:
    """One network, and how often it began anew.

    Args:
        record: kept, so that its identity stays its own.
        weights: the first and the last that train, weak.
        number: grows when other weights were put in and training goes on with other data.
        sets: id → data set that this life was trained on, kept where it is a part of another; each
            epoch may build a loader.
        version: torch's counter of changes of the weights, after the last step.
    """

    record: SeenModel
    weights: list[weakref.ref[nn.Parameter]]
    number: int = 0
    sets: dict[int, Subset[Any] | None] = field(default_factory=dict)
    version: list[int] = field(default_factory=list)

    def now(self) -> list[int]:
        """The counters as they stand."""
        alive = [weight for ref in self.weights if (weight := ref()) is not None]
        return [weight._version for weight in alive if not weight.is_inference()]

    def was_replaced(self) -> bool:
        """Whether all of the looked-at weights were written to since the last step."""
        now = self.now()
        pairs = zip(self.version, now, strict=False)
        return len(self.version) == len(now) > 0 and all(a != b for a, b in pairs)


class Lives:
    """Tells folds of a cross-validation from one training that goes on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[int, Life] = {}
        self.active: list[Life] = []
        self.settled = False

    def sets_of(self, record: SeenModel) -> dict[int, Subset[Any] | None]:
        """What a network was trained on in its present life, by the ids of the data sets."""
        life = self.known.get(id(record))
        return life.sets if life is not None else {}

    def of(self, module: nn.Module, dataset: Any) -> tuple[int, int]:
        """The life that a network is in while it is given a batch.

        Args:
            module: the network, just called.
            dataset: whose batch it got.
        """
        record = self.world.seen(module)
        life = self.known.get(id(record))
        if life is None:
            weights = [weakref.ref(p) for p in module.parameters() if p.requires_grad]
            life = self.known[id(record)] = Life(record, weights[:1] + weights[-1:])
        if module.training:
            if self.settled:
                self.active, self.settled = [], False
            if life not in self.active:
                self.active.append(life)
            if id(dataset) not in life.sets and life.was_replaced():
                life.number, life.sets, life.version = life.number + 1, {}, []
        return id(record), life.number

    def stepped(self, dataset: Any) -> None:
        """An optimizer stepped after a batch of this data set."""
        for life in self.active:
            part = isinstance(dataset, Subset) and len(life.sets) < MOST
            life.sets.setdefault(id(dataset), dataset if part else None)
            life.version = life.now()
        self.settled = True
