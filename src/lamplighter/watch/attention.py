"""How closely a training is followed: closely at first, lightly once it repeats itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lamplighter.watch.events import Stream, Watcher

if TYPE_CHECKING:
    import torch

    from lamplighter.watch.passes import Pass

CLOSELY = 128  # steps at the beginning
AGAIN = 8  # steps after something changed: a new epoch, another mode, another optimizer
SELDOM = 500  # lightly followed steps after which it looks closely again


class Attention(Watcher):
    """Lets the stream rest between the places where a loop can go wrong."""

    always = frozenset({"step_ended"})

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.left = CLOSELY
        self.rested = 0

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:  # noqa: ARG002
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.rested = 0
                self.stream.rest()
            return
        self.rested += 1
        if self.rested >= SELDOM:
            self._look_again()

    def pass_starts(self, current: Pass) -> None:  # noqa: ARG002
        self._look_again()

    def mode_set(self, module: Any, training: bool) -> None:  # noqa: ARG002
        self._look_again()

    def optimizer_made(self, optimizer: torch.optim.Optimizer) -> None:  # noqa: ARG002
        self.left = CLOSELY
        self.stream.wake()

    def _look_again(self) -> None:
        self.left = max(self.left, AGAIN)
        self.stream.wake()
