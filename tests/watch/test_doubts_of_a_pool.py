"""Several walks over the same samples with dropout on, whose spread says what to label next: R103."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset
torch.manual_seed(0)
rows = torch.randn(400, 8)
kinds = (rows[:, 0] > 0).long()
samples = TensorDataset(rows, kinds)
chosen, rest = list(range(100)), list(range(100, 400))
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(3):
    net.train()
    for x, y in DataLoader(Subset(samples, chosen), batch_size=20, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
"""
ONE_LOADER = """
pool = DataLoader(Subset(samples, rest), batch_size=50)
answers = []
for _ in range({walks}):
    with torch.no_grad():
        answers.append(torch.cat([net(x).softmax(1) for x, _ in pool]))
doubts = torch.stack(answers).mean(0).max(1).values
"""
LOADERS = """
def ask():
    with torch.no_grad():
        loader = DataLoader(Subset(samples, rest), batch_size=50)
        return torch.cat([net(x).softmax(1) for x, _ in loader])
doubts = torch.stack([ask() for _ in range({walks})]).mean(0).max(1).values
"""


@pytest.mark.parametrize("ask", [ONE_LOADER, LOADERS])
@pytest.mark.parametrize(("walks", "levels"), [(4, ["info"]), (1, ["error"])])
def test_the_spread_of_several_walks_is_wanted(
    run: Callable[[str], Watch], ask: str, walks: int, levels: list[str]
) -> None:
    """One walk alone is an evaluation that forgot eval()."""
    told = [f for f in run(ask.format(walks=walks)).findings if f.code == "R103"]
    assert [f.level for f in told] == levels
    assert "still act as in training" in told[0].message
