"""A network that goes on from another's weights, while the split was drawn anew in between: S101."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Subset

from lamplighter.checks.splits import trained_before_the_split
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.place import Place
from lamplighter.watch.source.pointing import built_at

if TYPE_CHECKING:
    from torch import nn
    from torch.utils.data import DataLoader

    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import SeenModel, World

MOST = 32  # splits that are kept
VALUES = 32  # of the first and the last weight, by which a state is known again
FEWEST = 8  # held-out samples that were trained on, and that were not


@dataclass(eq=False)
class Past:
    """What one network was trained on: parts of data sets, by row number.

    Args:
        rows: of each data set, itself and the rows that came in training.
        before: what the network whose weights it was given had seen.
    """

    rows: dict[int, tuple[Any, set[int]]] = field(default_factory=dict)
    before: Past | None = None
    noted: set[int] = field(default_factory=set)


class Resumed(Watcher):
    """Knows a state again by its numbers, and with it what its network was trained on."""

    codes = ("S101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.pasts: dict[SeenModel, Past] = {}
        self.states: dict[bytes, Past] = {}
        self.now: tuple[SeenModel, DataLoader[Any]] | None = None
        self.held_out: dict[tuple[SeenModel, int], tuple[Subset[Any], str, Place | None]] = {}

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        current = self.world.current()
        loader = current.loader() if current is not None else None
        if loader is None or not isinstance(loader.dataset, Subset):
            return
        record = self.world.seen(module)
        if module.training and torch.is_grad_enabled():
            self.now = (record, loader)
        elif record in self.pasts and len(self.held_out) < MOST:
            key = (record, id(loader.dataset))
            mine = self.world.walked.get(id(loader))
            if key not in self.held_out and mine is not None:
                self.held_out[key] = (loader.dataset, mine.name, mine.place)

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        if self.now is None:
            return
        (record, loader), self.now = self.now, None
        past = self.pasts.setdefault(record, Past())
        part: Any = loader.dataset
        if id(part) in past.noted or len(past.noted) >= MOST:
            return
        past.noted.add(id(part))
        base, rows = part.dataset, {int(index) for index in part.indices}
        past.rows.setdefault(id(base), (base, set()))[1].update(rows)

    def state_taken(self, module: nn.Module, state: dict[str, Any]) -> None:
        past = self.pasts.get(self.world.seen(module)) if self.pasts else None
        key = _print_of(state) if past is not None else None
        if past is not None and key is not None:
            self.states[key] = past

    def state_loaded(self, module: nn.Module, state: dict[str, Any]) -> None:
        past = self.states.get(_print_of(state) or b"") if self.states else None
        record = self.world.seen(module)
        if past is not None and past is not self.pasts.get(record):
            self.pasts[record] = Past(before=past)

    def pass_ended(self, current: Pass) -> None:
        self.now = None

    def ended(self) -> None:
        for (record, _), (part, name, place) in self.held_out.items():
            past = self.pasts[record]
            mine = past.rows.get(id(part.dataset))
            theirs = past.before.rows.get(id(part.dataset)) if past.before is not None else None
            if mine is None or theirs is None or self.world.found("S101"):
                continue  # it has not gone on with this data set, or nobody had seen it before
            rows = {int(index) for index in part.indices}
            known = rows & theirs[1]
            if rows & mine[1] or min(len(known), len(rows - known)) < FEWEST:
                continue
            if theirs[1] != mine[1]:
                told = trained_before_the_split(len(known), len(rows), where=name)
                self.world.adopt(told, built_at(place))


def _print_of(state: Any) -> bytes | None:
    """Some numbers of the first and the last weight, which no other training has."""
    if not isinstance(state, dict):
        return None
    weights = [v for v in state.values() if isinstance(v, torch.Tensor) and v.is_floating_point()]
    if not weights:
        return None
    some = [w.detach().reshape(-1)[:VALUES].double().cpu() for w in (weights[0], weights[-1])]
    return b"".join(part.numpy().tobytes() for part in some)
