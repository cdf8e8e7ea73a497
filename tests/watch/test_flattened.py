"""D105 where the answers run over the steps first and the targets over the batch first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
words = torch.randint(0, 9, (48, 11))
tags = (words > 4).long()
table, gru, head = nn.Embedding(9, 6), nn.GRU(6, 8), nn.Linear(8, 2)
net = nn.ModuleList([table, gru, head])
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for some, marks in zip(words.split(12), tags.split(12)):
    optimizer.zero_grad()
    out = head(gru(table(some.T))[0])  # (steps, batch, 2)
"""
TAIL = """
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    "loss",
    [
        "F.cross_entropy(out.view(-1, 2), marks.flatten())",
        "F.cross_entropy(out.flatten(0, 1), marks.reshape(-1).long())",
        "F.mse_loss(out.softmax(2)[..., 1:].reshape(-1, 1), marks.float().reshape(-1, 1))",
    ],
)
def test_two_orders_are_told(loss: str, run: Callable[[str], Watch]) -> None:
    """The shapes before they became flat show it."""
    watching = run(f"    loss = {loss}" + TAIL)
    (found,) = [f for f in watching.findings if f.code == "D105"]
    assert found.level == "error"
    assert "laid out flat" in found.message
    assert found.line == HEAD.count("\n") + 1


@pytest.mark.parametrize(
    "loss",
    [
        "F.cross_entropy(out.view(-1, 2), marks.T.flatten())",
        "F.cross_entropy(out.transpose(0, 1).reshape(-1, 2), marks.reshape(-1))",
        "F.cross_entropy(out.permute(1, 2, 0), marks)",
        "F.cross_entropy(out[-1], marks[:, -1])",
    ],
)
def test_one_order_is_silent(loss: str, run: Callable[[str], Watch]) -> None:
    """Whichever of both is turned."""
    assert [f for f in run(f"    loss = {loss}" + TAIL).findings if f.code == "D105"] == []
