"""E101: the largest of a single column is always the first, whatever the network says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from sklearn.metrics import accuracy_score
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
"""
TABLE = """
x = torch.randn(300, 6)
y = (x[:, 0] - x[:, 1] > 0).float()
train = DataLoader(TensorDataset(x[:200], y[:200]), batch_size=25, shuffle=True)
held = DataLoader(TensorDataset(x[200:], y[200:]), batch_size=25)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, {outputs}))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)


def said(scores):
    return {said}


for _ in range(2):
    net.train()
    for rows, marks in train:
        optimizer.zero_grad()
        loss = {loss}
        loss.backward()
        optimizer.step()
    net.eval()
    answers, truths, hits = [], [], 0
    with torch.no_grad():
        for rows, marks in held:
            {count}
    print("right", {figure})
"""
ONE = "F.binary_cross_entropy_with_logits(net(rows).squeeze(1), marks)"
TWO = "F.cross_entropy(net(rows), marks.long())"
HITS = "hits += (said(net(rows)) == marks).sum().item()"
LISTS = "answers.extend(said(net(rows)).tolist()); truths.extend(marks.tolist())"
SKLEARN = "accuracy_score(truths, answers)"
ARRAYS = "hits += int((said(net(rows)) == marks.numpy()).sum())"
MASKS = """
pictures = torch.randn(48, 1, 12, 12)
pictures[:, :, 3:8, 3:8] += 2.0
masks = torch.zeros(48, {channels}12, 12)
masks[..., 3:8, 3:8] = 1
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, {outputs}, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(3):
    net.train()
    for part in torch.randperm(32).split(8):
        loss = {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        found = {found}
    print("pixels", (found == masks[32:].long().squeeze(1)).float().mean().item())
"""
BINARY = "F.binary_cross_entropy_with_logits(net(pictures[part]), masks[part])"
CLASSES = "F.cross_entropy(net(pictures[part]), masks[part].long())"
ONE_CLASS = """
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
x, there = torch.randn(64, 6), torch.ones(64, 1)
kinds = torch.zeros(64, dtype=torch.long)
for _ in range(20):
    scores = net(x)
    loss = F.binary_cross_entropy_with_logits(scores, there)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    confidence, kind = scores.max(1)
    print((kind == kinds).float().mean().item())
"""


@pytest.mark.parametrize(
    ("said", "count", "figure"),
    [
        ("scores.argmax(1)", HITS, "hits / 100"),
        ("scores.data.topk(1, dim=1)[1].view(-1)", HITS, "hits / 100"),
        ("torch.max(torch.sigmoid(scores), dim=-1).indices", LISTS, SKLEARN),
        ("np.argmax(scores.numpy(), axis=1)", ARRAYS, "hits / 100"),
        ("scores.sigmoid().cpu().numpy().argmax(axis=-1)", ARRAYS, "hits / 100"),
        ("(F.softmax(scores, dim=1) > 0.5).long().squeeze(1)", HITS, "hits / 100"),
        ("F.softmax(scores, dim=1).round().flatten()", LISTS, SKLEARN),
    ],
)
def test_a_network_with_one_output(
    run: Callable[[str], Watch], said: str, count: str, figure: str
) -> None:
    """Whoever writes it, and wherever it is compared: the answer is the same for every sample."""
    watching = run(TABLE.format(outputs=1, said=said, loss=ONE, count=count, figure=figure))
    told = [f for f in watching.findings if f.code == "E101"]
    assert len(told) == 1
    assert "which has one entry" in told[0].message
    assert told[0].level == "error"


@pytest.mark.parametrize(
    ("outputs", "said", "loss", "count", "figure"),
    [
        (1, "(scores > 0).float().squeeze(1)", ONE, HITS, "hits / 100"),
        (1, "scores.sigmoid().round().squeeze(1)", ONE, HITS, "hits / 100"),
        (1, "(scores.numpy()[:, 0] > 0)", ONE, ARRAYS, "hits / 100"),
        (2, "scores.argmax(1)", TWO, HITS, "hits / 100"),
        (2, "np.argmax(scores.numpy(), axis=1)", TWO, ARRAYS, "hits / 100"),
        (2, "(F.softmax(scores, dim=1)[:, 1] > 0.5).long()", TWO, LISTS, SKLEARN),
    ],
)
def test_a_threshold_or_two_outputs(
    run: Callable[[str], Watch], outputs: int, said: str, loss: str, count: str, figure: str
) -> None:
    """One output is cut at a threshold; of two the larger is taken."""
    watching = run(TABLE.format(outputs=outputs, said=said, loss=loss, count=count, figure=figure))
    assert [f for f in watching.findings if f.code == "E101"] == []


@pytest.mark.parametrize(
    ("channels", "outputs", "loss", "found", "expected"),
    [
        ("1, ", 1, BINARY, "net(pictures[32:]).argmax(dim=1)", ["E101"]),
        ("1, ", 1, BINARY, "torch.max(net(pictures[32:]), 1)[1]", ["E101"]),
        ("1, ", 1, BINARY, "(net(pictures[32:]) > 0).long().squeeze(1)", []),
        ("", 2, CLASSES, "net(pictures[32:]).argmax(dim=1)", []),
    ],
)
def test_a_mask_of_one_channel(
    run: Callable[[str], Watch],
    channels: str,
    outputs: int,
    loss: str,
    found: str,
    expected: list[str],
) -> None:
    """The same for each pixel."""
    watching = run(MASKS.format(channels=channels, outputs=outputs, loss=loss, found=found))
    assert [f.code for f in watching.findings if f.code == "E101"] == expected


def test_one_class_of_things_that_are_looked_for(run: Callable[[str], Watch]) -> None:
    """A detector of one class may take the largest of it: its number is 0, as it should be."""
    assert [f for f in run(ONE_CLASS).findings if f.code == "E101"] == []
