"""T102 of targets: what the answers of a network are held against, in training and at evaluation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x = torch.randn(400, 5)
y = 300 + 80 * x[:, :1] + 20 * torch.randn(400, 1)
mean, std = y[:300].mean(), y[:300].std()
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(3):
    for rows in torch.randperm(300).split(30):
        optimizer.zero_grad()
        F.mse_loss(net(x[rows]), (y[rows] - mean) / std).backward()
        optimizer.step()
net.eval()
with torch.no_grad():
    for rows in torch.arange(300, 400).split(25):
"""
BACK = {
    "in one line": "print(F.mse_loss(net(x[rows]) * std + mean, y[rows]))",
    "under one name": "out = net(x[rows]); out = out * std; out = out + mean; print(F.l1_loss(out, y[rows]))",
    "targets in the unit of training": "print(F.mse_loss(net(x[rows]), (y[rows] - mean) / std))",
}


def test_targets_in_another_unit_are_told(run: Callable[[str], Watch]) -> None:
    """Both scales are named, and the line of the evaluation."""
    (found,) = run("        print(F.mse_loss(net(x[rows]), y[rows]))\n").findings
    assert (found.code, found.line) == ("T102", HEAD.count("\n") + 1)
    assert "the network is trained on targets of mean" in found.message


@pytest.mark.parametrize("how", BACK)
def test_answers_brought_back_are_right(how: str, run: Callable[[str], Watch]) -> None:
    """Whatever becomes of an answer is no answer, also where it lies in the same memory."""
    assert run(f"        {BACK[how]}\n").findings == []


OWN = """
import numpy as np
from sklearn.metrics import mean_absolute_error

net.train()
for rows in torch.randperm(300).split(30):
    optimizer.zero_grad()
    wanted = (y[rows] - mean) / std
    (wanted - net(x[rows])).abs().mean().backward()
    optimizer.step()
net.eval()
"""
AGAINST = {
    "own arithmetic": "(({said}) - y[rows]).square().mean().sqrt()",
    "a score of a library": "mean_absolute_error(y[rows].numpy(), ({said}).numpy())",
}


@pytest.mark.parametrize("how", AGAINST)
def test_answers_held_against_another_unit_by_other_means_are_told(
    how: str, run: Callable[[str], Watch]
) -> None:
    """Where no loss of torch is called at all."""
    ahead = (
        "        pass\n"
        + OWN
        + "with torch.no_grad():\n    for rows in torch.arange(300, 400).split(25):\n"
    )
    raw = run(ahead + f"        print({AGAINST[how].format(said='net(x[rows])')})\n")
    assert [(f.code, f.level) for f in raw.findings] == [("T102", "error")]
    back = run(ahead + f"        print({AGAINST[how].format(said='net(x[rows]) * std + mean')})\n")
    assert back.findings == []
