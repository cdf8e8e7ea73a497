"""What each of the latest walks over data came to, for whoever asks which of them a figure tells of."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lamplighter.watch.score.measured import CLOSE, OwnMeans, figures_of, samples_of
from lamplighter.watch.score.nearness import is_near

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST = 2_000  # comparisons, or losses, of one walk
FEWEST = 20  # right answers whose mere number is a figure
KEPT = 4  # walks, the newest


@dataclass(eq=False, slots=True)
class Walk:
    """Comparisons with labels and losses of one walk.

    Args:
        key: tells it from others.
        current: the walk over a loader, if it is one.
        hits: right answers of each comparison, and of how many.
        losses: each with the samples that it is the mean of.
    """

    key: Hashable
    current: Pass | None
    hits: list[tuple[torch.Tensor, int]] = field(default_factory=list)
    losses: list[tuple[torch.Tensor, int]] = field(default_factory=list)

    @property
    def trains(self) -> bool:
        """Whether it is a walk over a loader with steps."""
        return self.current is not None and self.current.steps > 0

    def evaluates(self) -> bool:
        """Whether it was a whole walk over a loader without any."""
        return self.current is not None and self.current.is_evaluation()

    def figures(self) -> list[float]:
        """Its share of right answers, also in percent, and its losses."""
        return [value for value, _ in self._known()]

    def direction(self, figure: float) -> int:
        """-1 where a figure is a loss of this walk or a share of mistakes, 1 where it is a share of
        right answers or the negative of a loss; 0 for anything else, and where it may be both."""
        ways = {way for value, way in self._known() if is_near(abs(figure), value, CLOSE)}
        way = ways.pop() if len(ways) == 1 else 0
        return way if figure > 0 else -way

    def _known(self) -> Iterator[tuple[float, int]]:
        for value in figures_of(self.losses) if self.losses else ():
            if value > 0:
                yield value, -1
        hits = [(int(right), count) for right, count in self.hits]
        right, count = sum(right for right, _ in hits), sum(count for _, count in hits)
        if not 0 < right < count:
            return
        shares = [right_here / count_here for right_here, count_here in hits]
        for share in {right / count, sum(shares) / len(shares)}:
            yield from ((share, 1), (100 * share, 1), (1 - share, -1), (100 - 100 * share, -1))
        if right >= FEWEST:  # else it is the number of anything
            yield float(right), 1


class Walks:
    """Gathers them as they go on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.walks: list[Walk] = []
        self.means = OwnMeans()

    def operated(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        """A function of torch ran: it may compare answers with labels, or end a loss of the program's own."""
        if name == "eq":
            self._compared(result)
        elif (given := self.means.ended_by(name, args, result)) is not None:
            self.lost({"target": given}, result)

    def _compared(self, result: Any) -> None:
        if isinstance(result, torch.Tensor) and result.dtype == torch.bool and result.numel():
            walk = self._now()
            if result.dim() and len(walk.hits) < MOST:
                walk.hits.append((result.detach().sum(), result.numel()))

    def lost(self, given: dict[str, Any], result: Any) -> None:
        """A loss of torch gave this."""
        if not isinstance(result, torch.Tensor) or result.numel() != 1:
            return
        walk = self._now()
        if len(walk.losses) < MOST:
            walk.losses.append((result.detach(), samples_of(given)))

    def _now(self) -> Walk:
        current = self.world.current()
        key: Hashable = ("by hand", self.world.steps)
        if current is not None:
            key = (id(current.loader()), current.number)
        if not self.walks or self.walks[-1].key != key:
            self.walks = [*self.walks[1 - KEPT :], Walk(key, current)]
        return self.walks[-1]

    def direction(self, figure: float | None) -> int:
        """Which way a figure gets better, by its value: 1 upwards, -1 downwards, 0 not known."""
        if not figure:
            return 0
        return next((w for walk in self.walks[::-1] if (w := walk.direction(figure))), 0)

    def tells_of(self, figure: float) -> list[Walk]:
        """The walks of which it is a figure."""
        return [walk for walk in self.walks if walk.direction(figure)]
