"""Tensors that a loss is made of, followed on their way, and which way it moves with them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamplighter.watch.loss.graphs import slopes_at
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lamplighter.watch.world import World

PICKING_ONE = ("gather", "take_along_dim", "__getitem__")


@dataclass(frozen=True, slots=True)
class Factor:
    """What a tensor is of which a loss is made.

    Args:
        kind: in the words of who follows it.
        sign: 1.0, or -1.0 where it was turned round.
        answer: the tensor with the graph that it was made from, weak.
        certain: whether the loader gave what the answer is held against.
    """

    kind: str
    sign: float = 1.0
    answer: weakref.ref[Tensor] | None = None
    certain: bool = False

    def times(self, number: float) -> Factor:
        """The same, multiplied with a number, of which the sign counts."""
        return replace(self, sign=-self.sign) if number < 0 else self


@dataclass(eq=False, slots=True)
class Held:
    """A tensor that the loss is asked about, and the line that made it."""

    factor: Factor
    tensor: Tensor
    place: Place | None


class HeldFactors:
    """What the next loss may be made of; let go when it is sent back, since it holds graphs.

    Args:
        most: how many are held.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: list[Held] = []

    def __len__(self) -> int:
        return len(self.held)

    def hold(self, factor: Factor, tensor: Tensor) -> None:
        """Keeps one with the running line, while there is room."""
        if len(self.held) < self.most:
            self.held.append(Held(factor, tensor, here()))

    def slopes(self, root: Tensor) -> list[tuple[Held, Tensor]]:
        """Those that a loss depends on, each with the slope of the loss there."""
        if not self.held:
            return []
        slopes = slopes_at(root, [one.tensor for one in self.held])
        pairs = zip(self.held, slopes, strict=True)
        return [(one, slope) for one, slope in pairs if slope is not None]


def picked_from(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, Tensor] | None:
    """A table of scores of which one in each row is taken, and their numbers; else None.

    Args:
        name: an operation among `PICKING_ONE`.
        args: its arguments.
        kwargs: those by name.
    """
    scores = args[0] if args else None
    if name == "__getitem__":
        rows, index = args[1] if isinstance(args[1], tuple) and len(args[1]) == 2 else (0, None)
        index = None if isinstance(rows, slice | int) else index
    else:
        rest = (*args[1:], *kwargs.values())
        index = next((thing for thing in rest if isinstance(thing, Tensor)), None)
    if not isinstance(scores, Tensor) or scores.dim() != 2 or not isinstance(index, Tensor):
        return None
    return scores, index


class Confirmed:
    """What backward passes showed, counted where a step makes it so.

    An optimizer that climbs, or that moves a picture and no network, means the other direction.

    Args:
        world: knows which optimizers make their loss smaller.
        sure: steps that must follow.
    """

    def __init__(self, world: World, sure: int) -> None:
        self.world = world
        self.sure = sure
        self.steps = 0
        self.waiting: Held | None = None

    def at_step(self, optimizer: Optimizer) -> Held | None:
        """What waits, at the step that makes it sure; else None."""
        one, self.waiting = self.waiting, None
        if one is None or not self.world.descends(optimizer):
            return None
        self.steps += 1
        return one if self.steps == self.sure else None
