"""T107: parts that share one data set; T101: what is read anew, or changed before the network."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

torch.manual_seed(0)
rows = torch.randn(300, 8)
kinds = (rows[:, 0] + rows[:, 1] > 0).long()


class Rows(Dataset):
    def __init__(self, transform=None):
        self.transform = transform

    def __len__(self):
        return 300

    def __getitem__(self, i):
        return (self.transform(rows[i]) if self.transform else rows[i]), int(kinds[i])


def noisy(x):
    return x + 0.1 * torch.randn_like(x)


def plain(x):
    return x


def fit(net, optimizer, batches):
    net.train()
    for x, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()


def score(net, batches, change=plain):
    net.eval()
    with torch.no_grad():
        print(f"right {sum((net(change(x)).argmax(1) == y).sum().item() for x, y in batches)}")


net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
"""
PARTS = """
train_part, val_part = random_split(Rows({first}), [200, 100])
{setting}
train_loader = DataLoader(train_part, 20, shuffle=True)
val_loader = DataLoader(val_part, 50)
for epoch in range(3):
    {before}
    fit(net, optimizer, train_loader)
    {after}
    score(net, val_loader)
"""
BOTH = "train_part.dataset.transform = noisy\nval_part.dataset.transform = plain"
DIRTY = {
    "both set": PARTS.format(first="", setting=BOTH, before="", after=""),
    "one set": PARTS.format(
        first="noisy", setting="val_part.dataset.transform = None", before="", after=""
    ),
}
CLEAN = {
    "switched from epoch to epoch": PARTS.format(
        first="noisy",
        setting="val_part.dataset.transform = None",
        before="train_part.dataset.transform = noisy",
        after="val_part.dataset.transform = None",
    ),
    "copied first": PARTS.format(
        first="",
        setting="train_part.dataset = copy.copy(train_part.dataset)\n" + BOTH,
        before="",
        after="",
    ),
    "set for all on purpose": PARTS.format(
        first="noisy", setting="train_part.dataset.transform = plain", before="", after=""
    ),
}
CHANGED = """
loader = DataLoader(TensorDataset(rows[:200], kinds[:200]), 20, shuffle=True)
held_out = DataLoader(TensorDataset(rows[200:], kinds[200:]), 50)
for epoch in range(3):
    fit(net, optimizer, loader)
    score(net, held_out, {change})
"""


@pytest.mark.parametrize("name", DIRTY)
def test_transform_of_validation_that_training_gets_too_is_told(
    name: str, run: Callable[[str], Watch]
) -> None:
    """T107, at the assignment."""
    (found,) = run(DIRTY[name]).findings
    assert (found.code, found.level) == ("T107", "error")
    assert "val_part.dataset is the data set that is trained on as well" in found.message
    text = (HEAD + DIRTY[name]).splitlines()
    assert found.line is not None
    assert text[found.line - 1].startswith("val_part.dataset.transform =")


@pytest.mark.parametrize("name", CLEAN)
def test_transforms_that_are_switched_or_copied_stay_silent(
    name: str, run: Callable[[str], Watch]
) -> None:
    """Neither T107, nor T101 for what was read while the other transform was on."""
    assert run(CLEAN[name]).findings == []


def test_batches_changed_by_chance_before_the_network_are_told(run: Callable[[str], Watch]) -> None:
    """T101: the first batch of two evaluations is the same and the network is given two others."""
    (found,) = run(CHANGED.format(change="noisy")).findings
    assert (found.code, found.level) == ("T101", "warning")
    assert "random augmentation is active on validation data" in found.message
    assert run(CHANGED.format(change="lambda x: x * 1.0")).findings == []
    strengths = CHANGED.format(change="noisy\n    )\n    score(net, held_out, noisy")
    assert run(strengths).findings == []  # one network at several strengths of noise
