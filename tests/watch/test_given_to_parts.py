"""T102 and D103 ask what a network itself is given: neither what was made of it, nor what it evens out."""

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
mixing = torch.randn(5, 24)
raw = (40 + 25 * torch.tanh(torch.randn(600, 5) @ mixing / 2)).clamp(0, 100)
flat = raw / 100
kinds = (raw[:, 0] > raw[:, 1]).long()


class Squeezed(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Linear(24, 24), nn.ReLU())
        self.middle = nn.Linear(24, 4)
        self.up = nn.Sequential(nn.Linear(4, 24), nn.Sigmoid())


def off(net, rows):
    return (net.up(net.middle(net.down(rows))) - rows).abs().sum(1).mean()


def fit(forward, weights, loader, epochs=3):
    optimizer = torch.optim.Adam(weights, lr=3e-3)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            forward(x, y).backward()
            optimizer.step()


def loader_of(rows, shuffle=True):
    return DataLoader(TensorDataset(rows, kinds[: len(rows)]), batch_size=25, shuffle=shuffle)


def classifier(*first):
    return nn.Sequential(*first, nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 2))

"""
BY_PARTS = """
net = Squeezed()
fit(lambda x, y: off(net, x), net.parameters(), loader_of(flat[:450]))
net.eval()
with torch.no_grad():
    print(off(net, {held_out}).item())
"""
IN_THE_LOOP = """
net = classifier()
fit(lambda x, y: F.cross_entropy(net(x / 100), y), net.parameters(), loader_of(raw[:450]))
net.eval()
with torch.no_grad():
    print((net({held_out}).argmax(1) == kinds[450:]).float().mean().item())
"""
IN_ONE_LOOP = """
net = classifier()
fit(lambda x, y: F.cross_entropy(net({changed}), y), net.parameters(), loader_of(raw[:450]))
net.eval()
right = 0
with torch.no_grad():
    held_out = DataLoader(TensorDataset(flat[450:], kinds[450:]), batch_size=50)
    for x, y in held_out:
        right += (net(x).argmax(1) == y).sum().item()
print(right / 150)
"""
ENTRANCE = """
net = classifier({first})
fit(lambda x, y: F.cross_entropy(net(x), y), net.parameters(), loader_of(3 * raw[:450]))
"""
CASES = [
    (BY_PARTS, {"held_out": "flat[450:]"}, []),
    (BY_PARTS, {"held_out": "flat[450:] * 40"}, ["T102"]),
    (IN_THE_LOOP, {"held_out": "raw[450:] / 100"}, []),
    (IN_ONE_LOOP, {"changed": "x / 100"}, []),
    (IN_ONE_LOOP, {"changed": "x"}, ["D103", "T102"]),
    (ENTRANCE, {"first": "nn.Identity()"}, ["D103", "I103"]),
    (ENTRANCE, {"first": "nn.BatchNorm1d(24)"}, []),
    (ENTRANCE, {"first": "nn.BatchNorm1d(24, affine=False)"}, []),
    (ENTRANCE, {"first": "nn.Linear(24, 24), nn.BatchNorm1d(24)"}, ["D103"]),
]


@pytest.mark.parametrize(("text", "given", "expected"), CASES)
def test_like_is_held_against_like(
    text: str, given: dict[str, str], expected: list[str], run: Callable[[str], Watch]
) -> None:
    """Each program with a difference that a network meets, and one that it does not."""
    watching = run(text.format(**given))
    assert sorted({f.code for f in watching.findings if f.level != "info"}) == expected
