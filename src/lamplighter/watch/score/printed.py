"""Rounded figures that a program prints after each walk, by their place in the line: E101."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from lamplighter.checks.tallies import Wrong
from lamplighter.watch.score.nearness import NUMBER, shows

ENOUGH = ((2, 8), (3, 7))  # lines that agree, and the significant digits of their figures together


class Printed:
    """Remembers at which place of the lines a mistake's value stood, every time so far."""

    def __init__(self) -> None:
        self.hits: dict[tuple[Hashable, str, int], list[str]] = {}
        self.lost: set[tuple[Hashable, str, int]] = set()

    def look(
        self, text: str, source: Hashable, wrongs: Sequence[Wrong], right: Sequence[float]
    ) -> Wrong | None:
        """Reads one line that follows a walk.

        Args:
            text: what was printed.
            source: tells walks over other data apart.
            wrongs: what the usual mistakes make of this walk.
            right: what may rightly be printed.

        Returns:
            The mistake whose value has stood at the same place of enough lines, of all so far.
        """
        shown = NUMBER.findall(text)[:8]
        for wrong in wrongs:
            for place, token in enumerate(shown):
                key = (source, wrong.kind, place)
                if key in self.lost:
                    continue
                if not shows(token, wrong.value) or any(shows(token, v) for v in right):
                    self.lost.add(key)
                    continue
                tokens = self.hits.setdefault(key, [])
                if token not in tokens:
                    tokens.append(token)
                digits = sum(len(t.replace(".", "").lstrip("0")) for t in tokens)
                if any(len(tokens) >= lines and digits >= least for lines, least in ENOUGH):
                    return wrong
        return None
