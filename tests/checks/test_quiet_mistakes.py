"""Mistakes that are easily overlooked: a little mixing, a parameter that was shifted, a tied output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from lamplighter.checks.check import check


class Shifted(nn.Module):
    """Weighs its inputs."""

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.scale = make(torch.ones(20))
        self.out = nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Any:
        return self.out((x * self.scale).relu())


class Gated(nn.Module):
    """Gates that hardly differ from a half, from the mean of each sample or of the batch."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.hidden, self.gate, self.out = nn.Linear(20, 16), nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Any:
        h = self.hidden(x).relu()
        mean = h.mean(self.dim, keepdim=True).expand_as(h)
        return self.out(h * self.gate(0.01 * mean).sigmoid())


class Tied(nn.Module):
    """A language model whose output layer is its embedding, normalised before it."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(40, 64), nn.Linear(64, 40, bias=False)
        nn.init.normal_(self.embed.weight, std=deviation)
        self.out.weight = self.embed.weight

    def forward(self, x: Tensor) -> Any:
        return self.out(F.layer_norm(self.embed(x), (64,))).transpose(1, 2)


def _vectors() -> TensorDataset:
    rows = torch.randn(128, 20)
    return TensorDataset(rows, rows[:, :3].argmax(1))


def _words() -> TensorDataset:
    rows = torch.randint(0, 40, (64, 12))
    return TensorDataset(rows[:, :-1], rows[:, 1:])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("make", "data", "expected"),
    [
        (lambda: Shifted(lambda t: nn.Parameter(t) - 0.5), _vectors, ["M102"]),
        (lambda: Shifted(lambda t: nn.Parameter(t - 0.5)), _vectors, []),
        (lambda: Gated(0), _vectors, ["M104"]),
        (lambda: Gated(1), _vectors, []),
        (lambda: Tied(1.0), _words, ["I103"]),
        (lambda: Tied(0.02), _words, []),
    ],
)
def test_a_quiet_mistake_is_named(
    make: Callable[[], nn.Module], data: Callable[[], TensorDataset], expected: list[str], seed: int
) -> None:
    """Each beside its twin that is nearly the same."""
    torch.manual_seed(seed)
    net = make()
    report = check(net, data(), optimizer=torch.optim.Adam(net.parameters()))
    assert [f.code for f in report if f.level != "info"] == expected
    assert not report.skipped
