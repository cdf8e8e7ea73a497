"""S108: a test set that chooses the state which is kept, and one that is only reported beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(480, 10)
y = x[:, :3].sum(1, keepdim=True) + 0.3 * torch.randn(480, 1)
net = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)


def off(answer, target):
    return torch.log(torch.cosh(answer - target)).mean()


def step(inputs, targets):
    net.train()
    optimizer.zero_grad()
    loss = off(net(inputs), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


def score(batches):
    net.eval()
    with torch.no_grad():
        return sum(off(net(inputs), targets).item() for inputs, targets in batches) / len(batches)

"""
BY_LOADER = """
train = DataLoader(TensorDataset(x[:320], y[:320]), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(x[320:], y[320:]), batch_size=40)


def run(epochs):
    lowest, kept, seen = float("inf"), None, []
    for _ in range(epochs):
        fitted = 0.0
        for inputs, targets in train:
            fitted += step(inputs, targets)
        seen.append(fitted / len(train))
        tested = score(test_loader)
        if {asked} < lowest:
            lowest, kept = {asked}, copy.deepcopy(net.state_dict())
        print(seen[-1], tested)
    net.load_state_dict(kept)


run(4)
"""
BY_HAND = """
x_test, y_test = x[320:], y[320:]
lowest = float("inf")
for epoch in range(6):
    fitted = step(x[:320], y[:320])
    net.eval()
    with torch.no_grad():
        tested = off(net(x_test), y_test).item()
    if {asked} < lowest:
        lowest, kept = {asked}, {{name: value.clone() for name, value in net.state_dict().items()}}
    print(fitted, tested)
"""
CASES = [
    (BY_LOADER, "tested", ["S108"]),
    (BY_LOADER, "seen[-1]", []),
    (BY_HAND, "tested", ["S108"]),
    (BY_HAND, "fitted", []),
]


@pytest.mark.parametrize(("text", "asked", "expected"), CASES)
def test_only_a_figure_of_the_test_set_chooses_by_it(
    text: str, asked: str, expected: list[str], run: Callable[[str], Watch]
) -> None:
    """The same program, with the loss of the test set or that of the training under the condition."""
    watching = run(text.format(asked=asked))
    assert [f.code for f in watching.findings] == expected
