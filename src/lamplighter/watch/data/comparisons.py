"""What lies in the data themselves, and how the data of training and of evaluation differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler

from lamplighter.checks import data, labels, loading, scaled, splits, transforms
from lamplighter.checks.encoded import target_means_of_all
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.pairs import moved_apart, points_stay, sides_stay
from lamplighter.checks.row_numbers import row_number_decides
from lamplighter.checks.running_features import window_holds_the_target
from lamplighter.checks.snapshot import kept
from lamplighter.checks.target_units import target_in_another_unit
from lamplighter.checks.windows import times_surrounded, windows_surrounded
from lamplighter.watch.data.ahead import Ahead
from lamplighter.watch.data.measured_again import differs_knowingly
from lamplighter.watch.data.padded_places import PaddedPlaces
from lamplighter.watch.data.passes import base_of
from lamplighter.watch.data.rows import Rows, rows_of
from lamplighter.watch.data.samples import parts_of
from lamplighter.watch.data.shortened import rows_cut
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place, line_of_attribute
from lamplighter.watch.source.pointing import built_at, pointed

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST_SETS = 12  # data sets that are looked into
MOST_LOADERS = 4  # of one data set; some programs build a loader for each epoch
WHOLE = (SequentialSampler, RandomSampler, WeightedRandomSampler, DistributedSampler)
OF_THE_LOADER = ("D106", "E102")  # what the loader itself does, whatever it reads
NEAR = 512  # validation samples whose nearest neighbour in train is looked for


@dataclass(eq=False)
class Read:
    """A data set that was looked into, and how many loaders have it."""

    rows: Rows
    collate: Any
    loaders: int = 1


class Comparisons(Watcher):
    """Looks into each data set when it is first walked over, and compares them at the end."""

    codes = (
        *("D102", "D107", "D110", "D111", "D112", "D113", "S102", "S103", "S106", "S107"),
        *("T101", "T102", "T103", "Y101", "Y102", "Y103", "Y104", "Y107", "Y109", "Y112"),
    )

    def __init__(self, world: World) -> None:
        self.world = world
        world.comparisons = self
        self.rows: dict[int, tuple[SeenLoader, Rows]] = {}
        self.read: ByIdentity[Read] = ByIdentity()
        self.looks = 0
        self.weighed = self.ignored = False
        self.gaps: tuple[torch.Tensor, SeenLoader | None] | None = None
        self.wrapped: dict[Place, Finding] = {}
        self.ahead = Ahead(self)
        self.padded = PaddedPlaces(world)

    def pass_starts(self, current: Pass) -> None:
        loader = current.loader()
        mine = self.world.walked.get(id(loader))
        if loader is None or mine is None or current.number > 1:
            return
        where = mine.name
        found = list(loading.loader_without_batches(loader, where=where))
        self.world.adopt(found, mine.place or current.place)
        if not found:
            self.look_into(loader, mine)

    def look_into(self, loader: DataLoader[Any], mine: SeenLoader) -> None:
        """Reads samples of a loader's data set, once."""
        if id(mine) in self.rows:
            return
        dataset = loader.dataset if isinstance(loading.drawn_by(loader), WHOLE) else None
        known = self.read.get(dataset)
        if known is not None and known.collate is loader.collate_fn:
            known.loaders += 1  # a loader that is built anew in every epoch
            if known.loaders <= MOST_LOADERS:
                self.rows[id(mine)] = (mine, known.rows)
            return
        if self.looks >= MOST_SETS:
            return
        self.looks += 1
        self.rows[id(mine)] = (mine, Rows())  # stands where the look below fails
        self._look_at_workers(loader, mine)
        rows = rows_of(what_is_read(loader), own_collate(loader))
        self.rows[id(mine)] = (mine, rows)
        if isinstance(dataset, Dataset):
            self.read[dataset] = Read(rows, loader.collate_fn)
        for finding, line in rows.lone:
            self.world.adopt_new([replace(finding, where=mine.name)], line or mine.place)
        self.world.dropped |= rows.dropped
        self.wrapped |= rows.wrapped

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        self.ahead.look()

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.gaps = None
        if self.padded.wanted:
            self.padded.given(batch)
        if current.number > 1 or current.given > 64 or self.world.found("D102"):
            return
        inputs = parts_of(batch)[0]
        if inputs is None or inputs.is_cuda or not inputs.is_floating_point():
            return
        if not bool(torch.isfinite(inputs).all()):
            self.gaps = (inputs, self.world.walked.get(id(current.loader())))

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if self.padded.wanted:
            self.padded.left(module, args, output)
        if self.gaps is None:
            return
        (inputs, mine), self.gaps = self.gaps, None
        entered = next((v for v in args if isinstance(v, torch.Tensor)), None)
        if mine is None or entered is None or bool(torch.isfinite(entered).all()):
            return  # the program fills the gaps itself before its network sees them
        answer = answer_in(output)
        tolerated = answer is not None and bool(torch.isfinite(answer).all())
        where = f"a batch of {mine.name}"
        self.tell(data.values_not_finite(inputs, where=where, tolerated=tolerated), mine)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        weights = (given.get("weight"), given.get("pos_weight"))
        self.weighed |= any(isinstance(weight, torch.Tensor) for weight in weights)
        self.ignored |= given.get("ignore_index") == 0

    def ended(self) -> None:
        self.ahead.settle()
        trained, tested = self.trained(), self.tested()
        for mine, rows in trained:
            self.tell(self.in_training(mine, rows), mine)
        for mine, rows in tested:
            self.tell(self.at_evaluation(mine, rows), mine)
            fitting = [(m, r) for m, r in trained if m.meets(mine)]
            self.tell(self.unknown_classes(fitting, mine, rows), mine)
            for other, theirs in fitting:
                self.tell(self.between(other, theirs, mine, rows), mine)
                self.tell(self._with_targets(theirs, rows, other.name), other)
        self._look_at_scaling(trained, tested)

    def trained(self) -> list[tuple[SeenLoader, Rows]]:
        """What steps followed."""
        return [(mine, rows) for mine, rows in self.rows.values() if mine.steps]

    def evaluated(self) -> list[tuple[SeenLoader, Rows]]:
        """What networks answered, and no step followed."""
        known = self.rows.values()
        return [(mine, rows) for mine, rows in known if mine.evaluations and not mine.steps]

    def tested(self) -> list[tuple[SeenLoader, Rows]]:
        """The same without training data that are scored by a loader of their own."""
        return [(mine, rows) for mine, rows in self.evaluated() if mine.role != "train"]

    def _with_targets(self, train: Rows, held_out: Rows, where: str) -> Iterator[Finding]:
        """What held-out samples and their targets say of the samples of train."""
        one, other = train.numbers, held_out.numbers
        if not self.world.found("Y109"):
            yield from sides_stay(pairs_of(train), other, held_out.targets, where=where)
        if one is None or other is None or not (train.complete and held_out.complete):
            return
        mine, theirs = train.targets, held_out.targets
        if mine is not None and theirs is not None and train.pair and held_out.pair:
            yield from target_means_of_all(one, mine, other, theirs, where=where)

    def tell(self, found: Iterable[Finding], mine: SeenLoader) -> None:
        """Reports what was found in the data of a loader, each at the line that is behind it."""
        for finding in found:
            if finding.code == "Y102" and self.world.found("Y102"):
                continue  # the probe's first batches were enough
            # what training reads as well is right there: it is the part for evaluation that is not
            shared = finding.code == "T101" and self._is_trained_on(mine)
            place = built_at(mine.place) if shared else place_in_data(finding.code, mine)
            self.world.adopt([finding], place)

    def _is_trained_on(self, mine: SeenLoader) -> bool:
        """Whether another loader of the program reads parts of the same data set."""
        base = base_of(mine.ref())
        others = [o for o in self.world.walked.values() if o is not mine and o.role != "evaluation"]
        return base is not None and any(base_of(other.ref()) is base for other in others)

    def _look_at_workers(self, loader: DataLoader[Any], mine: SeenLoader) -> None:
        """Generators that are copied to the workers, where a sample can be read once more."""
        if loader.num_workers < 2:
            return
        with kept((), (loader.dataset,)):
            found = list(loading.random_state_copied(loader))
        for finding in found:
            line = _made_at(loader.dataset, finding.where)
            self.world.adopt([finding], line or mine.place)

    def in_training(self, mine: SeenLoader, rows: Rows) -> Iterator[Finding]:
        """What one training set shows by itself."""
        loader = mine.ref()
        if loader is not None:
            yield from loading.sampler_weights_unfit(loader, rows.labels)
        yield from self._in_labels(mine, rows, loader)
        yield from _given_away(rows)
        pairs = pairs_of(rows)
        yield from moved_apart(pairs, where=mine.name)
        yield from points_stay(pairs, rows.targets, where=mine.name)
        yield from rows_cut(self.world, mine, rows, loader)

    def _in_labels(
        self, mine: SeenLoader, rows: Rows, loader: DataLoader[Any] | None
    ) -> Iterator[Finding]:
        outputs = self.world.classes
        sampler = loading.drawn_by(loader) if loader is not None else None
        drawn = isinstance(sampler, WeightedRandomSampler)
        if outputs < 2 and not self.weighed and not drawn and (marks := rows.marks) is not None:
            yield from labels.classes_unequal(marks, where=mine.name)
        if rows.complete and rows.targets is not None and not self.ignored:
            yield from labels.masks_begin_at_one(rows.targets, outputs)
        known = rows.labels or mine.samples.labels
        if outputs < 2 or not known or max(known) >= outputs:
            return
        yield from labels.labels_begin_at_one(torch.tensor(known), outputs)
        if not self.weighed and not drawn:
            yield from labels.classes_unequal(known, where=mine.name)
        inputs, classes = rows.inputs, rows.classes
        if inputs is None or classes is None or not rows.pair or int(classes.min()) < 0:
            return
        if rows.numbers is None or any(True for _ in data.inputs_all_alike(inputs)):
            return
        told = list(splits.feature_gives_label_away(inputs, classes))
        yield from told or row_number_decides(inputs, classes)
        if inputs[0].numel() <= 4096:
            yield from labels.labels_without_signal(inputs, classes)

    def at_evaluation(self, mine: SeenLoader, rows: Rows) -> Iterator[Finding]:
        """Whether a sample read twice is the same; a target that changes too is part of the task."""
        if not mine.in_evaluation_mode or not rows.pair:
            return
        for one, other in zip(rows.readings, rows.readings[1:], strict=False):
            if len(one) != 2 or len(other) != 2 or not one[0].is_floating_point():
                continue
            told = list(transforms.random_at_evaluation(one[0], other[0], where=mine.name))
            if not told:
                continue
            scalar = one[1].dim() == 0 and torch.equal(one[1], other[1])
            if scalar and self.world.classes > 1:
                yield from told
            elif scalar or _is_mask(one[0], one[1]):
                yield replace(told[0], level="warning")
            else:
                continue
            return

    def between(
        self, train: SeenLoader, rows: Rows, mine: SeenLoader, theirs: Rows
    ) -> Iterator[Finding]:
        """How the data that are evaluated differ from those that were trained on."""
        if rows.mapping and theirs.mapping:
            yield from labels.class_numbers_differ(rows.mapping, theirs.mapping, where=mine.name)
        one, other = rows.numbers, theirs.numbers
        if one is None or other is None or one.shape[1:] != other.shape[1:]:
            return
        if train.is_given_like(mine) and not differs_knowingly(self.world, theirs):
            yield from _prepared_differently(one, other, mine.name)
        told = self.world.found("S101") or self.world.found("S104")
        if not told and train.role != "evaluation":
            yield from splits.near_duplicates(one, other[:NEAR], where=mine.name)
            told_of_windows = list(windows_surrounded(one, other, where=mine.name))
            yield from told_of_windows or times_surrounded(
                one, rows.targets if rows.pair else None, other, where=mine.name
            )

    def unknown_classes(
        self, trained: list[tuple[SeenLoader, Rows]], mine: SeenLoader, rows: Rows
    ) -> Iterator[Finding]:
        """Classes that no data set of this training has."""
        known = [r.labels for _, r in trained]
        if not trained or rows.labels is None or any(k is None for k in known):
            return
        if any(r.mapping for _, r in trained) or self.world.classes < 2:
            return
        seen = [label for k in known if k for label in k]
        if max(rows.labels) < self.world.classes and len(set(seen)) <= max(2, len(seen) // 4):
            known_ones = [label for label in rows.labels if label >= 0]
            yield from labels.unknown_classes(seen, known_ones, where=mine.name)

    def _look_at_scaling(
        self, trained: list[tuple[SeenLoader, Rows]], tested: list[tuple[SeenLoader, Rows]]
    ) -> None:
        """Whether train and what is held out were standardised together."""
        if self.world.found("S107"):
            return
        for mine, rows in trained:
            others = [r for m, r in tested if m.meets(mine)]
            self.tell(self.scaling(rows, others), mine)

    def scaling(
        self, train: Rows, others: list[Rows], where: str = "validation"
    ) -> Iterator[Finding]:
        """Whether one set and others were standardised together, all of them or two alone."""
        whole = [part for rows in others if rows.complete and (part := rows.numbers) is not None]
        if train.numbers is None or not train.complete or not whole:
            return
        for parts in (whole, *([part] for part in whole if len(whole) > 1)):
            found = list(scaled.standardised_together(train.numbers, parts, where=where))
            if found:
                yield from found
                return


def _given_away(rows: Rows) -> Iterator[Finding]:
    """S103, where the target is a real number or a zero or one among such."""
    inputs, targets = rows.numbers, rows.targets
    if inputs is None or targets is None or not rows.pair or not targets.is_floating_point():
        return
    if targets.numel() != len(targets) or len(targets) != len(inputs):
        return
    if rows.marks is not None:
        marks = torch.tensor(rows.marks)
        told = list(splits.feature_gives_label_away(inputs, marks))
        yield from told or row_number_decides(inputs, marks)
        return
    told = list(splits.feature_is_target(inputs, targets.reshape(-1)))
    told = told or list(row_number_decides(inputs, targets))
    told = told or list(target_in_another_unit(inputs, targets))
    yield from told or window_holds_the_target(inputs, targets) if rows.complete else told


def pairs_of(rows: Rows) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The readings of one sample, where it is an input and a target."""
    return [(reading[0], reading[1]) for reading in rows.readings if len(reading) == 2]


def what_is_read(loader: DataLoader[Any]) -> Any:
    """The part of a loader's data set that it can give; None where its own sampler decides."""
    sampler, dataset = loading.drawn_by(loader), loader.dataset
    if isinstance(sampler, WHOLE) or isinstance(dataset, IterableDataset):
        return dataset
    indices = getattr(sampler, "indices", None)
    return None if indices is None else Subset(dataset, [int(index) for index in indices])


def own_collate(loader: DataLoader[Any]) -> Any:
    """The function that lays samples into a batch, where it is not torch's own."""
    is_plain = getattr(loader.collate_fn, "__module__", "").startswith("torch.utils.data")
    return None if is_plain else loader.collate_fn


def place_in_data(code: str, mine: SeenLoader) -> Place | None:
    """The line that a finding about the data of a loader points at."""
    loader = mine.ref()
    if code in OF_THE_LOADER and mine.place is not None:
        return mine.place
    better = pointed(code, mine.place, loader.dataset if loader is not None else None)
    return better or mine.place or mine.trained_at or mine.evaluated_at


def _made_at(dataset: Any, dotted: str) -> Place | None:
    """The line on which the owner of `Dataset.part.rng` gives itself the last attribute."""
    owner, *path = dotted.split(".")
    thing = dataset
    for name in path[:-1]:
        thing = getattr(thing, name, None)
    return line_of_attribute(type(thing), path[-1]) if path and owner else None


def _is_mask(picture: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether a target is a class number for each pixel."""
    if picture.dim() != 3 or target.dim() < 2 or target.shape[-2:] != picture.shape[-2:]:
        return False
    return len(torch.unique(target)) <= 32 and bool((target == target.round()).all())


def _prepared_differently(train: torch.Tensor, other: torch.Tensor, where: str) -> list[Finding]:
    if train.dim() == 3:  # a sequence: its places are columns like those of a table
        train, other = train.flatten(1), other.flatten(1)
    found = list(transforms.channels_reversed(train, other, where=where))
    return found or list(transforms.preprocessed_differently(train, other, where=where))
