"""What counts only once it was seen several times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable


class Often:
    """Counts what was seen, each thing by itself, until it is sure.

        if self.hits.again(place):
            self.world.adopt_new(found, place)

    Args:
        sure: how often a thing must be seen.
    """

    def __init__(self, sure: int) -> None:
        self.sure = sure
        self.times: Counter[Hashable] = Counter()
        self.spoiled: set[Hashable] = set()

    def again(self, thing: Hashable = None) -> bool:
        """Counts a thing once more; True at the one time that makes it sure."""
        self.times[thing] += 1
        return self.times[thing] == self.sure and thing not in self.spoiled

    def spoil(self, thing: Hashable = None) -> None:
        """The contrary was seen: this thing is never sure."""
        self.spoiled.add(thing)

    def is_settled(self, thing: Hashable = None) -> bool:
        """Whether one more time could tell nothing."""
        return thing in self.spoiled or self.times[thing] >= self.sure
