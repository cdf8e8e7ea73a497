"""Evaluation that is split over several processes and never put together: G104."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data.distributed import DistributedSampler

from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.source.place import Place
    from lamplighter.watch.world import World

_FIGURE = re.compile(r"\d")


class Shares(Watcher):
    """Waits for evaluations of a share, for figures told after them, and for any exchange."""

    codes = ("G104",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.exchanged = False
        self.answered = False
        self.share: tuple[int, int, int, Place | None] | None = None
        self.told = False

    def combined(self) -> None:
        self.exchanged = True

    def module_left(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        self.answered = True

    def pass_starts(self, current: Pass) -> None:
        self.answered = False
        sampler = getattr(current.loader(), "sampler", None)  # the loader may be gone in the end
        if isinstance(sampler, DistributedSampler) and sampler.num_replicas > 1:
            whole = len(sampler.dataset)  # type: ignore[arg-type]
            current.notes["share"] = (sampler.num_samples, whole, sampler.num_replicas)

    def pass_ended(self, current: Pass) -> None:
        if self.answered and current.is_evaluation() and "share" in current.notes:
            self.share = (*current.notes["share"], current.place)

    def text_written(self, text: str) -> None:
        self.told |= self.share is not None and _FIGURE.search(text) is not None

    def ended(self) -> None:
        if self.share is None or self.exchanged or not self.told or not self.world.whole:
            return
        mine, whole, processes, place = self.share
        self.world.report(
            "G104",
            "error",
            "evaluation",
            f"each of the {processes} processes evaluates {mine} of {whole} samples and tells its own "
            "figures; the processes never exchange them",
            "sum counts over the processes before dividing: torch.distributed.all_reduce(counts), or "
            "a metric of torchmetrics",
            place,
        )
