"""L124: one term of a loss stands twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x = torch.randn(240, 8)
age, size = x[:, :1] + x[:, 1:2], x[:, 2:3] - x[:, 3:4]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU())
        self.age, self.size = nn.Linear(32, 1), nn.Linear(32, 1)

    def forward(self, x):
        inner = self.body(x)
        return self.age(inner), self.size(inner)


def own(one, other):
    return ((one - other) ** 2).mean()

"""
PROGRAM = """
net = Net()
{more}
optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
for part in torch.randperm(240).split(20):
    first, second = net(x[part])
    mine, theirs = age[part], size[part]
    {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("loss", "more"),
    [
        ("loss = F.mse_loss(first, mine) + F.mse_loss(first, mine)", ""),
        ("loss = 0.5 * (own(second, theirs) + own(second, theirs))", ""),
        ("loss = sum([F.l1_loss(first, mine), own(second, theirs), F.l1_loss(first, mine)])", ""),
        ("loss = 0.0; loss += own(first, mine); loss += own(first, mine)", ""),
        ("loss = torch.stack([own(first, mine), own(first, mine)]).sum()", ""),
        # two networks that begin as one and learn the same
        (
            "loss = own(one(x[part]), mine) + own(two(x[part]), mine)",
            "one = nn.Linear(8, 1); two = copy.deepcopy(one); net.one, net.two = one, two",
        ),
    ],
)
def test_the_same_number_twice(run: Callable[[str], Watch], loss: str, more: str) -> None:
    """Copied and not altered, in losses of torch and in the program's own."""
    told = [f for f in run(PROGRAM.format(loss=loss, more=more)).findings if f.code == "L124"]
    assert [f.level for f in told] == ["warning"]
    assert "are the same number at each of 5 steps" in told[0].message


@pytest.mark.parametrize(
    ("loss", "more"),
    [
        ("loss = F.mse_loss(first, mine) + F.mse_loss(second, theirs)", ""),
        ("loss = F.mse_loss(first, mine) + 0.5 * F.mse_loss(first, mine)", ""),
        ("loss = 2 * F.mse_loss(first, mine) + F.mse_loss(second, theirs)", ""),
        # terms that are zero, or at rest
        ("loss = own(first, mine) + F.relu(first - 99).mean() + F.relu(second - 99).mean()", ""),
        (
            "loss = own(first, mine) + (1 + 0 * first).mean() + (1 + 0 * second).mean()",
            "",
        ),
        (
            "loss = own(one(x[part]), mine) + own(two(x[part]), mine)",
            "one, two = nn.Linear(8, 1), nn.Linear(8, 1); net.one, net.two = one, two",
        ),
    ],
)
def test_terms_that_differ(run: Callable[[str], Watch], loss: str, more: str) -> None:
    """Two losses, one with a factor, terms that are zero, and networks that begin apart."""
    told = run(PROGRAM.format(loss=loss, more=more)).findings
    assert [f for f in told if f.code == "L124"] == []
