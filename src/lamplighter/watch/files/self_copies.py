"""Weights that are put back from a list that holds the weights themselves: A101."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import HOUSE, Place, here, is_users

if TYPE_CHECKING:
    from lamplighter.watch.world import World


class SelfCopies(Watcher):
    """Remembers views of parameters, and looks for `parameter.copy_(view)` after later steps."""

    codes = ("A101",)
    operations = frozenset({"detach", "copy"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.views: ByIdentity[tuple[int, Place | None]] = ByIdentity()

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        first = args[0] if args else None
        if not isinstance(first, Tensor):
            return
        if name == "detach" and isinstance(first, nn.Parameter) and isinstance(result, Tensor):
            if self.world.steps and _asked_by_user():
                self.views[result] = (self.world.steps, here())
        elif name == "copy" and len(args) > 1:
            taken = self.views.get(args[1])
            same = taken is not None and _lie_together(first, args[1])
            if taken is not None and same and taken[0] < self.world.steps and _asked_by_user():
                self._report(taken[1], self.world.steps - taken[0])

    def _report(self, place: Place | None, steps: int) -> None:
        self.world.report(
            "A101",
            "error",
            "parameters",
            f"what was kept here is the weights themselves and moved with them in {steps} later "
            "steps: each is copied onto itself, and nothing is put back",
            "keep copies: [p.detach().clone() for p in model.parameters()]",
            place,
        )


def _lie_together(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.numel() > 0 and one.data_ptr() == other.data_ptr()


def _asked_by_user() -> bool:
    """Whether the program itself called what is heard, and not a library that it uses."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HOUSE + "/"):
        frame = frame.f_back
    return is_users(frame.f_code.co_filename)
