"""Whether a figure that a program hands on is its accuracy or its loss, by its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.score.nearness import is_near

MOST = 2_000  # comparisons, or losses, since the last figure
CLOSE = 1e-5  # relative: sums in single precision, in another order
# the operations by which a loss of squared or absolute differences is written
ENDING = frozenset(("sub", "rsub", "pow", "square", "abs", "mul", "mean"))
FIGURING = ENDING | {"eq"}


class OwnMeans:
    """Finds means of squared or absolute differences that a program computes by itself."""

    def __init__(self) -> None:
        self.off: ByIdentity[bool] = ByIdentity()
        self.distances: ByIdentity[bool] = ByIdentity()

    def ended_by(self, name: str, args: tuple[Any, ...], result: Any) -> torch.Tensor | None:
        """What an operation takes the mean of, where that ends such a loss; else None."""
        first = args[0] if args else None
        if not isinstance(first, torch.Tensor) or not isinstance(result, torch.Tensor):
            return None
        if name in ("sub", "rsub"):
            self.off[result] = True
        elif name in ("pow", "square", "abs") or (name == "mul" and first is args[-1]):
            if self.off.get(first):
                self.distances[result] = True
        elif name == "mean" and result.numel() == 1 and self.distances.get(first):
            return first
        return None


class Figures:
    """Comparisons with labels, and losses, since the figure before."""

    def __init__(self) -> None:
        self.means = OwnMeans()
        self.hits: list[tuple[torch.Tensor, int]] = []  # right answers, and of how many
        self.losses: list[tuple[torch.Tensor, int]] = []
        self.steps = -1

    def operated(self, name: str, args: tuple[Any, ...], result: Any, steps: int) -> None:
        """A function of torch ran, after so many steps of the program."""
        if name == "eq":
            self._compared(result, steps)
        elif (given := self.means.ended_by(name, args, result)) is not None:
            self.lost({"target": given}, result)

    def _compared(self, result: Any, steps: int) -> None:
        if steps != self.steps:
            self.steps, self.hits = steps, []
        truths = isinstance(result, torch.Tensor) and result.dtype == torch.bool
        if truths and result.is_cpu and result.dim() and len(self.hits) < MOST:
            self.hits.append((result.sum(), result.numel()))

    def lost(self, given: dict[str, Any], result: Any) -> None:
        """A loss of torch gave this."""
        one = isinstance(result, torch.Tensor) and result.numel() == 1 and result.is_cpu
        if one and len(self.losses) < MOST:
            self.losses.append((result.detach(), samples_of(given)))

    def kind_of(self, figure: float) -> str:
        """ "accuracy", "loss" or "" for anything else; what was heard so far is forgotten."""
        hits, losses = self.hits, self.losses
        self.hits, self.losses = [], []
        count = sum(count for _, count in hits)
        right = sum(int(right) for right, _ in hits)
        if right and any(is_near(figure, right / count * s, CLOSE) for s in (1, 100)):
            return "accuracy"
        known = figures_of(losses) if losses else ()
        return "loss" if any(one > 0 and is_near(figure, one, CLOSE) for one in known) else ""


def samples_of(given: dict[str, Any]) -> int:
    """How many samples a loss is over, by its arguments: as many as its target has rows."""
    target = given.get("target")
    return target.shape[0] if isinstance(target, torch.Tensor) and target.dim() else 1


def figures_of(losses: Sequence[tuple[torch.Tensor, int]]) -> tuple[float, ...]:
    """What a program may make of the losses of a walk: the last, their sum, their means.

    Args:
        losses: each with the samples that it is the mean of; one or more.
    """
    values = [float(value.detach()) for value, _ in losses]
    rows = [count for _, count in losses]
    total = sum(values)
    weighed = sum(v * n for v, n in zip(values, rows, strict=True))
    return (values[-1], total, total / len(values), weighed / max(1, sum(rows)), weighed)
