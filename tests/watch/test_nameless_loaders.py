"""Loaders that are built in the head of a loop, and gone by the time of the last look."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import watch

SORTED = torch.arange(200) // 50
ROWS = torch.randn(200, 6, generator=torch.Generator().manual_seed(0)) + SORTED[:, None]


def trained(data: Any, *, shuffle: bool, workers: int = 0, epochs: int = 3) -> list[str]:
    """The codes that are told of a training whose loader has no name."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    with watch(net, optimizer) as watching:
        for _ in range(epochs):
            for x, y in DataLoader(data, 20, shuffle=shuffle, num_workers=workers):
                optimizer.zero_grad()
                F.cross_entropy(net(x), y).backward()
                optimizer.step()
    assert watching.faults == []
    return [finding.code for finding in watching.findings]


@pytest.mark.parametrize(("shuffle", "codes"), [(False, ["D106"]), (True, [])])
def test_it_is_looked_at_in_the_end(shuffle: bool, codes: list[str]) -> None:
    """Sorted labels are told where the loader has no name as well; shuffled, nothing is."""
    assert trained(TensorDataset(ROWS, SORTED), shuffle=shuffle) == codes


def test_no_data_set_is_kept_for_it() -> None:
    """Data that are built anew for every epoch are let go with their loader."""
    net = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    sets = []
    with watch(net, optimizer):
        for _ in range(4):
            data = TensorDataset(ROWS.clone(), SORTED)
            sets.append(weakref.ref(data))
            for x, y in DataLoader(data, 20, shuffle=True):
                optimizer.zero_grad()
                F.cross_entropy(net(x), y).backward()
                optimizer.step()
        del data
        gc.collect()
        assert [ref() for ref in sets[:-1]] == [None] * 3


def test_one_loader_is_kept_for_each_data_set() -> None:
    """However often it is built anew, and also where workers read for it."""
    data = TensorDataset(ROWS, SORTED)
    loaders = []
    with watch() as watching:
        for workers in (0, 0, 0, 1, 1):
            loader = DataLoader(data, 50, num_workers=workers)
            loaders.append(weakref.ref(loader))
            walk = iter(loader)
            del loader
            assert loaders[-1]() is not None
            assert len(list(walk)) == 4
            del walk
        gc.collect()
        assert [ref() is not None for ref in loaders] == [False, True, False, False, False]
    assert watching.faults == []
