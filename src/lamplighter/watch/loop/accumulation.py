"""Gradients of several batches that are added up: R106 where their sum is not divided."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.score.measured import ENDING, OwnMeans
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

FEWEST = 4  # backward passes for one step; two or three may be several losses
TAKING = ("__getitem__", "index_select", "narrow")
MOST = 1_000
TIMES = 2  # steps that must show the same


class Accumulation(Watcher):
    """Counts batches and backward passes between two steps."""

    codes = ("R106",)
    operations = ENDING | {"add", *TAKING}

    def __init__(self, world: World) -> None:
        self.world = world
        self.means: list[weakref.ref[torch.Tensor]] = []
        self.batches = self.passes = self.same = 0
        self.undivided = True
        self.place: Place | None = None
        self.last = 0
        self.done = False
        # of a loop without a loader: what part of which tensor the network was given
        self.parts: ByIdentity[int] = ByIdentity()
        self.given: list[tuple[int, int]] = []
        self.entered: set[int] = set()
        self.lines: set[Place | None] = set()
        self.own = OwnMeans()
        self.clips = 0
        self.norms: list[tuple[Any, Any]] = []
        self.bitten = False

    def woken(self) -> None:
        self._begin()
        self.same = 0

    def batch_given(self, current: Pass, batch: Any) -> None:
        self.batches += 1

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        added = name == "add" and isinstance(result, torch.Tensor)
        if added and any(ref() is one for one in args for ref in self.means if one is not None):
            self.means = [
                *self.means[-7:],
                weakref.ref(result),
            ]  # a penalty beside it divides nothing
        elif (given := self.own.ended_by(name, args, result)) is not None and len(given) > 1:
            self.means = [*self.means[-7:], weakref.ref(result)]
        if (
            name in TAKING
            and args
            and isinstance(result, torch.Tensor)
            and not result.requires_grad
        ):
            self.parts[result] = id(args[0])

    def module_entered(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        first = args[0] if args else None
        if not isinstance(first, torch.Tensor) or first.requires_grad or not first.dim():
            return
        source = self.parts.get(first)
        if source is None:  # one of several tensors that the program holds, each a batch
            source = -len(first) if id(first) not in self.entered and len(first) > 1 else 0
            self.entered.add(id(first))
        if source and torch.is_grad_enabled() and len(self.given) < MOST:
            self.given.append((id(module), source))

    def loss_called(self, name: str, given: dict[str, Any], result: Any) -> None:
        is_mean = given.get("reduction", "mean") == "mean"
        if is_mean and isinstance(result, torch.Tensor) and result.numel() == 1:
            self.means = [*self.means[-7:], weakref.ref(result)]

    def backward_starts(self, roots: tuple[torch.Tensor, ...]) -> None:
        self.passes += 1
        # What was divided, scaled or added to is another tensor than the loss function gave.
        self.undivided &= len(roots) == 1 and any(ref() is roots[0] for ref in self.means)
        self.means = []
        if self.given and not self.batches:
            self.lines.add(here())
        if self.last >= FEWEST and self.place is None:
            self.place = here()

    def clipped(self, parameters: list[torch.Tensor]) -> None:
        self.clips += 1

    def limited(self, norm: Any, limit: Any) -> None:
        self.norms.append((norm, limit))

    def _is_clipped(self) -> bool:
        """Whether the size of the sum is of no account, as clipping sets it here or did before.

        A limit that lies above every norm changes nothing. Asked only where several passes go
        into a step: to read a norm waits for the device.
        """
        unknown = self.clips > len(self.norms)  # by value, which is seldom without effect
        self.bitten = self.bitten or unknown or any(norm >= most for norm, most in self.norms)
        return self.bitten

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        # parts of one tensor that one network gets in turn are batches; tasks have their own
        alike = len(set(self.given)) == 1 and len(self.lines) == 1
        by_hand = len(self.given) if alike else 0
        several = FEWEST <= self.passes <= max(self.batches, by_hand)
        sums = several and self.undivided and not closure and not self._is_clipped()
        self.same = self.same + 1 if sums and self.passes == self.last else int(sums)
        if self.same == TIMES and not self.done:
            self._report(self.passes)
        self.last = self.passes
        self._begin()

    def _begin(self) -> None:
        self.batches = self.passes = 0
        self.given, self.entered, self.lines = [], set(), set()
        self.undivided, self.place = True, None
        self.clips, self.norms = 0, []

    def _report(self, count: int) -> None:
        self.done = True
        self.world.report(
            "R106",
            "warning",
            "gradients",
            f"each step follows the sum of the mean losses of {count} batches, so it is {count} "
            "times as large as that of one batch",
            f"divide each loss before backward(): (loss / {count}).backward()",
            self.place,
        )
