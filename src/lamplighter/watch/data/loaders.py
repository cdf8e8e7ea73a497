"""Which loader gives what to whom: D106, D108, D109, E102, E103, G103, S101, S104, Y110, Y112."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.distributed import DistributedSampler

from lamplighter.checks import evaluation as evaluation_criteria
from lamplighter.checks import loading, splits
from lamplighter.checks.batches import tensors_in
from lamplighter.watch.data.in_common import is_training_looked_at, shared
from lamplighter.watch.data.lives import Lives
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.data.rows import rows_of
from lamplighter.watch.data.samples import Samples, parts_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.naming import made_names
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.pointing import pointed
from lamplighter.watch.source.roles import Role, loaders_in_sight, role_of
from lamplighter.watch.world import active_chance

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

CALLS = 8  # of networks in one walk that are looked at
VALUES = 4096  # of a batch that are compared with what a network is given


@dataclass(eq=False)
class SeenLoader:
    """One loader: what it is called, what it gave, and what was done with it.

    Args:
        ref: gives it while it lives; nothing for data that the program gave by hand.
        place: where it was built, if that was seen.
        names: variables that hold it.
        made_as: what the source calls it where it is made.
        lives: the networks that its batches went into, as `Lives` numbers them.
        entered: ids of the records of those networks, or parts of one, that were given its samples
            themselves; others got what the program or a network had made of them.
        answers: whether its samples had a second part in training, and whether the program has done
            anything with it; what only learns the inputs has seen no answer.
        in_evaluation_mode: whether a network that computes as at evaluation was given its batches.
        length: samples of its data set when it was last walked through, 0 before; it may be altered
            later, as a list of indices is to which a round of active learning adds.
    """

    ref: Callable[[], DataLoader[Any] | None]
    place: Place | None
    names: list[str] = field(default_factory=list)
    made_as: list[str] = field(default_factory=list)
    role: Role = ""
    passes: int = 0
    steps: int = 0
    evaluations: int = 0
    trained_at: Place | None = None
    evaluated_at: Place | None = None
    samples: Samples = field(default_factory=Samples)
    first_batches: list[bytes] = field(default_factory=list)
    last: Pass | None = None
    steps_then: int = 0
    lives: set[tuple[int, int]] = field(default_factory=set)
    entered: set[int] = field(default_factory=set)
    answers: tuple[bool, bool] = (False, False)
    in_evaluation_mode: bool = False
    length: int = 0

    @property
    def name(self) -> str:
        """What to call it in a message."""
        names = self.names or self.made_as
        return f"`{names[0]}`" if names else "the loader"

    def meets(self, other: SeenLoader) -> bool:
        """Whether some network saw batches of both, with the same training behind it."""
        # one may be read without its answers, to learn what inputs are like
        both = ((self, other), (other, self))
        if any(
            a.steps and a.answers == (True, False) and b.answers == (True, True) for a, b in both
        ):
            return False
        return not self.lives or not other.lives or bool(self.lives & other.lives)

    def is_given_like(self, other: SeenLoader) -> bool:
        """Whether the same network was given the samples of both, or something was made of both.

        Else the samples of one are held against what no network sees.
        """
        return bool(self.entered & other.entered) or not (self.entered or other.entered)


def record_of(world: World, loader: DataLoader[Any]) -> SeenLoader:
    """The record of a loader; made when it is new."""
    known = world.walked.get(id(loader))
    if known is None or known.ref() is not loader:
        known = SeenLoader(weakref.ref(loader), world.loaders.get(id(loader)))
        world.walked[id(loader)] = known
    return known


def name_all(world: World) -> None:
    """Notes what the program calls its loaders now."""
    for thing, names in loaders_in_sight().values():
        other = record_of(world, thing)
        other.names += [name for name in names if name not in other.names]
    for other in world.walked.values():
        loader = other.ref()
        dataset = getattr(loader, "dataset", None)
        if loader is not None:
            other.role = role_of(other.names, dataset) or role_of(other.made_as, dataset)


class Loaders(Watcher):
    """Follows each loader through the program."""

    codes = ("D106", "D108", "D109", "E102", "E103", "G103", "S101", "S104", "Y110", "Y112")

    def __init__(self, world: World) -> None:
        self.world = world
        self.lives = world.lives = Lives(world)
        self.batch: list[tuple[torch.Tensor, int]] = []  # the newest, and torch's counts of changes

    def loader_made(self, loader: DataLoader[Any]) -> None:
        mine = record_of(self.world, loader)
        mine.made_as = made_names(mine.place)

    def pass_starts(self, current: Pass) -> None:
        loader = current.loader()
        if loader is None:
            return
        mine = record_of(self.world, loader)
        mine.passes += 1
        mine.length = length_of(loader.dataset)
        self._look_for_the_same_batch(mine)
        mine.last, mine.steps_then = current, self.world.steps
        if mine.passes > 3:
            return
        name_all(self.world)
        if mine.passes == 2:
            self._sampler_forgot_the_epoch(mine, loader)

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.batch = []
        if current.calls < CALLS and current.number <= 2:
            given = [t for t in tensors_in(batch) if t.dim() and not t.is_inference()]
            self.batch = [(tensor, tensor._version) for tensor in given]
        if current.given > 1 and current.number > 1:
            return
        loader = current.loader()
        if loader is None:
            return
        mine = record_of(self.world, loader)
        inputs, labels = parts_of(batch)
        if current.number == 1:
            mine.samples.take(inputs, labels)
            if current.given == 1:
                mine.samples.bare = len(list(tensors_in(batch))) == 1
        if current.given == 1 and len(mine.first_batches) < 6 and inputs is not None:
            mine.first_batches.append(b"".join(splits.fingerprints(inputs[:4])))

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        current = self.world.current()
        loader = current.loader() if current is not None else None
        if current is None or loader is None:
            return
        mine = record_of(self.world, loader)
        mine.steps += 1
        self.lives.stepped(loader.dataset)
        mine.trained_at = mine.trained_at or current.place

    def pass_ended(self, current: Pass) -> None:
        self.batch = []
        loader = current.loader()
        if loader is None:
            return
        mine = record_of(self.world, loader)
        if current.shortened and current.given % max(1, loader.num_workers):
            mine.samples.whole_first_pass = False
        if not current.is_evaluation() or not current.calls:
            return
        mine.evaluations += 1
        mine.evaluated_at = mine.evaluated_at or current.place

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        loader = self.world.loader() if len(self.batch) == 2 else None
        mine = record_of(self.world, loader) if loader is not None else None
        if mine is not None and not mine.answers[1]:
            answer = self.batch[1][0]
            used = any(t is answer for t in shallow((*args, *kwargs.values())))
            mine.answers = (True, used)

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        current = self.world.current() if self.batch else None
        loader = current.loader() if current is not None and current.calls < CALLS else None
        if loader is None:
            return
        mine, record = record_of(self.world, loader), self.world.seen(module)
        if id(record) not in mine.entered and any(
            _are_the_same(given, rows, version)
            for given in tensors_in([*args, *kwargs.values()])
            for rows, version in self.batch
        ):
            mine.entered.add(id(record))

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        current = self.world.current()
        if current is None:
            return
        current.calls += 1
        loader = current.loader() if current.calls <= CALLS else None
        if loader is not None:
            mine = record_of(self.world, loader)
            mine.lives.add(self.lives.of(module, loader.dataset))
            # a network that computes the same in both modes needs no eval()
            mine.in_evaluation_mode |= not module.training or not active_chance(module)

    def ended(self) -> None:
        # A loader may be gone by now; what was seen of it counts all the same.
        trained = [mine for mine in self.world.walked.values() if mine.steps]
        for mine in trained:
            self._look_at_training(mine)
        for mine in self.world.walked.values():
            if mine.evaluations and not mine.steps:
                self._look_at_evaluation(mine, trained)
        self._evaluates_on_train()

    def _look_for_the_same_batch(self, mine: SeenLoader) -> None:
        last = mine.last
        if last is None:
            return
        if last.given != 1 or self.world.steps == mine.steps_then or last.complete:
            mine.first_batches.clear()
        elif len(mine.first_batches) == 5:
            found = loading.same_batch_every_step(mine.first_batches, where=mine.name)
            self.world.adopt(found, here())

    def _sampler_forgot_the_epoch(self, mine: SeenLoader, loader: DataLoader[Any]) -> None:
        sampler = loader.sampler
        if not isinstance(sampler, DistributedSampler) or not sampler.shuffle or sampler.epoch:
            return
        if mine.steps and sampler.num_replicas > 1:
            self.world.report(
                "G103",
                "warning",
                mine.name,
                "the second epoch begins and set_epoch() was never called: every epoch has the "
                "same order",
                "call loader.sampler.set_epoch(epoch) at the start of each epoch",
                here(),
            )

    def _look_at_training(self, mine: SeenLoader) -> None:
        loader = mine.ref()
        labels = mine.samples.labels
        if loader is None:
            return
        if loading.order_is_fixed(loader):
            found = []
            if self.world.classes > 1:  # whole numbers of a regression are no classes
                found = list(loading.sorted_and_not_shuffled(labels, where=mine.name))
            self.world.adopt(found, mine.place or mine.trained_at)
            if (
                not found
                and self.world.classes > 1
                and mine.samples.of_pictures
                and len(set(labels)) > 1
                and mine.passes > 1
            ):
                self.world.report(
                    "D106",
                    "warning",
                    mine.name,
                    "every epoch reads the pictures in the same order, so the same samples always "
                    "share a batch",
                    "give the training DataLoader shuffle=True",
                    mine.place or mine.trained_at,
                )
        if isinstance(loader.dataset, IterableDataset) and self.world.classes > 1:
            found = list(loading.stream_is_sorted(labels, where=mine.name))
            self.world.adopt(found, mine.place or mine.trained_at)
            if found:
                return
        if isinstance(loader.dataset, IterableDataset) and mine.samples.whole_first_pass:
            counts = mine.samples.counts()
            self.world.adopt(
                loading.whole_set_per_worker(counts, loader.num_workers, where=mine.name),
                mine.place or mine.trained_at,
            )
        if mine.samples.one_class() and self.world.classes > 1 and self._is_all(mine):
            self._one_class(mine, loader)
        place = pointed("Y110", mine.place) or mine.trained_at
        self.world.adopt(mine.samples.contradictions(), place)

    def _is_all(self, mine: SeenLoader) -> bool:
        """Whether no other loader has brought classes to a training, as other clients' do."""
        seen = {label for m in self.world.walked.values() if m.steps for label in m.samples.labels}
        return seen == set(mine.samples.labels)

    def _one_class(self, mine: SeenLoader, loader: DataLoader[Any]) -> None:
        labels, place = mine.samples.labels, mine.place or mine.trained_at
        if loading.order_is_fixed(loader) and _has_other_classes(loader):
            self.world.adopt(loading.first_class_only(labels, where=mine.name), place)
            return
        self.world.report(
            "Y112",
            "error",
            mine.name,
            f"all {len(labels)} labels seen in training are {labels[0]}, though the model "
            "chooses between classes",
            "look at the folders that are read: is the same class read twice?",
            place,
        )

    def _look_at_evaluation(self, mine: SeenLoader, trained: list[SeenLoader]) -> None:
        loader = mine.ref()
        place = mine.place or mine.evaluated_at
        if loader is not None:
            self.world.adopt(evaluation_criteria.samples_dropped(loader, where=mine.name), place)
        for other in trained:
            theirs = other.ref()
            if loader is None or theirs is None:
                continue
            if mine.role == "train" or not mine.meets(other):
                continue
            if is_training_looked_at(self.world, other, mine):
                continue
            for finding in shared(other, theirs, mine, loader):
                self.world.adopt(
                    [finding], pointed(finding.code, mine.place, loader.dataset) or place
                )

    def _evaluates_on_train(self) -> None:
        idle = [m for m in self.world.walked.values() if m.role == "evaluation" and not m.passes]
        walked = [m for m in self.world.walked.values() if m.role == "evaluation" and m.passes]
        for mine in self.world.walked.values():
            if not idle or walked or not mine.steps or not mine.evaluations:
                continue
            self.world.report(
                "E103",
                "error",
                mine.name,
                f"the model is evaluated on the data it is trained on; {idle[0].name} is built "
                "and never read",
                f"evaluate on {idle[0].name}",
                mine.evaluated_at,
            )


def _has_other_classes(loader: DataLoader[Any]) -> bool:
    """Whether the set of a loader holds more classes than the batches seen so far did."""
    classes = rows_of(loader.dataset).classes
    return classes is not None and len(classes.unique()) > 1


def _are_the_same(given: torch.Tensor, rows: torch.Tensor, version: int) -> bool:
    """Whether a network is given samples as they came, in whatever shape, type and place.

    Args:
        given: to the network.
        rows: of the batch.
        version: of these when they came.
    """
    if not given.dim() or len(given) != len(rows) or given.numel() != rows.numel():
        return False
    if rows._version != version:
        return False
    one, other = (t.detach().reshape(-1)[:VALUES].cpu() for t in (given, rows))
    return torch.equal(one, other.to(one.dtype))
