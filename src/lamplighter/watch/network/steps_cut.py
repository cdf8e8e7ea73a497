"""Reshapes before a recurrent layer that leave time where it was: D105."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lamplighter.checks.steps_cut import is_cut_for_time, time_is_cut
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, calling_line
from lamplighter.watch.taps.names import KEEPING

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # calls of one line
RESHAPES = frozenset(("view", "reshape", "flatten"))
RECURRENT = frozenset(("gru", "lstm", "rnn_tanh", "rnn_relu"))
# what leaves the first two axes what they are
CARRYING = KEEPING | {"linear", "relu", "gelu", "tanh", "dropout", "layer_norm"}


@dataclass(frozen=True, slots=True)
class Reshaped:
    """What a reshape was given and has made, and its line."""

    given: torch.Size
    made: torch.Size
    name: str
    place: Place


class StepsCut(Watcher):
    """Follows reshapes to the recurrent layer that tells which axis is time."""

    codes = ("D105",)
    operations = RESHAPES | RECURRENT | CARRYING

    def __init__(self, world: World) -> None:
        self.world = world
        self.reshaped: ByIdentity[Reshaped] = ByIdentity()
        self.hits = Often(SURE)

    def operated(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if name not in RESHAPES and not len(self.reshaped):
            return
        if not args or not isinstance(args[0], Tensor) or not torch.is_grad_enabled():
            return
        if name in RECURRENT:
            known = self.reshaped.get(args[0])
            if known is not None:
                self._judge(known, batch_first=args[-1] is True)
        elif not isinstance(result, Tensor):
            return
        elif name in RESHAPES:
            self._look_at(name, args[0], result)
        elif (known := self.reshaped.get(args[0])) is not None:
            self.reshaped[result] = known

    def _look_at(self, name: str, given: Tensor, result: Tensor) -> None:
        before, after = given.shape, result.shape
        if len(after) != 3 or not any(
            is_cut_for_time(before, after, batch_first=first) for first in (True, False)
        ):
            return
        place = calling_line()
        if place is not None:
            self.reshaped[result] = Reshaped(before, after, name, place)

    def _judge(self, known: Reshaped, *, batch_first: bool) -> None:
        if not is_cut_for_time(known.given, known.made, batch_first=batch_first):
            return
        if self.hits.again(known.place):
            told = time_is_cut(known.given, known.made, batch_first=batch_first, where=known.name)
            self.world.adopt_new(told, known.place)
