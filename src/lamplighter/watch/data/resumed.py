"""A network that goes on from another's weights, while the split was drawn anew in between: S101."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Subset

from lamplighter.checks.splits import trained_before_the_split
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place
from lamplighter.watch.source.pointing import built_at

if TYPE_CHECKING:
    from torch import nn

    from lamplighter.watch.world import SeenModel, World

MOST = 32  # splits that are kept
VALUES = 32  # of the first and the last weight, by which a state is known again
FEWEST = 8  # held-out samples that were trained on, and that were not
Parts = dict[int, Subset[Any] | None]


class Resumed(Watcher):
    """Knows a state again by its numbers, and with it what its network was trained on."""

    codes = ("S101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.states: dict[bytes, Parts] = {}
        self.before: dict[SeenModel, Parts] = {}  # what those had seen whose weights it was given
        self.held_out: dict[tuple[SeenModel, int], tuple[Subset[Any], str, Place | None]] = {}

    def _trained_on(self, record: SeenModel) -> Parts:
        return self.world.lives.sets_of(record) if self.world.lives is not None else {}

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        loader = self.world.loader()
        if loader is None or not isinstance(loader.dataset, Subset):
            return
        record = self.world.seen(module)
        learns = module.training and torch.is_grad_enabled()
        if learns or len(self.held_out) >= MOST or not self._trained_on(record):
            return
        key = (record, id(loader.dataset))
        mine = self.world.walked.get(id(loader))
        if key not in self.held_out and mine is not None:
            self.held_out[key] = (loader.dataset, mine.name, mine.place)

    def state_taken(self, module: nn.Module, state: dict[str, Any]) -> None:
        parts = self._trained_on(self.world.seen(module))
        known = any(part is not None for part in parts.values())
        key = _print_of(state) if known else None
        if key is not None:
            self.states[key] = parts

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        parts = self.states.get(_print_of(state) or b"") if self.states else None
        record = self.world.seen(module)
        if parts is not None and parts is not self._trained_on(record):
            self.before[record] = parts

    def ended(self) -> None:
        for (record, _), (part, name, place) in self.held_out.items():
            mine = _rows_of(part.dataset, self._trained_on(record))
            theirs = _rows_of(part.dataset, self.before.get(record, {}))
            if not mine or not theirs or self.world.found("S101"):
                continue  # it has not gone on with this data set, or nobody had seen it before
            rows = {int(index) for index in part.indices}
            known = rows & theirs
            if rows & mine or min(len(known), len(rows - known)) < FEWEST:
                continue
            if theirs != mine:
                told = trained_before_the_split(len(known), len(rows), where=name)
                self.world.adopt(told, built_at(place))


def _rows_of(dataset: Any, parts: Parts) -> set[int]:
    """The numbers of the rows of a data set that are in parts of it."""
    mine = [part for part in parts.values() if part is not None and part.dataset is dataset]
    return {int(index) for part in mine for index in part.indices}


def _print_of(state: Any) -> bytes | None:
    """Some numbers of the first and the last weight, which no other training has."""
    if not isinstance(state, dict):
        return None
    weights = [v for v in state.values() if isinstance(v, torch.Tensor) and v.is_floating_point()]
    if not weights:
        return None
    some = [w.detach().reshape(-1)[:VALUES].double().cpu() for w in (weights[0], weights[-1])]
    return b"".join(part.numpy().tobytes() for part in some)
