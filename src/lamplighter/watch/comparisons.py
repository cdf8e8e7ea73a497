"""What lies in the data themselves, and how the data of training and of evaluation differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import DataLoader, WeightedRandomSampler

from lamplighter.checks import data, labels, loading, splits, transforms
from lamplighter.checks.finding import Finding
from lamplighter.checks.guess import answer_in
from lamplighter.checks.pairs import flipped_without_target
from lamplighter.checks.snapshot import kept
from lamplighter.watch.events import Watcher
from lamplighter.watch.place import line_of_attribute
from lamplighter.watch.pointing import pointed, shows
from lamplighter.watch.rows import Rows, rows_of
from lamplighter.watch.samples import parts_of

if TYPE_CHECKING:
    from lamplighter.watch.loaders import SeenLoader
    from lamplighter.watch.passes import Pass
    from lamplighter.watch.world import World

MOST_SETS = 12  # data sets that are looked into; some programs build a loader for each epoch
NEAR = 512  # validation samples whose nearest neighbour in train is looked for


class Comparisons(Watcher):
    """Looks into each data set when it is first walked over, and compares them at the end."""

    codes = (
        *("D102", "D107", "D110", "D111", "D113", "S102", "S103", "S107"),
        *("T101", "T102", "T103", "Y101", "Y102", "Y103", "Y104", "Y109", "Y112"),
    )

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: dict[int, tuple[SeenLoader, Rows]] = {}
        self.weighed = False
        self.gaps: tuple[torch.Tensor, SeenLoader | None] | None = None

    def pass_starts(self, current: Pass) -> None:
        loader = current.loader()
        mine = self.world.walked.get(id(loader))
        if loader is None or mine is None or current.number > 1:
            return
        where = mine.name
        found = list(loading.loader_without_batches(loader, where=where))
        self.world.adopt(found, mine.place or current.place)
        if found or len(self.rows) >= MOST_SETS:
            return
        self._look_at_workers(loader, mine)
        self.rows[id(mine)] = (mine, Rows())  # stands where the look below fails
        self.rows[id(mine)] = (mine, rows_of(loader.dataset))

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.gaps = None
        if current.number > 1 or current.given > 64 or self.world.found("D102"):
            return
        inputs = parts_of(batch)[0]
        if inputs is None or inputs.is_cuda or not inputs.is_floating_point():
            return
        if not bool(torch.isfinite(inputs).all()):
            self.gaps = (inputs, self.world.walked.get(id(current.loader())))

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:  # noqa: ARG002
        if self.gaps is None:
            return
        (inputs, mine), self.gaps = self.gaps, None
        entered = next((v for v in args if isinstance(v, torch.Tensor)), None)
        if mine is None or entered is None or bool(torch.isfinite(entered).all()):
            return  # the program fills the gaps itself before its network sees them
        answer = answer_in(output)
        tolerated = answer is not None and bool(torch.isfinite(answer).all())
        where = f"a batch of {mine.name}"
        self._tell(data.values_not_finite(inputs, where=where, tolerated=tolerated), mine)

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:  # noqa: ARG002
        weights = (given.get("weight"), given.get("pos_weight"))
        self.weighed |= any(isinstance(weight, torch.Tensor) for weight in weights)

    def ended(self) -> None:
        trained = [(m, rows) for m, rows in self.rows.values() if m.steps]
        tested = [
            (m, rows)
            for m, rows in self.rows.values()
            if m.evaluations and not m.steps and m.role != "train"
        ]
        for mine, rows in trained:
            self._tell(self._in_training(mine, rows), mine)
        for mine, rows in tested:
            self._tell(self._at_evaluation(mine, rows), mine)
            fitting = [(m, r) for m, r in trained if m.meets(mine)]
            self._look_for_unknown_classes(fitting, mine, rows)
            for other, theirs in fitting:
                self._tell(self._between(other, theirs, mine, rows), mine)
        self._look_at_scaling(trained, tested)

    def _tell(self, found: Iterable[Finding], mine: SeenLoader) -> None:
        for finding in found:
            if finding.code == "Y102" and self.world.found("Y102"):
                continue  # the probe's first batches were enough
            place = mine.place or mine.trained_at or mine.evaluated_at
            self.world.adopt([finding], pointed(finding.code, mine.place) or place)

    def _look_at_workers(self, loader: DataLoader[Any], mine: SeenLoader) -> None:
        """Generators that are copied to the workers, where a sample can be read once more."""
        if loader.num_workers < 2:
            return
        with kept((), (loader.dataset,)):
            found = list(loading.random_state_copied(loader))
        for finding in found:
            attribute = finding.where.split(".")[1] if "." in finding.where else ""
            line = line_of_attribute(type(loader.dataset), attribute)
            self.world.adopt([finding], line or mine.place)

    def _in_training(self, mine: SeenLoader, rows: Rows) -> Iterator[Finding]:
        """What one training set shows by itself."""
        loader = mine.ref()
        if loader is not None:
            yield from loading.sampler_weights_unfit(loader, rows.labels)
        yield from self._in_labels(mine, rows, loader)
        pairs = [(r[0], r[1]) for r in rows.readings if len(r) == 2]
        yield from flipped_without_target(pairs, where=mine.name)
        if rows.inputs is not None and shows("D113", mine.place):
            for padding in self._paddings():
                yield from data.never_padded(rows.inputs, padding, where=mine.name)

    def _in_labels(
        self, mine: SeenLoader, rows: Rows, loader: DataLoader[Any] | None
    ) -> Iterator[Finding]:
        outputs = self.world.classes
        known = rows.labels or mine.samples.labels
        if outputs < 2 or not known or max(known) >= outputs:
            return
        yield from labels.labels_begin_at_one(torch.tensor(known), outputs)
        drawn = loader is not None and isinstance(loader.sampler, WeightedRandomSampler)
        if not self.weighed and not drawn:
            yield from labels.classes_unequal(known, where=mine.name)
        inputs, classes = rows.inputs, rows.classes
        if inputs is None or classes is None or not rows.pair or int(classes.min()) < 0:
            return
        if rows.numbers is None or any(True for _ in data.inputs_all_alike(inputs)):
            return
        yield from splits.feature_gives_label_away(inputs, classes)
        if inputs[0].numel() <= 4096:
            yield from labels.labels_without_signal(inputs, classes)

    def _paddings(self) -> set[int]:
        """The padding ids of the embeddings that were trained."""
        modules = [m.module for m in self.world.models.values() if m.trained]
        inner = [layer for m in modules if m is not None for layer in m.modules()]
        kinds = (nn.Embedding, nn.EmbeddingBag)
        return {e.padding_idx for e in inner if isinstance(e, kinds) and e.padding_idx is not None}

    def _at_evaluation(self, mine: SeenLoader, rows: Rows) -> Iterator[Finding]:
        """Whether a sample read twice is the same; a target that changes too is part of the task."""
        if not mine.in_evaluation_mode or not rows.pair or self.world.classes < 2:
            return
        for one, other in zip(rows.readings, rows.readings[1:], strict=False):
            if len(one) != 2 or len(other) != 2 or not one[0].is_floating_point():
                continue
            if one[1].dim() == 0 and torch.equal(one[1], other[1]):
                told = list(transforms.random_at_evaluation(one[0], other[0], where=mine.name))
                if told:
                    yield from told
                    return

    def _between(
        self, train: SeenLoader, rows: Rows, mine: SeenLoader, theirs: Rows
    ) -> Iterator[Finding]:
        """How the data that are evaluated differ from those that were trained on."""
        if rows.mapping and theirs.mapping:
            yield from labels.class_numbers_differ(rows.mapping, theirs.mapping, where=mine.name)
        one, other = rows.numbers, theirs.numbers
        if one is None or other is None or one.shape[1:] != other.shape[1:]:
            return
        yield from _prepared_differently(one, other, mine.name)
        told = self.world.found("S101") or self.world.found("S104")
        if not told and train.role != "evaluation":
            yield from splits.near_duplicates(one, other[:NEAR], where=mine.name)

    def _look_for_unknown_classes(
        self, trained: list[tuple[SeenLoader, Rows]], mine: SeenLoader, rows: Rows
    ) -> None:
        """Classes that no data set of this training has."""
        known = [r.labels for _, r in trained]
        if not trained or rows.labels is None or any(k is None for k in known):
            return
        if any(r.mapping for _, r in trained) or self.world.classes < 2:
            return
        seen = [label for k in known if k for label in k]
        if max(rows.labels) < self.world.classes and len(set(seen)) <= max(2, len(seen) // 4):
            self._tell(labels.unknown_classes(seen, rows.labels, where=mine.name), mine)

    def _look_at_scaling(
        self, trained: list[tuple[SeenLoader, Rows]], tested: list[tuple[SeenLoader, Rows]]
    ) -> None:
        """Whether train and what is held out were standardised together."""
        for mine, rows in trained:
            others = [(m, r) for m, r in tested if m.meets(mine)]
            held_out = [r.numbers for _, r in others if r.complete]
            whole = [part for part in held_out if part is not None]
            if rows.numbers is None or not rows.complete or not whole:
                continue
            for parts in (whole, *([part] for part in whole if len(whole) > 1)):
                found = list(splits.standardised_together(rows.numbers, parts))
                if found:
                    self._tell(found, mine)
                    return


def _prepared_differently(train: torch.Tensor, other: torch.Tensor, where: str) -> list[Finding]:
    if train.dim() == 3:  # a sequence: its places are columns like those of a table
        train, other = train.flatten(1), other.flatten(1)
    found = list(transforms.channels_reversed(train, other, where=where))
    return found or list(transforms.preprocessed_differently(train, other, where=where))
