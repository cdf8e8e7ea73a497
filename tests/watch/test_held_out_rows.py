"""R105 where all rows are answered at once and a mask says which of them are for training."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
people, links = torch.randn(120, 6), torch.rand(120, 120).lt(0.05).float()
groups = (people[:, 0] + people[:, 1] > 0).long()
"""
MASKS = """
idx = torch.randperm(120)
idx_train, idx_test = idx[:40], idx[60:]
"""
BOOLEAN = """
train = torch.arange(120) < 40
testing = torch.arange(120) >= 70
"""
LOOP = """
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(8):
    optimizer.zero_grad()
    out = net(people + 0.1 * links @ people)
    loss = {loss}
    loss.backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    right = net(people + 0.1 * links @ people).argmax(1) == groups
print(right[60:].float().mean().item())
"""


@pytest.mark.parametrize("masks", [MASKS, BOOLEAN])
def test_loss_over_all_rows_is_told(masks: str, run: Callable[[str], Watch]) -> None:
    """By row numbers and by masks."""
    watching = run(masks + LOOP.format(loss="F.cross_entropy(out, groups)"))
    (found,) = [f for f in watching.findings if f.level != "info"]
    assert (found.code, found.level) == ("R105", "error")
    assert "takes in all 120 rows" in found.message
    assert found.line == (HEAD + masks).count("\n") + 7


@pytest.mark.parametrize(
    "rest",
    [
        MASKS + LOOP.format(loss="F.cross_entropy(out[idx_train], groups[idx_train])"),
        BOOLEAN + LOOP.format(loss="F.cross_entropy(out[train], groups[train])"),
        BOOLEAN + LOOP.format(loss="F.cross_entropy(out, groups, reduction='none')[train].mean()"),
        BOOLEAN + LOOP.format(loss="F.cross_entropy(out, groups.where(train, -100))"),
        # nothing says that a part is held out
        LOOP.format(loss="F.cross_entropy(out, groups)"),
    ],
)
def test_loss_over_the_rows_of_train_is_silent(rest: str, run: Callable[[str], Watch]) -> None:
    """Indexed before the loss or after it, or with targets that are left out."""
    assert [f for f in run(rest).findings if f.level != "info"] == []
