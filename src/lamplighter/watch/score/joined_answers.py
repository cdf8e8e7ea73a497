"""Names beside the answers of a walk that shuffles: E110."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import RandomSampler

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.joined import FEWEST, joined_in_another_order
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.sight import things_in_sight

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 4
MOST = 100_000  # samples of one walk
MOST_VALUES = 2**22  # of its answers


class JoinedAnswers(Watcher):
    """Keeps the answers of such a walk, and looks for them when the program prints or ends."""

    codes = ("E110",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts: list[Tensor] | None = None
        self.size = 0
        self.walk: Pass | None = None
        self.whole: tuple[Tensor, SeenLoader] | None = None
        self.looks = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        loader = current.loader()
        if loader is None or not isinstance(loader.sampler, RandomSampler):
            return
        if current.given == 1 and not current.steps and not loader.sampler.replacement:
            self.parts, self.walk, self.size = [], current, 0
        if self.walk is current and (current.backwards or _brings_names(batch)):
            self.parts = self.walk = None

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        if self.parts is None or self.world.current() is not self.walk or torch.is_grad_enabled():
            return
        first = next(tensors_in(output), None)
        if first is not None and first.dim() in (1, 2):
            self.parts.append(first.detach())
            self.size += first.numel()
        if self.size > MOST_VALUES:
            self.parts = self.walk = None

    def pass_ended(self, current: Pass) -> None:
        parts, mine = self.parts, self.world.walked.get(id(current.loader()))
        if self.walk is not current or parts is None or mine is None:
            return
        self.parts = self.walk = None
        if len(parts) == current.given and not current.shortened and current.is_evaluation():
            self.whole = (torch.cat(parts), mine)
            self.looks = 0

    def text_written(self, text: str) -> None:
        if self.whole is not None and self.looks < LOOKS and not self.world.found("E110"):
            self.looks += 1
            answers, mine = self.whole
            for name, joined in _joined_in_sight(len(answers)):
                told = joined_in_another_order(answers, joined, name=name, where=mine.name)
                self.world.adopt(told, mine.place or mine.evaluated_at)


def _joined_in_sight(count: int) -> Iterator[tuple[str, list[Any]]]:
    """Tables of names with something beside each, of this length."""
    if not FEWEST <= count <= MOST:
        return
    for name, thing in things_in_sight():
        if not isinstance(thing, dict | list) or len(thing) != count:
            continue
        rows = list(thing.items()) if isinstance(thing, dict) else thing
        if all(isinstance(r, list | tuple) and len(r) == 2 and type(r[0]) is str for r in rows):
            yield name, [row[1] for row in rows]


def _brings_names(batch: Any) -> bool:
    """Whether a batch holds texts, or a column of numbers that are all different."""
    things = list(batch.values()) if isinstance(batch, dict) else batch
    for thing in things if isinstance(things, list | tuple) else ():
        if isinstance(thing, Tensor):
            whole = not thing.is_floating_point() and thing.dim() == 1
            if whole and len(thing) > 3 and len(thing.unique()) == len(thing):
                return True
        elif isinstance(thing, str | list | tuple | dict):
            return True
    return False
