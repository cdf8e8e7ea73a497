"""T102 where batch norm was measured anew on pictures like those that are evaluated: on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.randint(0, 2, (360,))
day = torch.rand(360, 1, 6, 6) + 0.4 * y.view(-1, 1, 1, 1)
night = 0.2 * day + 2
source = DataLoader(TensorDataset(day[:160], y[:160]), batch_size=20, shuffle=True)
target = DataLoader(TensorDataset(night[160:260], y[160:260]), batch_size=25, shuffle=True)
final = DataLoader(TensorDataset(night[260:], y[260:]), batch_size=25)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(3):
    net.train()
    for part, label in source:
        optimizer.zero_grad()
        F.cross_entropy(net(part), label).backward()
        optimizer.step()


@torch.no_grad()
def statistics(loader):
    net.train()
    for part, _ in loader:
        net(part)


@torch.no_grad()
def share(loader, training=False):
    net.train(training)
    hits = [(net(part).argmax(1) == label).float() for part, label in loader]
    return float(torch.cat(hits).mean())

"""
FIRST = 'print("before", share(final))\n'
ADAPTED = 'statistics(target)\nprint("after", share(final))\n'
BY_HAND = """
with torch.no_grad():
    net.train()
    for part in night[160:260].split(20):
        net(part)
    net.eval()
    print("after", float((net(night[260:]).argmax(1) == y[260:]).float().mean()))
"""
ON_TRAIN = "statistics(source)\nprint(share(final))\n"
IN_TRAINING_MODE = "print(share(final, training=True))\n"


def prepared(run: Callable[[str], Watch], rest: str) -> list[str]:
    """The findings about ways to prepare samples."""
    return [f.code for f in run(rest).findings if f.code.startswith("T")]


@pytest.mark.parametrize("rest", [ADAPTED, FIRST + ADAPTED, BY_HAND])
def test_adapted_by_statistics(rest: str, run: Callable[[str], Watch]) -> None:
    """With a loader and by hand, evaluated before as well."""
    assert prepared(run, rest) == []


@pytest.mark.parametrize("rest", [FIRST, ON_TRAIN, IN_TRAINING_MODE])
def test_another_preparation(rest: str, run: Callable[[str], Watch]) -> None:
    """Not adapted, measured on train itself, evaluated in training mode by mistake."""
    assert prepared(run, rest) == ["T102"]
