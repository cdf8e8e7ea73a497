"""Family L: the schedule of a diffusion."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 8  # steps of a diffusion


def are_levels(products: Tensor) -> bool:
    """Whether a row falls from step to step, between 1 and 0."""
    if products.dim() != 1 or len(products) < FEWEST or not products.is_floating_point():
        return False
    values = products.detach()
    return bool((values.diff() < 0).all()) and bool(values[0] < 1) and bool(values[-1] > 0)


def levels_shifted(levels: Tensor, before: Tensor) -> Iterator[Finding]:
    """L122: what is to be the level of the step before is that of the step itself.

    Args:
        levels: `(T,)`, falling.
        before: what was made of all of them but the last and something more.
    """
    values = before.detach().to(levels)
    if values.shape != levels.shape or not torch.equal(values[:-1], levels[:-1]):
        return
    if float(values[-1]) < 1:
        return
    yield found(
        "L122",
        "noise levels",
        f"the first {len(levels) - 1} of {len(levels)} levels stay at their places and a 1 comes "
        "after them: each step takes its own level for the one before, and the noisiest takes none",
        "put the 1 in front: F.pad(levels[:-1], (1, 0), value=1.0)",
    )
