"""Networks that learn from the samples that another one was tested with, and are tested there: R105."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.checks.evaluation import trained_on_anothers_test
from lamplighter.watch.events import Watcher

if TYPE_CHECKING:
    from lamplighter.watch.data.feeds import Evaluated, Feeds
    from lamplighter.watch.world import World

FEWEST = 16  # samples of either network
NEARLY_ALL = 0.95
HARDLY_ANY = 0.02


class Borrowed(Watcher):
    """Holds what each network was trained on against what the others were tested with."""

    codes = ("R105",)

    def __init__(self, world: World) -> None:
        self.world = world

    def ended(self) -> None:
        feeds = self.world.feeds
        if feeds is None or not self.world.whole or len(feeds.trained) < 2:
            return
        if any(self.world.found(code) for code in ("R105", "E103", "S101")):
            return
        list(feeds.evaluations())  # what is still waiting is settled
        for record, gathered in feeds.trained.values():
            mine = set(gathered.prints)
            # what learns without a truth may adapt to what it is tested on
            if gathered.full or len(mine) < FEWEST or not gathered.compared:
                continue
            tests = [one for one in feeds.evaluated.values() if one.record is record]
            if not _all_on(tests, mine) or not any(one.is_called_a_test() for one in tests):
                continue
            for other, theirs in feeds.trained.values():
                if other is record or theirs.full or len(theirs.prints) < FEWEST:
                    continue
                both = len(mine & set(theirs.prints))
                if both <= HARDLY_ANY * len(mine) and _was_tested_on(feeds, other, mine):
                    told = trained_on_anothers_test(record.name, other.name, len(mine))
                    self.world.adopt(told, gathered.place)
                    return


def _all_on(tests: list[Evaluated], trained: set[bytes]) -> bool:
    """Whether a network was tested, and on nothing but what it was trained on."""
    seen = {p for one in tests for p in one.samples.prints}
    if any(one.samples.full for one in tests) or len(seen) < FEWEST:
        return False
    return len(seen & trained) >= NEARLY_ALL * len(seen)


def _was_tested_on(feeds: Feeds, record: object, samples: set[bytes]) -> bool:
    tests = [one for one in feeds.evaluated.values() if one.record is record]
    seen = {p for one in tests for p in one.samples.prints}
    return len(seen & samples) >= NEARLY_ALL * len(samples)
