"""E101: hits that are none, and divisors of programs that have no score of classes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(370, 6)
kinds = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
"""
CLASSES = """
train = DataLoader(TensorDataset(x[:160], kinds[:160]), batch_size=40, shuffle=True)
held = DataLoader(TensorDataset(x[160:], kinds[160:]), batch_size=40)
net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for rows, right in train:
        optimizer.zero_grad()
        F.cross_entropy(net(rows), right).backward()
        optimizer.step()
    net.eval()
    hits = count = 0
    with torch.no_grad():
        for rows, right in held:
            {said}
            hits += (said == right).sum().item()
            count += len(right)
    share = hits / {divisor}
    print(f"epoch {{epoch}} {{share:.5f}}")
"""
MARKS = """
marks = (x[:, 0] + x[:, 1] > 0).float()
train = DataLoader(TensorDataset(x[:160], marks[:160]), batch_size=40, shuffle=True)
held = DataLoader(TensorDataset(x[160:], marks[160:]), batch_size=40)
net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for rows, right in train:
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(net(rows)[:, 0], right).backward()
        optimizer.step()
    net.eval()
    hits = count = 0
    with torch.no_grad():
        for rows, right in held:
            yes = net(rows)[:, 0] > 0
            {count}
            count += len(right)
    share = hits / {divisor}
    print(f"epoch {{epoch}} {{share:.5f}}")
"""
ARRAYS = "hits += int(np.sum(yes.numpy() == right.bool().numpy()))"
TENSORS = "hits += int((yes == right.bool()).sum())"


def told(watching: Watch) -> list[str]:
    return [f.level for f in watching.findings if f.code == "E101"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("said = net(rows).max(1)[0]", ["error"]),
        ("said, _ = torch.max(net(rows), dim=1)", ["error"]),
        ("said = torch.topk(net(rows), 1, dim=1).values[:, 0]", ["error"]),
        ("said = net(rows).max(1)[1]", []),
        ("_, said = torch.max(net(rows), dim=1)", []),
        ("said = torch.topk(net(rows), 1, dim=1).indices[:, 0]", []),
    ],
)
def test_the_largest_score_is_no_class(
    run: Callable[[str], Watch], said: str, expected: list[str]
) -> None:
    """The score itself is compared with the labels, in place of where it stands."""
    assert told(run(CLASSES.format(said=said, divisor="count"))) == expected


@pytest.mark.parametrize(
    ("count", "divisor", "expected"),
    [
        (TENSORS, "(len(held) * 40)", ["error"]),
        (ARRAYS, "(len(held) * held.batch_size)", ["error"]),
        (TENSORS, "len(train.dataset)", ["error"]),
        (ARRAYS, "len(train.dataset)", ["error"]),
        (TENSORS, "len(held)", ["error"]),
        (TENSORS, "count", []),
        (ARRAYS, "len(held.dataset)", []),
    ],
)
def test_what_yes_and_no_are_divided_by(
    run: Callable[[str], Watch], count: str, divisor: str, expected: list[str]
) -> None:
    """One output cut at a threshold, in tensors and in arrays."""
    assert told(run(MARKS.format(count=count, divisor=divisor))) == expected


MASKS = """
pictures = torch.randn(58, 1, 12, 12)
pictures[:, :, 3:8, 3:8] += 1.0
masks = torch.zeros(58, 12, 12, dtype=torch.long)
masks[:, 3:8, 3:8] = 1
train = DataLoader(TensorDataset(pictures[:32], masks[:32]), batch_size=8, shuffle=True)
held = DataLoader(TensorDataset(pictures[32:], masks[32:]), batch_size=8)
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    net.train()
    for part, right in train:
        optimizer.zero_grad()
        F.cross_entropy(net(part), right).backward()
        optimizer.step()
    net.eval()
    hits, pixels = 0, 0
    with torch.no_grad():
        for part, right in held:
            found = net(part).argmax(1)
            hits += {hits}
            pixels += {pixels}
    score = hits / {divisor}
    print(f"{{score:.6f}}")
"""


@pytest.mark.parametrize(
    ("hits", "pixels", "divisor", "expected"),
    [
        ("(found == right).sum().item()", "right.numel()", "pixels", []),
        ("(found == right).float().mean().item()", "1", "pixels", []),
        ("(found == right).float().mean().item()", "len(right)", "pixels", ["error"]),
        ("(found.numpy() == right.numpy()).mean()", "len(right)", "pixels", ["error"]),
        ("(found == right).sum().item()", "1", "(len(held) * 8 * 144)", ["error"]),
    ],
)
def test_what_the_pixels_are_divided_by(
    run: Callable[[str], Watch], hits: str, pixels: str, divisor: str, expected: list[str]
) -> None:
    """A mask's share of right pixels."""
    assert told(run(MASKS.format(hits=hits, pixels=pixels, divisor=divisor))) == expected
