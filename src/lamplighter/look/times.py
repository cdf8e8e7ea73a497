"""S106: train reaches past the beginning of what is scored on, as a table's time column says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from lamplighter.checks.finding import Level
from lamplighter.look.exhibit import Exhibit, counted, exhibit, verb
from lamplighter.look.pictures import Picture

# share of pairs (train, scored) of which the scored one is later: a cut by time gives 1, one by
# chance 0.5; from here on it was meant to be a cut by time
MEANT_AS_CUT = 0.9
# pictures with a time; of fewer the share says nothing
FEWEST = 5


def time_exhibits(pictures: Sequence[Picture]) -> list[Exhibit]:
    """Each scored split that begins before train ends.

    Args:
        pictures: all that were looked at; only those with a moment count.
    """
    found = []
    timed = [(p, p.example.moment) for p in pictures if p.example.moment is not None]
    train = sorted(((t, p) for p, t in timed if p.split == "train"), key=lambda pair: -pair[0])
    for split in ("val", "test"):
        scored = np.sort([t for p, t in timed if p.split == split])
        if min(len(train), len(scored)) < FEWEST or train[0][0] <= scored[0]:
            continue
        late = [p for t, p in train if t > scored[0]]
        moments = np.array([t for t, _ in train])
        later = 1 - np.searchsorted(scored, moments, side="right").mean() / len(scored)
        found.append(_told(split, float(scored[0]), late, len(train), float(later)))
    return found


def _told(split: str, first: float, late: Sequence[Picture], total: int, later: float) -> Exhibit:
    """A warning where few pictures spoil a cut by time; a remark where time was not asked at all."""
    day = datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%d")
    message = (
        f"{len(late):,} of {counted(total)} in train {verb(len(late), 'is', 'are')} from after"
        f" the first of {split} ({day}), as the time column says"
    )
    level: Level = "warning" if later >= MEANT_AS_CUT else "info"
    if level == "warning":
        fix = f"move them to {split} or leave them out, so that train ends before {split} begins"
        shown = [(picture,) for picture in late]
    else:
        fix = "if the model will meet later pictures than these, cut at a date and not by chance"
        shown = []
    return exhibit("S106", level, f"train and {split}", message, fix, shown)
