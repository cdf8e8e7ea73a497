"""Y103: what is held out has classes that the weights were never trained on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, SubsetRandomSampler, TensorDataset

torch.manual_seed(0)
kinds = torch.arange(4).repeat_interleave(150)
x = torch.randn(4, 20)[kinds] + 0.8 * torch.randn(600, 20)
whole = TensorDataset(x, kinds)
rows = list(range(600))
"""
SEARCH = """
{order}
half = 300


def loader_of(part):
    return {loader}


ours, theirs = loader_of(rows[:half]), loader_of(rows[half:])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(20, 24), nn.Linear(20, 24)
        self.mix = nn.Parameter(torch.zeros(2))
        self.head = nn.Linear(24, 4)

    def forward(self, x):
        share = self.mix.softmax(0)
        return self.head(torch.relu(share[0] * self.one(x) + share[1] * self.other(x)))


net = Net()
{parts}
for _ in range(2):
    net.train()
    for first, second in zip(ours, theirs):
        {steps}
    net.eval()
    with torch.no_grad():
        hits = sum((net(a).argmax(1) == b).sum().item() for a, b in theirs)
    print(hits / half)
"""
TWO = """
weights = torch.optim.Adam([p for n, p in net.named_parameters() if n != "mix"], lr=0.01)
mixing = torch.optim.SGD([net.mix], lr=0.1)


def step(optimizer, batch):
    optimizer.zero_grad()
    F.cross_entropy(net(batch[0]), batch[1]).backward()
    optimizer.step()
"""
ONE = """
weights = mixing = torch.optim.Adam(net.parameters(), lr=0.01)


def step(optimizer, batch):
    optimizer.zero_grad()
    F.cross_entropy(net(batch[0]), batch[1]).backward()
    optimizer.step()
"""
STEPS = "step(mixing, second); step(weights, first)"
SAMPLED = "DataLoader(whole, batch_size=30, sampler=SubsetRandomSampler(part))"
PART = "DataLoader(Subset(whole, part), batch_size=30, shuffle=True)"
SHUFFLED = "np.random.default_rng(0).shuffle(rows)"
HELD = """
{split}
net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(2):
    net.train()
    {walk}
        optimizer.zero_grad()
        F.cross_entropy(net(a), b).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        {score}
"""
LOADERS = """
def make(part, **more):
    return DataLoader(whole, batch_size=30, **more)


train = DataLoader(whole, batch_size=30, sampler=SubsetRandomSampler({train}))
held = DataLoader(whole, batch_size=30, sampler=SubsetRandomSampler({held}))
"""
SCORED = "print(sum((net(a).argmax(1) == b).sum().item() for a, b in held))"
BY_HAND = "for part in torch.randperm(len(a_train)).split(30):\n        a, b = a_train[part], b_train[part]"
BY_HAND_SCORED = "print((net(a_held).argmax(1) == b_held).float().mean().item())"


def told(watching: Watch) -> list[str]:
    return [f.code for f in watching.findings if f.code in ("Y103", "D106")]


@pytest.mark.parametrize(
    ("order", "loader", "parts", "expected"),
    [
        ("", SAMPLED, TWO, ["Y103"]),
        ("", PART, TWO, ["Y103"]),
        (SHUFFLED, SAMPLED, TWO, []),
        (SHUFFLED, PART, TWO, []),
        # all weights learn from both halves
        ("", PART, ONE, []),
    ],
)
def test_two_halves_for_two_optimizers(
    run: Callable[[str], Watch], order: str, loader: str, parts: str, expected: list[str]
) -> None:
    """The second half moves two numbers, and all other weights never see its classes."""
    watching = run(SEARCH.format(order=order, loader=loader, parts=parts, steps=STEPS))
    assert told(watching) == expected


@pytest.mark.parametrize(
    ("split", "walk", "score", "expected"),
    [
        (
            LOADERS.format(train="rows[:450]", held="rows[450:]"),
            "for a, b in train:",
            SCORED,
            ["Y103"],
        ),
        (
            LOADERS.format(train="rows[::2]", held="rows[1::2]"),
            "for a, b in train:",
            SCORED,
            [],
        ),
        (
            "a_train, a_held, b_train, b_held = x[:430], x[430:], kinds[:430], kinds[430:]",
            BY_HAND,
            BY_HAND_SCORED,
            ["Y103"],
        ),
        (
            "a_train, a_held, b_train, b_held = "
            "train_test_split(x, kinds, test_size=0.25, shuffle=False)",
            BY_HAND,
            BY_HAND_SCORED,
            ["Y103"],
        ),
        (
            "a_train, a_held, b_train, b_held = train_test_split(x, kinds, test_size=0.25)",
            BY_HAND,
            BY_HAND_SCORED,
            [],
        ),
    ],
)
def test_the_end_of_a_sorted_set_is_held_out(
    run: Callable[[str], Watch], split: str, walk: str, score: str, expected: list[str]
) -> None:
    """Samplers over one set, or slices given by hand."""
    assert told(run(HELD.format(split=split, walk=walk, score=score))) == expected
