"""Answers with bounds against the targets that they are compared with: L121."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.losses_seen import AMOUNTS
from lamplighter.checks.reach import bounds_of, targets_out_of_reach
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import Place, here
from lamplighter.watch.taps.names import DISTANCES

if TYPE_CHECKING:
    from lamplighter.watch.world import World

LOOKS = 6  # comparisons of one line that are read
SURE = 4  # after so many it is judged
MOST = 256  # values of each
# of two equal differences: `d * d`, `d @ d`, `torch.dot(d, d)`
SQUARING = frozenset(("mul", "matmul", "dot", "inner", "vdot"))


class Reach(Watcher):
    """Gathers the targets of answers that end in a sigmoid, a tanh or a ReLU."""

    codes = ("L121",)
    operations = DISTANCES | SQUARING | {"sub", "rsub"}

    def __init__(self, world: World) -> None:
        self.world = world
        self.differences: ByIdentity[tuple[Tensor, Tensor]] = ByIdentity()
        self.targets: dict[tuple[Place | None, str], list[Tensor]] = {}

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        answer, target = given.get("input"), given.get("target")
        if name in AMOUNTS and isinstance(answer, Tensor) and isinstance(target, Tensor):
            self._compare(answer, target, name)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        if name in ("sub", "rsub") and len(args) == 2:
            one, other = args
            if isinstance(one, Tensor) and isinstance(other, Tensor):
                answer, target = (one, other) if one.requires_grad else (other, one)
                if not target.requires_grad and bounds_of(answer) is not None:
                    self.differences[result] = (answer, target)
        elif name in DISTANCES and (known := self.differences.get(first_of(args, kwargs))):
            self._compare(*known, "a difference")
        elif name in SQUARING and len(args) == 2 and (known := self.differences.get(args[0])):
            other = self.differences.get(args[1])
            if other is not None and all(a is b for a, b in zip(known, other, strict=True)):
                self._compare(*known, "a difference")

    def _compare(self, answer: Tensor, target: Tensor, where: str) -> None:
        if target.requires_grad or not answer.requires_grad or answer.shape != target.shape:
            return
        known = bounds_of(answer)
        if known is None or answer.dim() == 0 or self.world.found("L121"):
            return
        place = here()
        several = self.targets.setdefault((place, known[0]), [])
        if len(several) >= LOOKS:
            return
        several.append(target.detach().flatten()[:MOST].float().cpu())
        if len(several) == SURE:
            with torch.no_grad():
                found = targets_out_of_reach(*known, torch.cat(several), where=where)
                self.world.adopt(found, place)


def first_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What an operation was applied to."""
    return args[0] if args else kwargs.get("input", kwargs.get("x"))
