"""Scaling that was fitted on what is held out as well, or on that alone: S107, T102."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lamplighter.checks import scaled, transforms
from lamplighter.checks.catalogue import found
from lamplighter.watch.data.arrays import prints_of, table_of
from lamplighter.watch.data.sides import Side, evaluated, trained_on
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.source.pointing import pointed, pointed_from_call
from lamplighter.watch.source.roles import likely_role

if TYPE_CHECKING:
    from lamplighter.watch.world import World

MOST_FITS = 32
FEWEST = 8  # held-out samples


@dataclass(eq=False)
class Fit:
    """One fit of a scaler, and the rows that it has scaled since.

    Args:
        scaler: weak.
        prints: digests of the rows that it was fitted on.
        known: digest of a scaled row, or of what another made of it → whether its like was among
            the fitted ones.
        widths: columns of those.
        words: of a fit on texts, word → column; else None.
    """

    scaler: weakref.ref[Any]
    name: str
    place: Place | None
    prints: set[bytes]
    known: dict[bytes, bool] = field(default_factory=dict)
    widths: set[int] = field(default_factory=set)
    words: dict[str, int] | None = None


class Scaling(Watcher):
    """Follows scalers, and keeps the program's arrays that were scaled as a whole."""

    codes = ("S107", "T102")

    def __init__(self, world: World) -> None:
        self.world = world
        self.fits: list[Fit] = []
        self.whole: list[Tensor] = []
        self.early: list[tuple[str, Tensor]] = []

    def scaler_fitted(self, scaler: Any, rows: Any) -> None:
        prints = _prints(rows)
        if prints is not None and len(self.fits) < MOST_FITS:
            words = getattr(scaler, "vocabulary_", None)
            mine = {word: int(column) for word, column in words.items()} if words else None
            name = type(scaler).__name__
            self.fits.append(Fit(weakref.ref(scaler), name, here(), set(prints), words=mine))

    def scaled_rows(self, scaler: Any, rows: Any, result: Any) -> None:
        before, after = _prints(rows), table_of(result)
        fit = next((f for f in reversed(self.fits) if f.scaler() is scaler), None)
        if fit is None or before is None or after is None or len(before) != len(after):
            return
        pairs = list(zip(before, prints_of(after), strict=True))
        if all(old == new for old, new in pairs):
            return  # nothing was missing that could be filled in
        for old, new in pairs:
            fit.known[new] = fit.known.get(new, True) and old in fit.prints
        fit.widths.add(after.shape[1])
        for earlier in self.fits:  # a chain: what the first was fitted on goes on to the last
            if earlier is not fit and any(old in earlier.known for old, _ in pairs[:8]):
                earlier.known |= {n: earlier.known[o] for o, n in pairs if o in earlier.known}
                earlier.widths.add(after.shape[1])

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.world.steps:
            return
        arrays = self.world.in_sight().arrays
        for array in arrays:
            values = array.values
            if values.is_floating_point() and len(values) >= 64 and len(self.whole) < 8:
                table = values.reshape(len(values), -1).double()
                if table.shape[1] <= 4096 and scaled.how_scaled(table):
                    self.whole.append(values.detach().clone())
        if not self.whole and not self.fits:
            return
        held_out = [
            Side(array.name, array.values)
            for array in arrays
            if likely_role([array.name], None) == "evaluation" and array.values.is_floating_point()
        ]
        for train in self._trained_now():
            for part in (*self._loaders_held_out(), *held_out):
                if self._judge(train, part):
                    self.early.append((part.name, part.rows))
                    return

    def ended(self) -> None:
        held_out = list(evaluated(self.world))
        for name, rows in self.early:
            if self.world.whole and not any(_meet(rows, side.rows) for side in held_out):
                self.world.withdraw("S107", name)
        for train in trained_on(self.world):
            for side in held_out:
                if not train.records & side.records:
                    continue
                if self._judge(train, side) or self._judge_own(train, side):
                    return

    # who is trained on and who is held out, before the first step

    def _trained_now(self) -> Iterator[Side]:
        comparisons, feeds = self.world.comparisons, self.world.feeds
        mine = self.world.walked.get(id(self.world.loader()))
        if mine is not None and comparisons is not None:
            known = comparisons.rows.get(id(mine))
            if known is not None:
                yield from Side.of_loader(mine, known[1])
        given = feeds.fed_now() if feeds is not None else None
        if given is not None:
            origin = self.world.in_sight().origin_of(given.inputs)
            if origin is not None and likely_role([origin.array.name], None) == "train":
                yield Side(origin.array.name, origin.array.values, place=given.place)

    def _loaders_held_out(self) -> Iterator[Side]:
        comparisons = self.world.comparisons
        for mine, rows in comparisons.rows.values() if comparisons is not None else ():
            loader = mine.ref()
            names = [*mine.names, *mine.made_as]
            role = likely_role(names, getattr(loader, "dataset", None))
            if role == "evaluation" and not mine.steps:
                yield from Side.of_loader(mine, rows)

    # the judgement

    def _judge(self, train: Side, held_out: Side) -> bool:
        if self.world.found("S107") or not held_out.rows.is_floating_point():
            return False
        held_out = replace(held_out, rows=_without(held_out.rows, train.rows))
        if len(held_out.rows) < FEWEST:
            return False
        for fit in self.fits:
            if fit.words is not None:
                continue  # which words there are is widely read from all texts
            if _is_of(fit, train.rows) and _is_of(fit, held_out.rows):
                plain = fit.name == "StandardScaler"
                slight = plain and scaled.is_nearly_standardised(train.rows)
                finding = found(
                    "S107",
                    held_out.name,
                    f"the {fit.name} was fitted on {len(fit.prints)} rows, those "
                    "that are held out among them",
                    "fit the scaler on train alone, after splitting",
                    level="warning" if slight else None,
                )
                self.world.adopt([finding], fit.place)
                return True
        for whole in self.whole:
            told = list(
                scaled.scaled_as_a_whole(whole, train.rows, held_out.rows, where=held_out.name)
            )
            if told:
                self.world.adopt(told, self._line(train))
                return True
        return False

    def _judge_own(self, train: Side, held_out: Side) -> bool:
        """T102: what is held out was scaled by its own numbers and not by those of train."""
        rows = _without(held_out.rows, train.rows)
        if len(rows) < 0.9 * len(held_out.rows) or not held_out.rows.is_floating_point():
            return False
        mine = [fit for fit in self.fits if _is_of(fit, train.rows)]
        theirs = [fit for fit in self.fits if _is_of(fit, rows)]
        if mine and theirs and not any(fit in mine for fit in theirs):
            if theirs[-1].words is not None and theirs[-1].words == mine[-1].words:
                return False
            again = theirs[-1].scaler() is not None and theirs[-1].scaler() is mine[-1].scaler()
            again |= theirs[-1].words is not None  # its columns are other words
            told = transforms.scaled_by_own_numbers(
                theirs[-1].name, len(theirs[-1].prints), where=held_out.name, again=again
            )
            self.world.adopt(told, theirs[-1].place)
            return True
        if mine or theirs or not (train.complete and held_out.complete):
            return False
        told = scaled.each_scaled_by_itself(train.rows, held_out.rows, where=held_out.name)
        finding = next(told, None)
        if finding is not None and not self.world.found("T102"):
            self.world.adopt([finding], self._line(held_out))
        return finding is not None

    def _line(self, train: Side) -> Place | None:
        if train.place is None:
            return None
        if train.loader is not None:
            return pointed("S107", train.place)
        return pointed_from_call("S107", train.place, None) or pointed("S107", train.place)


def _prints(rows: Any) -> list[bytes] | None:
    """A digest of each row or text that a scaler was given, or None where it is neither."""
    values = rows.to_numpy() if hasattr(rows, "to_numpy") else rows
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "UO":
        values = values.tolist()
    if isinstance(values, list | tuple) and values and isinstance(values[0], str):
        plain = len(values) >= 8 and all(isinstance(text, str) for text in values)
        return [text.encode("utf-8", "replace") for text in values] if plain else None
    table = table_of(rows)
    return None if table is None else prints_of(table)


def _is_of(fit: Fit, samples: Tensor) -> bool:
    """Whether samples consist of rows that a scaler was fitted on, as it scaled them."""
    return any(_is_made_of(fit, samples, width) for width in fit.widths)


def _is_made_of(fit: Fit, samples: Tensor, width: int) -> bool:
    if samples.dim() < 1 or samples[0].numel() % width:
        return False
    if width > 1 and samples.dim() > 2 and samples.shape[-1] != width:
        return False
    rows = samples.detach().cpu().float().reshape(-1, width)
    if len(rows) < 8:
        return False
    seen = [fit.known.get(p) for p in prints_of(rows[:: max(1, len(rows) // 2000)])]
    return sum(flag is True for flag in seen) > 0.95 * len(seen)


def _without(rows: Tensor, known: Tensor) -> Tensor:
    """The samples that are not among the others: a score on train is no leak."""
    if rows[0].numel() != known[0].numel():
        return rows
    prints, mine = set(prints_of(known)), prints_of(rows)
    return rows[[index for index, print_ in enumerate(mine) if print_ not in prints]]


def _meet(one: Tensor, other: Tensor) -> bool:
    """Whether the first samples of one are among the other's."""
    if one[0].numel() != other[0].numel():
        return False
    known = set(prints_of(other))
    return any(p in known for p in prints_of(one[:32]))
