"""E101: columns of an answer that meet other columns of its target than the losses say."""

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
SPANS = """
x = torch.randn(200, 10)
there = (x[:, 0] > 0).float()
begin = x[:, 1].sigmoid()
goals = torch.stack([there, begin, begin + 0.1 + x[:, 2].sigmoid()], 1)
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)


def overlap(a, b):
    low = torch.max(a[:, 0], b[:, 0])
    high = torch.min(a[:, 1], b[:, 1])
    meet = (high - low).clamp(min=0)
    return meet / ((a[:, 1] - a[:, 0]).abs() + (b[:, 1] - b[:, 0]) - meet)


for _ in range(3):
    for part in torch.randperm(200).split(20):
        said, goal = net(x[part]), goals[part]
        {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        said = net(x)
        print(overlap({mine}, {theirs}).mean().item())
"""
TWO = (
    "loss = F.binary_cross_entropy_with_logits(said[:, 0], goal[:, 0]) "
    "+ F.smooth_l1_loss(said[:, 1:], goal[:, 1:])"
)
SERIES = """
x = torch.randn(200, 10).cumsum(1)
net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(3):
    for part in torch.randperm(200).split(20):
        said, goal = net(x[part, :6]), x[part, 6:]
        loss = {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        said, goal = net(x[:, :6]), x[:, 6:]
        rises = (said[:, 1:] - goal[:, :-1] > 0) == (goal[:, 1:] - goal[:, :-1] > 0)
        print(rises.float().mean().item())
"""


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("said[:, :2]", "goals[:, 1:]", ["E101"]),
        ("said[..., 0:2].clone()", "goals[..., 1:3]", ["E101"]),
        ("said[:, 1:]", "goals[:, 0:2]", ["E101"]),
        ("said[:, 1:]", "goals[:, 1:]", []),
        ("said[there > 0][:, 1:]", "goals[there > 0][:, 1:]", []),
    ],
)
def test_a_span_that_is_cut_out_too_early(
    run: Callable[[str], Watch], mine: str, theirs: str, expected: list[str]
) -> None:
    """Presence, begin and end: two losses say which column is which."""
    found = run(SPANS.format(loss=TWO, mine=mine, theirs=theirs)).findings
    assert [f.code for f in found if f.code == "E101"] == expected


@pytest.mark.parametrize(
    "loss",
    [
        "F.mse_loss(said, goal) + 0.1 * F.l1_loss(said[:, 1:], goal[:, 1:])",
        # the first step by itself
        "F.smooth_l1_loss(said[:, :1], goal[:, :1]) + F.mse_loss(said[:, 1:], goal[:, 1:])",
    ],
)
def test_a_value_and_the_one_before(run: Callable[[str], Watch], loss: str) -> None:
    """A forecast of several steps is held against the true step before, for its direction."""
    assert [f for f in run(SERIES.format(loss=loss)).findings if f.code == "E101"] == []


def test_a_factor_of_another_column(run: Callable[[str], Watch]) -> None:
    """Offsets that are multiplied with sizes, which lie further on in the table of boxes."""
    program = SPANS.format(loss=TWO, mine="said[:, 1:]", theirs="goals[:, 1:]")
    program += (
        "    print((said[:, :2] * goals[:, 1:] + said[:, 1:] * goals[:, :2]).mean().item())\n"
    )
    assert [f for f in run(program).findings if f.code == "E101"] == []
