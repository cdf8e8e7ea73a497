"""The two terms of a variational loss, weighed by their slopes: L111, L119."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamplighter.checks.losses_seen import AMOUNTS
from lamplighter.checks.spreads import (
    divergence_grows,
    divergence_outweighs,
    slope_of_square,
    weighs_as_much,
)
from lamplighter.watch.loss.graphs import is_loss, slopes_at
from lamplighter.watch.often import Often
from lamplighter.watch.source.place import Place, here

if TYPE_CHECKING:
    from lamplighter.watch.world import World

SURE = 3  # steps that must show it
MOST = 4  # terms of one loss
AVERAGED = AMOUNTS | {"binary_cross_entropy", "binary_cross_entropy_with_logits", "mean"}


class Balance:
    """Keeps the terms of one loss until it is sent back; told of them by who follows the noise."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.errors: list[tuple[Tensor, int, int, Place | None]] = []
        self.divergences: list[tuple[Tensor, float, Place | None]] = []
        self.hits, self.turned = Often(SURE), Often(SURE)

    def note_error(self, name: str, whole: Tensor, kwargs: dict[str, Any], result: Tensor) -> None:
        """A mean over samples and their values, of what was decoded from noise."""
        if name not in AVERAGED or result.dim() or whole.dim() < 2 or len(self.errors) >= MOST:
            return
        if kwargs.get("reduction", "mean") == "mean":
            rows = whole.shape[0]
            self.errors.append((result, rows, whole.numel() // max(1, rows), here()))

    def note_divergence(self, total: Tensor, mean: Tensor, to_mean: Tensor) -> None:
        """A sum that knows the mean and the spread of the codes."""
        factor = slope_of_square(mean, to_mean)
        if factor and len(self.divergences) < MOST:
            self.divergences.append((total, factor, here()))

    def weigh(self, root: Tensor) -> None:
        """How much each term counts in what is sent back."""
        errors, self.errors = self.errors, []
        divergences, self.divergences = self.divergences, []
        if not divergences or not is_loss(root):
            return
        terms = [e[0] for e in errors] + [d[0] for d in divergences]
        slopes = slopes_at(root, terms)
        weights = [
            (factor * float(slope.mean()), place)
            for (_, factor, place), slope in zip(divergences, slopes[len(errors) :], strict=True)
            if slope is not None
        ]
        if weights and all(weight < 0 for weight, _ in weights):
            if self.turned.again():
                self.world.adopt_new(divergence_grows(SURE), weights[0][1])
            return
        for (_, rows, values, place), slope in zip(errors, slopes, strict=False):
            error = 0.0 if slope is None else float(slope)
            for weight, _ in weights:
                if weighs_as_much(weight, error, rows, values):
                    self._count(values, weight * rows * values / error, place)
                    return

    def _count(self, values: int, times: float, place: Place | None) -> None:
        if self.hits.again():
            self.world.adopt_new(divergence_outweighs(values, times), place)
