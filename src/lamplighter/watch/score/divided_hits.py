"""Right answers that are divided by the length of other data than were answered: E101."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lamplighter.checks.scoring import divided_by_another_length
from lamplighter.watch.events import Watcher
from lamplighter.watch.often import Often
from lamplighter.watch.score.scoring import without_a_class
from lamplighter.watch.source.hits import Counting, countings
from lamplighter.watch.source.place import Place, frames
from lamplighter.watch.source.values import length_given

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

DEPTH = 3  # functions around a call in which its loop is looked for
SURE = 2  # stretches of answers that must show the same


@dataclass(eq=False, slots=True)
class Stretch:
    """Answers without gradients within one loop, between two steps.

    Args:
        counting: the loop.
        file: its source.
        length: what it divides by.
        owner: id of the network.
        rows: that were answered.
        walk: over a loader, if it is one.
        unknown: of these, those that were compared with a negative number, which no class has.
    """

    counting: Counting
    file: str
    length: int
    owner: int
    rows: int = 0
    walk: Pass | None = None
    unknown: int = 0


class DividedHits(Watcher):
    """Counts the rows that a network answers in a loop that counts right answers."""

    codes = ("E101",)
    operations = frozenset({"eq", "ne"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.now: Stretch | None = None
        self.spoiled = False
        self.seen = Often(SURE)

    def woken(self) -> None:
        self.now, self.spoiled = None, True  # some answers of this stretch were not heard

    def step_starts(self, optimizer: torch.optim.Optimizer, closure: bool) -> None:
        if self.now is not None or self.spoiled:
            self._settle()
            self.spoiled = False

    def pass_starts(self, current: Pass) -> None:
        self._settle()
        self.spoiled = False

    def text_written(self, text: str) -> None:
        self._settle()

    def ended(self) -> None:
        self._settle()

    def module_left(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.spoiled or (module.training and torch.is_grad_enabled()):
            return
        rows = output.shape[0] if isinstance(output, Tensor) and output.dim() == 2 else 0
        if self.now is None:
            self.now = self._begun(module)
        one = self.now
        if one is None:
            return
        if not rows or one.owner != id(module) or not self._is_inside(one):
            self._settle()
            self.spoiled = True
        else:
            one.rows += rows

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if self.now is not None:
            self.now.unknown += without_a_class(args)

    def _begun(self, module: nn.Module) -> Stretch | None:
        for frame in list(frames(2))[:DEPTH]:
            file = frame.f_code.co_filename
            for one in countings(file):
                if one.first <= frame.f_lineno <= one.last:
                    length = length_given(one.divisor, frame)
                    if length:
                        walk = self.world.current()
                        return Stretch(one, file, length, id(module), walk=walk)
        return None

    def _is_inside(self, one: Stretch) -> bool:
        return any(
            f.f_code.co_filename == one.file
            and one.counting.first <= f.f_lineno <= one.counting.last
            for f in list(frames(2))[:DEPTH]
        )

    def _settle(self) -> None:
        one, self.now = self.now, None
        if one is None or not one.rows or self.world.found("E101"):
            return
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return  # the count may be of all processes
        if one.walk is not None:
            loader = one.walk.loader()
            # what is left out on purpose is told by E102
            whole = loader is not None and not loader.drop_last and not one.walk.shortened
            if not whole or not one.walk.complete:
                return
        # as many values for each row, or the same rows several times
        if one.length % one.rows == 0 or one.rows % one.length == 0:
            return
        if one.length == one.rows - one.unknown:
            return
        if self.seen.again((one.file, one.counting.line, one.rows, one.length)):
            place = Place(one.file, one.counting.line)
            self.world.adopt(divided_by_another_length(one.rows, one.length), place)
