"""Where a training stands on its learning rate's curve, when its time is limited.

A rate that falls over twenty epochs has hardly moved when the time is up after two, and the best
comes at the end of the curve. So where the epochs would take longer than there is time, the curve is
walked by the clock.
"""

from __future__ import annotations

from collections.abc import Callable

FIRST_MARK = 0.01  # of the time: until then steps are slower than they will be
SECOND_MARK = 0.05  # of the time: from then on it is asked how long the rest would take


class Pace:
    """Tells the step of the plan that the coming step is.

    Args:
        limit: seconds that there are; 0: as many as it takes.
        steps: of the whole training, as planned; 0: unknown.
        by_clock: whether the clock counts already, in a run that goes on.
        told: is called once, when the clock begins to count, with the seconds that all steps
            would take.
    """

    def __init__(
        self, limit: float, steps: int, *, by_clock: bool, told: Callable[[float], None]
    ) -> None:
        self.limit, self.steps, self.by_clock, self.told = limit, steps, by_clock, told
        self._mark: tuple[int, float] | None = None

    def position(self, done: int, seconds: float) -> int:
        """The coming step's place in the plan, never before `done`.

        Args:
            done: steps taken.
            seconds: of training so far, over all sittings.
        """
        if not self.limit or not self.steps:
            return done
        if not self.by_clock:
            needed = self._needed(done, seconds)
            if needed > self.limit:
                self.by_clock = True
                self.told(needed)
        if not self.by_clock:
            return done
        return max(done, min(self.steps - 1, int(self.steps * seconds / self.limit)))

    def _needed(self, done: int, seconds: float) -> float:
        """Seconds that all steps would take; 0 while that cannot be told."""
        if self._mark is None:
            if seconds >= FIRST_MARK * self.limit:
                self._mark = (done, seconds)
            return 0.0
        first, since = self._mark
        if done <= first or seconds < SECOND_MARK * self.limit:
            return 0.0
        return seconds + (self.steps - done) * (seconds - since) / (done - first)
