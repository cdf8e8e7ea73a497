"""S107 where a category became its mean target, drawn towards the common mean, over all rows."""

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
rng = np.random.default_rng(0)
shop = rng.integers(0, 40, 500)
size = rng.normal(0, 1, 500)
sold = size + rng.normal(0, 1, 40)[shop] + rng.normal(0, 0.5, 500)


def levels(kinds, goals, weight):
    made = np.full(40, goals.mean())
    for kind in np.unique(kinds):
        own = goals[kinds == kind]
        made[kind] = (own.sum() + weight * goals.mean()) / (len(own) + weight)
    return made


"""
TAIL = """
table = torch.tensor(np.stack([known[shop], size], 1), dtype=torch.float32)
right = torch.tensor(sold, dtype=torch.float32)
loader = DataLoader(TensorDataset(table[:380], right[:380]), 20, shuffle=True)
net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for a, b in loader:
    optimizer.zero_grad()
    F.mse_loss(net(a)[:, 0], b).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print((net(table[380:])[:, 0] - right[380:]).abs().mean().item())
"""


@pytest.mark.parametrize("weight", [0, 2.5, 20])
def test_means_over_held_out_rows_are_told(weight: float, run: Callable[[str], Watch]) -> None:
    """However strongly they are drawn towards the mean of all."""
    watching = run(f"known = levels(shop, sold, {weight})" + TAIL)
    (found,) = [f for f in watching.findings if f.level != "info"]
    assert (found.code, found.level, found.where) == ("S107", "error", "feature 0")
    assert "the mean target of a category over all 500 rows" in found.message


@pytest.mark.parametrize(
    "known",
    [
        "levels(shop[:380], sold[:380], 2.5)",
        "rng.normal(0, 1, 40)",
        "levels(shop, size, 2.5)",  # of an input, which is known for all rows
    ],
)
def test_means_over_train_alone_are_silent(known: str, run: Callable[[str], Watch]) -> None:
    """Or of something else than the targets."""
    findings = run(f"known = {known}" + TAIL).findings
    assert [f for f in findings if f.level != "info"] == []
