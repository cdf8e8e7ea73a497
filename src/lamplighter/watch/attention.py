"""How closely a training is followed: closely at first, lightly once it repeats itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    import torch

    from lamplighter.watch.data.passes import Pass

SELDOM = 500  # lightly followed steps after which it looks closely again


@dataclass(frozen=True, slots=True)
class Patience:
    """How long it is looked closely.

    Args:
        first: steps at the beginning, and after an optimizer was made.
        again: steps after something changed: a new epoch, another mode, an evaluation.
        always: whether every such change is looked at. Else the first two of a kind, the fourth,
            the eighth and so on: what a long training has shown often needs no further look.
    """

    first: int
    again: int
    always: bool


# a program that is run to be looked at, in a process of its own: two of its shortened epochs
EVENTS_OF_A_TRIAL = Patience(128, 8, always=True)
OPERATIONS_OF_A_TRIAL = Patience(120, 3, always=True)
# a training that somebody waits for, in full length
EVENTS_OF_A_TRAINING = Patience(48, 4, always=False)
OPERATIONS_OF_A_TRAINING = Patience(32, 2, always=False)


class Attention(Watcher):
    """Rests between the places where a loop can go wrong.

    Args:
        patience: how long it looks, and how often.
        wake, rest: begin and end the close look.
        seldom: lightly followed steps after which it looks again; None: never.
    """

    def __init__(
        self,
        patience: Patience,
        wake: Callable[[], None],
        rest: Callable[[], None],
        *,
        seldom: int | None = None,
    ) -> None:
        self.patience = patience
        self.wake = wake
        self.rest = rest
        self.seldom = seldom
        self.left = patience.first
        self.rested = 0
        self.changes: Counter[tuple[Any, ...]] = Counter()
        # one that looks again only where something changes has nothing to count while others rest,
        # since it never looks longer than they do
        self.always = frozenset() if seldom is None else frozenset({"step_ended"})

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.rested = 0
                self.rest()
            return
        self.rested += 1
        if self.seldom is not None and self.rested >= self.seldom:
            self._look_again()

    def pass_starts(self, current: Pass) -> None:
        if self.patience.always or _is_milestone(current.number):
            self._look_again()

    def mode_set(self, module: Any, training: bool) -> None:
        self._changed("mode", id(module), training)

    def gradients_off(self) -> None:
        self._changed("gradients")

    def seeded(self, kind: str, value: Any) -> None:
        self._changed("seed", kind)

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:
        self.left = self.patience.first
        self.wake()

    def state_loaded(self, module: Any, state: Any) -> None:
        self._changed("state", id(module))

    def fold_given(self, splitter: Any, number: int, train: Any, held_out: Any) -> None:
        self._changed("fold")

    def _changed(self, *kind: Any) -> None:
        self.changes[kind] += 1
        if self.patience.always or _is_milestone(self.changes[kind]):
            self._look_again()

    def _look_again(self) -> None:
        self.left = max(self.left, self.patience.again)
        self.wake()


def _is_milestone(number: int) -> bool:
    return number & (number - 1) == 0
