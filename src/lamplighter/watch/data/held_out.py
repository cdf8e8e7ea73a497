"""Held-out samples that a program names and never gives to its network: E103."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.checks.evaluation import held_out_never_read
from lamplighter.checks.splits import fingerprints
from lamplighter.watch.data.arrays import arrays_in_sight
from lamplighter.watch.events import Watcher
from lamplighter.watch.source.roles import likely_role

if TYPE_CHECKING:
    from lamplighter.watch.data.feeds import Evaluated
    from lamplighter.watch.world import World

LOOKS = 3
FEWEST = 32  # samples of an evaluation
ROWS = 16


class HeldOut(Watcher):
    """Looks, when figures are printed, for arrays that are called a test and were never read."""

    codes = ("E103",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looks = 0
        self.unread: dict[str, set[bytes]] = {}

    def text_written(self, text: str) -> None:
        one = self._only_on_train() if self.looks < LOOKS and self.world.steps else None
        inputs = one.samples.inputs() if one is not None else None
        if inputs is None:
            return
        self.looks += 1
        for array in arrays_in_sight():
            if likely_role([array.name], None) == "evaluation":
                shaped = array.shaped(inputs)
                if shaped is not None and shaped.dim() > 1:
                    self.unread[array.name] = set(fingerprints(shaped[:ROWS]))

    def _only_on_train(self) -> Evaluated | None:
        """An evaluation, where every one was of samples that were trained on and no loader is."""
        feeds = self.world.feeds
        seen = list(feeds.evaluated.values()) if feeds is not None else []
        large = [one for one in seen if len(one.samples.prints) >= FEWEST]
        if not large or any(share < 0.95 for one in seen for share, _ in one.shares):
            return None
        if any(mine.passes for mine in self.world.walked.values()):
            return None
        return large[0]

    def ended(self) -> None:
        feeds, one = self.world.feeds, self._only_on_train() if self.unread else None
        if feeds is None or one is None or not self.world.whole or self.world.found("E103"):
            return
        read = {p for _, gathered in feeds.trained.values() for p in gathered.prints}
        if feeds.mixed or any(gathered.full for _, gathered in feeds.trained.values()):
            return
        for name, prints in self.unread.items():
            if prints and not prints & read:
                self.world.adopt(held_out_never_read(name), one.samples.place)
                return
