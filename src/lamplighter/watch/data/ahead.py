"""What the data show before the first step: every loader that exists by then, by what it is called.

Who trains and who evaluates is known for certain only when the program has done it. What was told
on the strength of names is therefore settled in the end, and withdrawn where the program does
otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamplighter.checks import evaluation as evaluation_criteria
from lamplighter.checks import loading
from lamplighter.checks.finding import Finding
from lamplighter.watch.data.in_common import is_training_looked_at, shared
from lamplighter.watch.data.loaders import name_all
from lamplighter.watch.data.measured_again import PREPARED, differs_knowingly
from lamplighter.watch.data.passes import length_of
from lamplighter.watch.data.rows import Rows, copies
from lamplighter.watch.data.samples import are_classes, contradictions_in
from lamplighter.watch.source.roles import likely_role

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from lamplighter.watch.data.comparisons import Comparisons
    from lamplighter.watch.data.loaders import SeenLoader

SECONDS = 4.0  # for all data sets together


@dataclass(frozen=True)
class Guess:
    """A finding that was told on the strength of names."""

    code: str
    where: str
    held_out: SeenLoader
    train: SeenLoader | None


class Ahead:
    """Looks once, when the first step of the program is about to be taken.

    Args:
        comparisons: whose criteria and samples are used.
    """

    def __init__(self, comparisons: Comparisons) -> None:
        self.comparisons = comparisons
        self.world = comparisons.world
        self.guesses: list[Guess] = []
        self.done = False

    def look(self) -> None:
        """Looks into the loaders that exist now."""
        if self.done or self.world.steps:
            return
        self.done = True
        name_all(self.world)
        began = time.perf_counter()
        for mine in list(self.world.walked.values()):
            loader = mine.ref()
            if loader is not None and length_of(loader):
                if time.perf_counter() - began > SECONDS:
                    break
                self.comparisons.look_into(loader, mine)
        current = self.world.current()
        trains = self.world.walked.get(id(current.loader())) if current is not None else None
        if trains is None or current is None:
            return
        # The same line as at the end, or a loader that is older than the watching is told twice.
        trains.trained_at = trains.trained_at or current.place
        self._look_at_training(trains)
        for mine in list(self.world.walked.values()):
            loader = mine.ref()
            if mine is trains or loader is None or mine.steps or not self._is_held_out(mine):
                continue
            self._look_at_held_out(trains, mine, loader)

    def settle(self) -> None:
        """Withdraws what the program did not bear out."""
        for guess in self.guesses:
            mine, train = guess.held_out, guess.train
            if not self.world.whole and not mine.steps:
                continue
            borne_out = mine.evaluations and not mine.steps
            borne_out = borne_out and (train is None or mine.meets(train))
            if guess.code == "T101":
                borne_out = borne_out and mine.in_evaluation_mode
            elif guess.code in PREPARED and (rows := self._rows(mine)) is not None:
                borne_out = borne_out and not differs_knowingly(self.world, rows)
            elif guess.code == "S101" and train is not None:
                borne_out = borne_out and not is_training_looked_at(self.world, train, mine)
            if not borne_out:
                self.world.withdraw(guess.code, guess.where)
                self.world.told.discard((guess.code, guess.where))

    def _is_held_out(self, mine: SeenLoader) -> bool:
        loader = mine.ref()
        dataset = getattr(loader, "dataset", None)
        return likely_role([*mine.names, *mine.made_as], dataset) == "evaluation"

    def _rows(self, mine: SeenLoader) -> Rows | None:
        known = self.comparisons.rows.get(id(mine))
        return known[1] if known is not None and known[0] is mine else None

    def _look_at_training(self, mine: SeenLoader) -> None:
        rows, loader = self._rows(mine), mine.ref()
        if rows is None or loader is None:
            return
        self.comparisons.tell(self.comparisons.in_training(mine, rows), mine)
        for finding in self._by_labels(mine, rows, loader):
            self.comparisons.tell([finding], mine)
            self.world.told.add((finding.code, finding.where))

    def _by_labels(
        self, mine: SeenLoader, rows: Rows, loader: DataLoader[object]
    ) -> Iterator[Finding]:
        """Order and contradictions of the training set, as far as its own labels show them."""
        kinds = rows.kinds if rows.complete and rows.pair else None
        if rows.inputs is not None and kinds is not None:
            yield from contradictions_in(rows.inputs, kinds)
        in_order = loading.order_is_fixed(loader) and loader.batch_size
        if in_order and rows.labels and are_classes(rows.labels) and self.world.classes > 1:
            yield from loading.sorted_and_not_shuffled(rows.labels, where=mine.name)

    def _look_at_held_out(
        self, train: SeenLoader, mine: SeenLoader, loader: DataLoader[object]
    ) -> None:
        rows, theirs, other = self._rows(mine), self._rows(train), train.ref()
        self._guess(evaluation_criteria.samples_dropped(loader, where=mine.name), mine, None)
        if rows is None:
            return
        wanted, mine.in_evaluation_mode = mine.in_evaluation_mode, True
        self._guess(self.comparisons.at_evaluation(mine, rows), mine, None)
        mine.in_evaluation_mode = wanted
        if theirs is None or other is None:
            return
        found = shared(train, other, mine, loader) or list(copies(theirs, rows, mine.name))
        self._guess(found, mine, train)
        self._guess(self.comparisons.unknown_classes([(train, theirs)], mine, rows), mine, train)
        self._guess(self.comparisons.between(train, theirs, mine, rows), mine, train)
        self._guess(self.comparisons.scaling(theirs, [rows], mine.name), mine, train)

    def _guess(
        self, found: Iterator[Finding] | list[Finding], mine: SeenLoader, train: SeenLoader | None
    ) -> None:
        for finding in found:
            if not any(key[:2] == (finding.code, finding.where) for key in self.world.findings):
                self.guesses.append(Guess(finding.code, finding.where, mine, train))
                self.comparisons.tell([finding], mine)
                self.world.told.add((finding.code, finding.where))
