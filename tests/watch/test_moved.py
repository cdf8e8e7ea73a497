"""Y101 and S103 of what lies beside the wrong row, or counts the rows, wherever a program keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split

torch.manual_seed(0)
rows = torch.randn(300, 6)
amount = rows @ torch.tensor([1.0, -2.0, 0.5, 0.0, 1.5, -1.0]) + 0.2 * torch.randn(300)
kind = (amount > 0).long()
net = nn.Sequential(nn.Linear(rows.shape[1], 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


class Measured(Dataset):
    def __init__(self, late):
        self.late = late

    def __len__(self):
        return 260

    def __getitem__(self, i):
        return rows[i], amount[i + self.late]


def fit(loader):
    for x, y in loader:
        optimizer.zero_grad()
        F.mse_loss(net(x)[:, 0], y).backward()
        optimizer.step()
"""
BY_HAND = """
goal = amount.roll({late})
for part in torch.randperm(300).split(50):
    optimizer.zero_grad()
    F.mse_loss(net(rows[part])[:, 0], goal[part]).backward()
    optimizer.step()
"""
WAYS = {
    "a data set": "fit(DataLoader(Measured({late}), 20, shuffle=True))\n",
    "a part of it": "fit(DataLoader(random_split(Measured({late}), [200, 60])[0], 20))\n",
    "tensors": "fit(DataLoader(TensorDataset(rows, amount.roll({late})), 30, shuffle=True))\n",
    "by hand": BY_HAND,
}


@pytest.mark.parametrize("way", WAYS)
def test_targets_of_a_later_row_are_told(way: str, run: Callable[[str], Watch]) -> None:
    """With how much more the right ones would explain."""
    (found,) = run(WAYS[way].format(late=2)).findings
    assert (found.code, found.level) == ("Y101", "error")
    assert "each input has the target of another one" in found.message


@pytest.mark.parametrize("way", WAYS)
def test_targets_of_the_same_row_are_silent(way: str, run: Callable[[str], Watch]) -> None:
    """However they are read."""
    assert run(WAYS[way].format(late=0)).findings == []


NUMBERED = """
kind = kind.sort().values
table = torch.cat([rows, {column}], 1)
net = nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
train, rest = random_split(TensorDataset(table, kind), [220, 80])
loader = DataLoader(train, 20, shuffle=True)
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
"""


def test_row_number_among_the_features_is_told(run: Callable[[str], Watch]) -> None:
    """The rows lay sorted by class when they were numbered."""
    told = run(NUMBERED.format(column="torch.arange(300)[:, None] / 300")).findings
    assert [f.code for f in told if f.level == "error"] == ["S103"]
    mixed = run(NUMBERED.format(column="torch.randperm(300)[:, None] / 300")).findings
    assert "S103" not in [f.code for f in mixed]


TWO = """
net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for x, y in zip(DataLoader(rows, 20, shuffle={first}), DataLoader(kind, 20, shuffle={second})):
    optimizer.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimizer.step()
"""


def test_inputs_and_targets_of_two_shuffled_loaders_are_told(run: Callable[[str], Watch]) -> None:
    """At the line that walks over both."""
    (found,) = run(TWO.format(first=True, second=True)).findings
    assert (found.code, found.level) == ("Y101", "error")
    assert "both shuffle, each in an order of its own" in found.message
    assert found.line == HEAD.count("\n") + 4
    assert run(TWO.format(first=False, second=False)).findings == []
