"""E101: the largest over the first dimension, or of the first column, that is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
"""
PAIRS = """
first = torch.randn(96, 6)
second = first.flip(1) + 0.1 * torch.randn(96, 6)


class Pairs(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(6, 8), nn.Linear(6, 8)

    def forward(self, left, right):
        return 5 * F.normalize(self.one(left)) @ F.normalize(self.other(right)).T


net = Pairs()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(4):
    for part in torch.randperm(64).split(16):
        scores, own = net(first[part], second[part]), torch.arange(16)
        loss = F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores, own = net(first[64:], second[64:]), torch.arange(32)
        print("found", {found})
"""
POINTS = """
spots = torch.randint(0, 144, (64,))
maps = F.one_hot(spots, 144).float().view(64, 1, 12, 12)
pictures = maps + 0.2 * torch.randn(64, 1, 12, 12)
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(4):
    for part in torch.randperm(48).split(12):
        loss = F.binary_cross_entropy_with_logits(net(pictures[part]), maps[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        said = torch.from_numpy({said})
    print("found", (said == spots[48:]).float().mean().item())
"""
ALIKE = """
x = torch.randn(80, 5)
y = x[:, :3].argmax(1)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for _ in range(20):
    loss = F.cross_entropy(net(x[:60]), y[:60])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    kinds = net(x[60:]).argmax(1)
    print("alike", ({one} == {other}).float().mean().item())
"""


def told(watching: Watch) -> list[str]:
    return [f.code for f in watching.findings if f.code == "E101"]


@pytest.mark.parametrize(
    "found",
    [
        "(scores.argmax(0) == own).float().mean().item()",
        "(scores.max(dim=0).indices == own).sum().item() / 32",
        "(scores.argmax(1) == own).float().mean().item()",
    ],
)
def test_pairs_are_looked_for_both_ways(run: Callable[[str], Watch], found: str) -> None:
    """Each score is of two samples: over the first dimension is as right as over the second."""
    assert told(run(PAIRS.format(found=found))) == []


@pytest.mark.parametrize(
    "said",
    [
        "net(pictures[48:]).numpy().reshape(16, -1).argmax(1)",
        "net(pictures[48:]).sigmoid().numpy().squeeze(1).reshape(16, 144).argmax(axis=1)",
    ],
)
def test_the_brightest_place_of_a_map(run: Callable[[str], Watch], said: str) -> None:
    """A map of one channel is laid flat first: the largest is of its places."""
    assert told(run(POINTS.format(said=said))) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("kinds[:, None]", "kinds", []),
        ("kinds.view(-1, 1)", "kinds.view(1, -1)", []),
        ("kinds[:, None]", "y[60:]", ["E101"]),
    ],
)
def test_answers_are_held_against_each_other(
    run: Callable[[str], Watch], one: str, other: str, expected: list[str]
) -> None:
    """Which samples are of one kind is asked of each pair; what is right is asked of each sample."""
    assert told(run(ALIKE.format(one=one, other=other))) == expected
