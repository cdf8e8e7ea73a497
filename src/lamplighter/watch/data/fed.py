"""Data that a program gives to its networks by hand, judged as those of a loader are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from lamplighter.checks import data, loading, splits
from lamplighter.checks.catalogue import found as catalogued
from lamplighter.checks.evaluation import trained_in_an_earlier_fold
from lamplighter.checks.finding import Finding
from lamplighter.watch.data.arrays import Array, Origin, companion_of
from lamplighter.watch.data.feeds import Evaluated, Feeds, Gathered, Given
from lamplighter.watch.data.loaders import SeenLoader
from lamplighter.watch.data.measured_again import PREPARED
from lamplighter.watch.data.rows import MOST_ROWS, Rows, copies
from lamplighter.watch.data.samples import are_classes, are_telling, contradictions_in
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place
from lamplighter.watch.source.pointing import pointed_from_call, pointed_from_name
from lamplighter.watch.source.roles import likely_role

if TYPE_CHECKING:
    from lamplighter.watch.data.comparisons import Comparisons
    from lamplighter.watch.world import SeenModel, World

FEWEST = 16  # samples of an evaluation that are compared with training
FEWEST_BATCHES = 4
ENOUGH = 64  # samples of an evaluation that is no mere look at examples


@dataclass(eq=False)
class Trained:
    """What a network was trained on, whoever gave it.

    Args:
        mine: what its loader is called; a stand-in where the program gave it by hand.
        prints: digests of its samples.
        records: ids of the records of the networks.
    """

    mine: SeenLoader
    rows: Rows
    prints: set[bytes]
    records: set[int]
    by_hand: bool = False


@dataclass(frozen=True)
class Suspicion:
    """A finding about an array that its name says is for evaluation."""

    code: str
    where: str
    prints: frozenset[bytes]


class Fed(Watcher):
    """Judges what `Feeds` gathered: before the first step what can be seen, the rest in the end."""

    codes = (
        *("D101", "D102", "D106", "E103", "S101", "S106", "S107", "T102", "T103"),
        *("Y101", "Y102", "Y110", "Y112"),
    )

    def __init__(self, world: World) -> None:
        self.world = world
        self.suspicions: list[Suspicion] = []

    # before the first step

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        feeds, comparisons = self.world.feeds, self.world.comparisons
        given = feeds.fed_now() if feeds is not None and not self.world.steps else None
        if given is None or comparisons is None:
            return
        self._gaps(given)
        self._alike(given)
        sight = self.world.in_sight()
        origin = sight.origin_of(given.inputs)
        if origin is None:
            return
        mine = _stand_in(origin.array.name, given.place)
        rows = self._rows_of(origin, given, sight.arrays)
        if rows is None:
            return
        self._tell(self._by_itself(comparisons, mine, rows), given.place, given.loss_place)
        is_slice = 8 <= len(given.inputs) < len(origin.array.values) / 2 and origin.in_a_row
        if is_slice and rows.labels and are_classes(rows.labels) and self.world.classes > 1:
            found = loading.sorted_and_not_shuffled(rows.labels, where=mine.name)
            self._tell(map(_cut, found), given.place, given.loss_place)
        if likely_role([origin.array.name], None) == "train":
            self._look_at_others(origin, given, rows, sight.arrays, mine)

    def _gaps(self, given: Given) -> None:
        if given.inputs.is_floating_point() and not bool(torch.isfinite(given.inputs).all()):
            where = "a batch given by hand"
            found = data.values_not_finite(given.inputs, where=where, tolerated=True)
            self._tell(found, given.place, None)

    def _alike(self, given: Given) -> None:
        """D101, where as many samples have different targets."""
        rows, targets = given.inputs, given.targets
        if rows.dim() < 2 or len(rows) < FEWEST or targets is None:
            return
        if bool((targets != targets[:1]).any()):
            found = data.inputs_all_alike(rows, where="a batch given by hand")
            self._tell(found, given.place, None)

    def _rows_of(self, origin: Origin, given: Given, arrays: list[Array]) -> Rows | None:
        inputs = origin.array.shaped(given.inputs)
        if inputs is None:
            return None
        targets = None
        if given.targets is not None:
            targets = companion_of(origin, given.targets, arrays)
        return _rows(inputs, targets)

    def _by_itself(
        self, comparisons: Comparisons, mine: SeenLoader, rows: Rows
    ) -> Iterator[Finding]:
        """What a training set shows by itself."""
        yield from comparisons.in_training(mine, rows)
        if rows.inputs is not None and (kinds := rows.kinds) is not None:
            yield from contradictions_in(rows.inputs, kinds)

    def _look_at_others(
        self, origin: Origin, given: Given, rows: Rows, arrays: list[Array], mine: SeenLoader
    ) -> None:
        """Arrays of like samples whose names say that they are for evaluation."""
        comparisons = self.world.comparisons
        assert comparisons is not None
        for array in arrays:
            inputs = array.shaped(given.inputs)
            if inputs is None or likely_role([array.name], None) != "evaluation":
                continue
            if array.values.data_ptr() == origin.array.values.data_ptr():
                continue
            theirs = _rows(inputs, None)
            other = _stand_in(array.name, given.place)
            prints = frozenset(splits.fingerprints(inputs[:64].to(given.inputs.dtype)))
            found = list(copies(rows, theirs, other.name))
            found += comparisons.between(mine, rows, other, theirs)
            found += comparisons.scaling(rows, [theirs], other.name)
            for finding in found:
                if not self.world.found(finding.code):
                    self.suspicions.append(Suspicion(finding.code, finding.where, prints))
                    line = pointed_from_name(finding.code, array.name, given.place)
                    self.world.adopt([finding], line)
                    self.world.told.add((finding.code, finding.where))

    # in the end

    def ended(self) -> None:
        feeds, comparisons = self.world.feeds, self.world.comparisons
        if feeds is None or comparisons is None:
            return
        evaluated = list(feeds.evaluations())
        self._settle(evaluated)
        by_hand = list(_by_hand(feeds))
        for one, gathered in by_hand:
            told = self._by_itself(comparisons, one.mine, one.rows)
            self._tell(told, gathered.place, gathered.loss_place)
            self._order(one, gathered)
        trained = [*(one for one, _ in by_hand), *_from_loaders(comparisons)]
        for there in evaluated:
            self._folds(there)
            sets = [one for one in trained if id(there.record) in one.records]
            for one in sets:
                is_only = len(sets) == 1 and not feeds.makes_features(there.record)
                self._compare(comparisons, one, there, is_only=is_only)

    def _settle(self, evaluated: list[Evaluated]) -> None:
        """Withdraws what was told of arrays that were never evaluated."""
        seen = {p for one in evaluated for p in one.samples.prints}
        for suspicion in self.suspicions:
            known = len(suspicion.prints & seen)
            if self.world.whole and 2 * known < len(suspicion.prints):
                self.world.withdraw(suspicion.code, suspicion.where)
                self.world.told.discard((suspicion.code, suspicion.where))

    def _folds(self, there: Evaluated) -> None:
        """Samples that were new at first and later ones of an earlier phase alone: other folds."""
        feeds = self.world.feeds
        known = feeds.trained.get(id(there.record)) if feeds is not None else None
        visits = [v for v in there.visits.values() if v.count >= FEWEST // 2]
        if known is None or known[1].targets is None:
            return  # without targets it is no cross-validation: an agent sees its states again
        if len(visits) < 2 or visits[0].unseen < 0.98 * visits[0].count:
            return
        if visits[0].trained < 1.5 * visits[0].count:
            return  # what is chosen to be trained on next is judged before the first step
        old = [v for v in visits[1:] if v.before > 0.98 * v.count]
        since = sum(p in known[1].phases for p in there.first)  # the first fold's, trained on since
        if old and since > 0.5 * len(there.first):
            told = trained_in_an_earlier_fold(
                old[0].before, old[0].count, where="what is evaluated", sure=len(old) > 1
            )
            self.world.adopt(told, there.samples.place)

    def _order(self, one: Trained, gathered: Gathered) -> None:
        """The same samples in the same order again, and their classes sorted."""
        labels, orders = one.rows.labels, gathered.orders
        if not labels or gathered.full or self.world.found("D106") or self.world.classes < 2:
            return
        flat = [number for order in orders for number in order]
        count = len(labels)
        again = flat[count : 2 * count]
        batches = sum(1 for order in orders if order and max(order) < count) if orders else 0
        if batches < FEWEST_BATCHES or not are_classes(labels):
            return
        if flat[:count] != list(range(count)):
            return
        if max(len(order) for order in orders) >= count / 2 or again != flat[:count]:
            return
        found = loading.sorted_and_not_shuffled(labels, where=one.mine.name)
        self._tell(map(_cut, found), gathered.place, gathered.loss_place)

    def _compare(
        self, comparisons: Comparisons, one: Trained, there: Evaluated, is_only: bool
    ) -> None:
        """Holds one evaluation against one set that its network learned from.

        Where there were several, as for two tasks, it may be prepared as another of them was; so may
        what a backbone is given that others learn from. A part that got what other parts had made of
        the samples is given no samples at its evaluation either.
        """
        inputs = there.samples.inputs()
        if inputs is None or len(inputs) < FEWEST or one.rows.inputs is None:
            return
        if inputs.shape[1:] != one.rows.inputs.shape[1:]:
            return
        theirs = _rows(inputs, None, complete=not there.samples.full)
        mine = _stand_in("what is evaluated", there.samples.place, there.record)
        shares = there.shares if one.by_hand else _shares(one.prints, inputs)
        found = list(self._leak(one, there, shares, inputs))
        new = all(share < 0.02 for share, _ in shares)
        if not found and new and one.mine.is_given_like(mine):
            between = comparisons.between(one.mine, one.rows, mine, theirs)
            alike = is_only and not is_conditioned(there.samples.rows)
            found = [_milder(f) for f in between if alike or f.code not in PREPARED]
            found += comparisons.scaling(one.rows, [theirs], mine.name)
        self._tell(found, there.samples.place, None)

    def _leak(
        self,
        one: Trained,
        there: Evaluated,
        shares: list[tuple[float, int]],
        inputs: torch.Tensor,
    ) -> Iterator[Finding]:
        """S101: an evaluation of which some samples, but not all, were trained on."""
        if not are_telling(inputs) or one.rows.inputs is None or self.world.found("S101"):
            return
        feeds = self.world.feeds
        if feeds is not None and feeds.is_only_the_body(there.record):
            return
        held_out = [(share, n) for share, n in shares if share < 0.95]
        mixed = [(share, n) for share, n in held_out if share > 0.02 and share * n >= 2]
        known = there.known or (set(there.samples.prints) & one.prints)
        covers = len(known) > 0.5 * len(one.prints)  # all data at once, for a plot
        if len(known) < 2:
            return  # a blank one, that comes again and again
        whole = [(share, n) for share, n in shares if share >= 0.95]
        if len(whole) == len(shares) and not covers and self._is_a_part(there, len(known)):
            mixed = held_out = whole
        if len(mixed) * 2 < len(held_out) or not mixed or covers or max(n for _, n in shares) < 8:
            return
        if sum(n for _, n in shares) < ENOUGH and held_out is not whole:
            return  # a few samples side by side, to look at
        varied = len(there.samples.prints) > 0.5 * sum(there.samples.sizes[:1])
        if varied and len(one.prints) > len(one.rows.inputs) // 2:
            yield catalogued(
                "S101",
                "what is evaluated",
                f"{len(known)} of the {len(there.samples.prints)} samples that are evaluated here "
                "had been trained on before",
                "remove duplicates before splitting, and split once, by sample",
                level="error" if _is_test(there) else "warning",
            )

    def _is_a_part(self, there: Evaluated, known: int) -> bool:
        """Whether samples of which all were trained on are called those of a test, and no score of
        training: then a split was made, and training was given everything."""
        return known >= ENOUGH // 2 and _is_test(there)

    def _tell(self, found: Iterable[Finding], place: Place | None, loss: Place | None) -> None:
        for finding in found:
            if not self.world.found(finding.code):
                line = pointed_from_call(finding.code, place, loss)
                self.world.adopt([finding], line or place)


def _by_hand(feeds: Feeds) -> Iterator[tuple[Trained, Gathered]]:
    """What networks learned from without a loader, with all that was noted of it."""
    for key, (record, gathered) in feeds.trained.items():
        inputs, rows = gathered.inputs(), Rows()
        if key not in feeds.mixed and inputs is not None:
            rows = _rows(inputs, gathered.answers(), complete=not gathered.full)
        mine = _stand_in("what is trained on", gathered.place, record)
        mine.steps = len(gathered.sizes)
        yield Trained(mine, rows, set(gathered.prints), {id(record)}, by_hand=True), gathered


def _from_loaders(comparisons: Comparisons) -> Iterator[Trained]:
    for mine, rows in comparisons.trained():
        if rows.inputs is not None:
            prints = set(splits.fingerprints(rows.inputs)) if rows.complete else set()
            yield Trained(mine, rows, prints, {life[0] for life in mine.lives})


def _stand_in(name: str, place: Place | None, record: SeenModel | None = None) -> SeenLoader:
    """The record of data that the program gives to a network without a loader."""
    entered = set() if record is None else {id(record)}
    return SeenLoader(lambda: None, None, names=[name], trained_at=place, entered=entered)


def _rows(inputs: torch.Tensor, targets: torch.Tensor | None, complete: bool = True) -> Rows:
    """Samples as `Comparisons` wants them; evenly spaced where there are very many."""
    step = max(1, -(-len(inputs) // (2 * MOST_ROWS)))
    rows = Rows(inputs[::step].detach().cpu(), None, complete and step == 1, pair=True)
    if targets is not None and len(targets) == len(inputs):
        rows.targets = targets[::step].detach().cpu()
        whole = targets.detach().cpu()
        if whole.dim() == 1 and not whole.is_floating_point():
            rows.labels = [int(label) for label in whole.tolist()]
    return rows


def is_conditioned(calls: list[torch.Tensor]) -> bool:
    """Whether some column is one number for all samples of a call and another at the next call.

    Such a column says what is asked for, as the noise level does of which a sampler takes one after
    the other; a training draws them all.
    """
    tables = [rows for rows in calls if rows.dim() == 2 and len(rows) >= FEWEST]
    if len(tables) < 2:
        return False
    constant = torch.stack([(rows == rows[0]).all(0) for rows in tables]).all(0)
    return bool((constant & (tables[0][0] != tables[-1][0])).any())


def _shares(prints: set[bytes], inputs: torch.Tensor) -> list[tuple[float, int]]:
    here = splits.fingerprints(inputs)
    return [(sum(p in prints for p in here) / len(here), len(here))]


def _milder(finding: Finding) -> Finding:
    """What a program evaluates by hand may be something else on purpose: other data, an attack."""
    return replace(finding, level="warning") if finding.code in PREPARED else finding


def _is_test(there: Evaluated) -> bool:
    return there.in_evaluation_mode and there.is_called_a_test()


def _cut(finding: Finding) -> Finding:
    return replace(finding, fix="draw the order anew in each epoch: torch.randperm(len(inputs))")
