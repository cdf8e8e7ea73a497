"""What the loaders of training and of evaluation have in common: S101, S104."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from lamplighter.checks import loading, splits
from lamplighter.checks.finding import Finding
from lamplighter.watch.data.passes import base_of, length_of

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.world import World


def shared(
    trained: SeenLoader, train: DataLoader[Any], held_out: SeenLoader, loader: DataLoader[Any]
) -> list[Finding]:
    """What the data of training and of evaluation have in common.

    What has labels in training and none here is not scored: its answers may have become labels.
    """
    if held_out.samples.bare and trained.samples.labels:
        return []
    plain = (SequentialSampler, RandomSampler)
    pairs = ((trained, train), (held_out, loader))
    if all(
        isinstance(loading.drawn_by(one), plain) and seen.length in (0, length_of(one.dataset))
        for seen, one in pairs
    ):
        found = list(splits.validation_is_train(train, loader))
        found = found or list(splits.indices_meet(train, loader))
        if found:
            return found
    if not (trained.samples.varied() and held_out.samples.varied()):
        return []
    return list(
        splits.exact_overlap(trained.samples.prints, held_out.samples.prints, where=held_out.name)
    )


def is_training_looked_at(world: World, trained: SeenLoader, mine: SeenLoader) -> bool:
    """Whether a loader gives all that is trained on once more, while others give what is held out.

    As for a score of training, to gather features of it, or for a plot of all data; not where it is
    called validation or test. Asked in the end, when loaders may be gone.
    """
    names = [name.lower() for name in (*mine.names, *mine.made_as)]
    if mine.role == "evaluation" and not any("eval" in name for name in names):
        return False
    whole, base = getattr(mine.ref(), "dataset", None), base_of(trained.ref())
    if (whole is None or base is not whole) and not _hold_the_same(world, trained, mine):
        return False
    known = set(trained.samples.prints)
    others = [o for o in world.walked.values() if o.evaluations and not o.steps and o is not mine]
    return any(
        other.role != "train"
        and other.meets(trained)
        and other.samples.prints
        and not known.intersection(other.samples.prints)
        and not _hold_the_same(world, other, mine)
        for other in others
    )


def _hold_the_same(world: World, one: SeenLoader, other: SeenLoader) -> bool:
    """Whether two loaders read the same samples, as far as a look into their data sets tells."""
    datasets = [getattr(loader.ref(), "dataset", None) for loader in (one, other)]
    if datasets[0] is not None and datasets[0] is datasets[1]:
        return True
    known = world.comparisons.rows if world.comparisons is not None else {}
    rows = [known[id(loader)][1].inputs for loader in (one, other) if id(loader) in known]
    if len(rows) < 2 or rows[0] is None or rows[1] is None:
        return False
    return torch.equal(rows[0], rows[1])
