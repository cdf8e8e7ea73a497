"""Norms that a program has written itself: M113."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import Watch


class Norm(nn.Module):
    """Normalises by the batch in training and by what it has kept at evaluation.

    Args:
        how: "kept", or how the kept values get lost: "cloned" or "local".
    """

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.weight = nn.Parameter(torch.ones(8))
        self.register_buffer("center", torch.zeros(8))
        self.register_buffer("spread", torch.ones(8))

    def forward(self, x: Tensor) -> Any:
        center, spread = self.get_buffer("center"), self.get_buffer("spread")
        if self.how == "cloned":
            return F.batch_norm(x, center.clone(), spread.clone(), self.weight, None, self.training)
        if self.training:
            mean, variance = x.mean(0), x.var(0)
            if self.how == "kept":
                center.lerp_(mean.detach(), 0.1)
                spread.lerp_(variance.detach(), 0.1)
            else:
                center = center.lerp(mean.detach(), 0.1)
        else:
            mean, variance = center, spread
        return (x - mean) / (variance + 1e-5).sqrt() * self.weight


class Offset(nn.Module):
    """Buffers of 0 and 1 that count in training as well are no statistics."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(8))
        self.register_buffer("factor", torch.ones(8))

    def forward(self, x: Tensor) -> Any:
        return x * self.get_buffer("factor") + self.get_buffer("shift")


@pytest.mark.parametrize(
    ("layer", "how", "expected"),
    [
        (Norm, "cloned", ["M113"]),
        (Norm, "local", ["M113"]),
        (Norm, "kept", []),
        (Offset, "", []),
    ],
)
def test_statistics_that_never_move_are_told(layer: Any, how: str, expected: list[str]) -> None:
    """M113: buffers that count at evaluation alone are what they were made with."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), layer(how), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(512, 6)
    y = (x[:, 0] > 0).long()
    with Watch(keep=True) as watching:
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        net.train()
        for rows in torch.arange(512).view(32, 16):
            optimizer.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    assert watching.faults == []
    assert [f.code for f in watching.findings if f.code == "M113"] == expected
