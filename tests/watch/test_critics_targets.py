"""A critic whose own loss asks the same of made samples as of real ones: L112."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
painter = nn.Sequential(nn.Linear(5, 20), nn.ELU(), nn.Linear(20, 3))
expert = nn.Sequential(nn.Linear(3, 20), nn.ELU(), nn.Linear(20, 1))
of_painter = torch.optim.Adam(painter.parameters(), 1e-3)
of_expert = torch.optim.Adam(expert.parameters(), 1e-3)
shift = torch.tensor([0.6, 0.0, -0.6])
"""
GAME = """
for step in range(14):
    real = torch.randn(32, 3) * 0.5 + shift
    copy = painter(torch.randn(32, 5))
    of_expert.zero_grad()
    {own}
    of_expert.step()
    of_painter.zero_grad()
    ({other}).backward()
    of_painter.step()
"""
SQUARES = (
    "(expert(real) - {0}).square().mean().backward();"
    "(expert(copy.detach()) - {1}).square().mean().backward()"
)
# both in one batch
TOGETHER = (
    "both = expert(torch.cat([copy.detach(), real])); sides = torch.full_like(both, {0});"
    "sides[:32] = {1}; F.binary_cross_entropy_with_logits(both, sides).backward()"
)
LOGARITHMS = (
    "seen, held = torch.sigmoid(expert(real)), torch.sigmoid(expert(copy.detach()));"
    "(-torch.log(seen).mean() - torch.log({}).mean()).backward()"
)
RELATIVE = (
    "one, two = expert(real), expert(copy.detach());"
    "(F.softplus(two - one.mean()).mean() + F.softplus(two.mean() - one).mean()).backward()"
)
# a network that answers, and one that makes its inputs harder: both get the same targets
LABELLED = (
    "copy = painter(torch.cat([real, real[:, :2]], 1)); goal = (real[:, :1] > 0.6).float();"
    "F.binary_cross_entropy_with_logits(expert(real), goal).backward();"
    "F.binary_cross_entropy_with_logits(expert(copy.detach()), goal).backward()"
)
DENSITY = "(-expert(real).mean() - expert(copy.detach()).mean()).backward()"
FOOLED = "F.softplus(-expert(copy)).mean()"


def _told(run: Callable[[str], Watch], own: str, other: str = FOOLED) -> list[tuple[str, str]]:
    watching = run(GAME.format(own=own, other=other))
    return [(f.code, f.level) for f in watching.findings if f.code in ("L112", "L118")]


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (SQUARES.format(1, 1), "(expert(copy) - 1).square().mean()"),
        (SQUARES.format(0, 0), "(expert(copy) - 1).square().mean()"),
        (TOGETHER.format(1.0, 1.0), FOOLED),
        (TOGETHER.format(0.9, 0.9), FOOLED),
        (LOGARITHMS.format("held"), FOOLED),
    ],
)
def test_made_samples_do_not_get_the_target_of_real_ones(
    run: Callable[[str], Watch], own: str, other: str
) -> None:
    """L112: as squares, as cross entropy of one batch, or as logarithms of one's own."""
    assert _told(run, own, other) == [("L112", "error")]


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (SQUARES.format(1, 0), "(expert(copy) - 1).square().mean()"),
        (SQUARES.format(9, 8), "(expert(copy) - 9).square().mean()"),
        (TOGETHER.format(0.9, 0.0), FOOLED),
        (LOGARITHMS.format("1 - held"), FOOLED),
        (RELATIVE, FOOLED),
        (LABELLED, "-F.softplus(-expert(copy)).mean()"),
        (DENSITY, "expert(copy).mean()"),
    ],
)
def test_two_targets_or_targets_of_another_kind_are_fine(
    run: Callable[[str], Watch], own: str, other: str
) -> None:
    """Also where all slopes have one sign at first, and where labels come with the samples."""
    assert _told(run, own, other) == []
