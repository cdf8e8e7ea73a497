"""The noise levels of a diffusion and those of the step before: L122."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.noise_levels import are_levels, levels_shifted
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.descent import shallow
from lamplighter.watch.source.place import here
from lamplighter.watch.taps.names import KEEPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

JOINING = frozenset(("pad", "cat", "concat", "concatenate", "hstack"))


class NoiseLevels(Watcher):
    """Follows products along a schedule to where their last one is left away."""

    codes = ("L122",)
    operations = KEEPING | JOINING | {"cumprod", "__getitem__"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.levels: ByIdentity[Tensor] = ByIdentity()
        self.fronts: ByIdentity[Tensor] = ByIdentity()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name == "cumprod":
            if isinstance(result, Tensor) and are_levels(result):
                self.levels[result] = result.detach().clone()
            return
        if not self.levels or not isinstance(result, Tensor) or not args:
            return
        known = self.levels.get(args[0]) if isinstance(args[0], Tensor) else None
        if known is not None and name in KEEPING:
            self.levels[result] = known
        elif known is not None and name == "__getitem__" and result.shape == known[:-1].shape:
            if torch.equal(result.detach().to(known), known[:-1]):
                self.fronts[result] = known
        elif name in JOINING:
            given = shallow((*args, *kwargs.values()))
            levels = next((b for t in given if (b := self.fronts.get(t)) is not None), None)
            if levels is not None and not self.world.found("L122"):
                self.world.adopt(levels_shifted(levels, result), here())
