"""Features from a walk that shuffles, beside labels that were read in another order: Y101."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import RandomSampler, Subset, TensorDataset

from lamplighter.checks.batches import tensors_in
from lamplighter.checks.feature_orders import FEWEST, features_in_another_order
from lamplighter.watch.data.arrays import companion_of, origin_of
from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.data.loaders import SeenLoader
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

LOOKS = 2  # steps after each walk
ALL_LOOKS = 12
KEPT = 4  # walks
MOST = 2**23  # values of one


@dataclass(eq=False)
class Walk:
    """A walk without training over a loader that shuffles.

    Args:
        current: the walk itself.
        answers: id of a network → its answers, batch by batch.
        targets: what each batch holds besides its inputs, by its place in the batch.
        values: how many numbers are kept.
        mine: the loader's record, once the walk has ended.
    """

    current: Pass
    answers: dict[int, list[Tensor]] = field(default_factory=dict)
    targets: dict[int, list[Tensor]] = field(default_factory=dict)
    values: int = 0
    mine: SeenLoader | None = None


class ShuffledFeatures(Watcher):
    """Keeps what networks answer over such walks until other networks have begun to learn."""

    codes = ("Y101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.now: Walk | None = None
        self.walks: list[Walk] = []
        self.left = 0
        self.looks = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        if current.given == 1 and self.looks < ALL_LOOKS:
            sampler = current.sampler()
            draws = isinstance(sampler, RandomSampler) and not sampler.replacement
            self.now = Walk(current) if draws and not current.steps else None
        one = self.now
        if one is None or one.current is not current:
            return
        if current.backwards or one.values > MOST:
            self.now = None
            return
        for at, tensor in enumerate(list(tensors_in(batch))[1:4]):
            if tensor.dim() and tensor.numel() == len(tensor):
                one.targets.setdefault(at + 1, []).append(tensor.detach())

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        one = self.now
        if one is None or (torch.is_grad_enabled() and module.training):
            return
        first = next(tensors_in(output), None)
        if first is not None and first.dim() >= 2 and self.world.current() is one.current:
            one.values += first.numel()
            one.answers.setdefault(id(module), []).append(first.detach())

    def pass_ended(self, current: Pass) -> None:
        one = self.now
        if one is None or one.current is not current:
            return
        self.now = None
        one.mine = self.world.walked.get(id(current.loader()))
        if one.mine is not None and not current.shortened and current.is_evaluation():
            self.walks = [*self.walks[1 - KEPT :], one]
            self.left = LOOKS

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if not self.left or self.looks >= ALL_LOOKS or self.world.found("Y101"):
            return
        self.left -= 1
        self.looks += 1
        for walk in self.walks:
            for pair in self._learned_from(walk):
                self._judge(walk, pair)
        if not self.left:
            self.walks = []

    def _judge(self, walk: Walk, pair: tuple[Tensor, Tensor]) -> None:
        mine = walk.mine
        if mine is None or self.world.found("Y101"):
            return
        for at, parts in walk.targets.items():
            alongside = torch.cat(parts)
            orders = [("the data set", t) for t in self._stored(walk, at, len(alongside))]
            # features and labels are often gathered in two walks
            orders += [("another walk", t) for t in self._of_others(walk, at)]
            for order, theirs in orders:
                for answers in walk.answers.values():
                    alike = len({answer.shape[1:] for answer in answers}) == 1
                    if alike and len(answers) == walk.current.given:
                        told = features_in_another_order(
                            torch.cat(answers),
                            alongside,
                            theirs,
                            pair,
                            order=order,
                            where=mine.name,
                        )
                        self.world.adopt(told, mine.place or mine.evaluated_at)

    def _of_others(self, walk: Walk, at: int) -> Iterator[Tensor]:
        """The targets that other walks over the same loader gave."""
        for other in self.walks:
            if other is not walk and other.mine is walk.mine and at in other.targets:
                yield torch.cat(other.targets[at])

    def _stored(self, walk: Walk, at: int, count: int) -> Iterator[Tensor]:
        """The targets of a walk as its data set holds them."""
        dataset = walk.current.dataset()
        if type(dataset) is TensorDataset and at < len(dataset.tensors):
            yield dataset.tensors[at]
            return
        if isinstance(dataset, Subset) and type(dataset.dataset) is TensorDataset:
            if at < len(dataset.dataset.tensors):
                yield dataset.dataset.tensors[at][list(dataset.indices)]
            return
        rows = self._rows_of(walk.mine)
        if rows is None:
            return
        if rows.labels is not None and len(rows.labels) == count:
            yield torch.tensor(rows.labels)
        elif rows.complete and rows.pair and rows.targets is not None:
            yield rows.targets

    def _learned_from(self, walk: Walk) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets, as many as the walk gave, that this step takes a part of."""
        count = sum(map(len, next(iter(walk.targets.values()), [])))
        if count < FEWEST:
            return
        current = self.world.current()
        if current is not None:
            dataset = current.dataset()
            if type(dataset) is TensorDataset and len(dataset.tensors) == 2:
                if len(dataset) == count:
                    yield dataset.tensors[0], dataset.tensors[1]
                return
            rows = self._rows_of(self.world.walked.get(id(current.loader())))
            all_pairs = rows is not None and rows.complete and rows.pair
            if all_pairs and rows.inputs is not None and rows.targets is not None:
                yield rows.inputs, rows.targets
            return
        feeds = self.world.feeds
        given = feeds.fed_now() if feeds is not None else None
        if given is None or given.targets is None:
            return
        arrays = [a for a in self.world.in_sight().arrays if len(a.values) == count]
        origin = origin_of(given.inputs, arrays) if arrays else None
        if origin is not None:
            whole = companion_of(origin, given.targets, arrays)
            if whole is not None:
                yield origin.array.values, whole
        elif len(given.inputs) == len(given.targets) == count:
            yield given.inputs, given.targets

    def _rows_of(self, mine: SeenLoader | None) -> Any:
        comparisons = self.world.comparisons
        known = comparisons.rows.get(id(mine)) if comparisons is not None and mine else None
        return known[1] if known is not None else None
