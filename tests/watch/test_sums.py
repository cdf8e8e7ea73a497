"""L109 where the loss is a sum over the batch."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import watch


def test_sum_whose_gradients_are_divided_is_a_mean() -> None:
    """L109: what is summed over several batches and divided by their samples is healthy."""
    torch.manual_seed(0)
    x, y = torch.randn(96, 4), torch.randint(0, 2, (96,))
    for divided in (True, False):
        model = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
        with watch() as watching:
            for _ in range(6):
                for part in torch.arange(96).split(16):
                    F.cross_entropy(model(x[part]), y[part], reduction="sum").backward()
                for weight in model.parameters() if divided else ():
                    weight.grad /= 96
                optimizer.step()
                optimizer.zero_grad()
        codes = [found.code for found in watching.findings]
        assert ("L109" in codes) is not divided


def test_divided_sum_of_a_loader_is_a_mean() -> None:
    """L109: where one batch comes from a loader too, the division is waited for."""
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(torch.randn(96, 4), torch.randint(0, 2, (96,))), 16)
    for divided in (True, False):
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
        with watch() as watching:
            for _ in range(3):
                for number, (x, y) in enumerate(loader, 1):
                    F.cross_entropy(model(x), y, reduction="sum").backward()
                    if number % 3 == 0:
                        for weight in model.parameters() if divided else ():
                            weight.grad /= 48
                        optimizer.step()
                        optimizer.zero_grad()
        codes = [found.code for found in watching.findings]
        assert ("L109" in codes) is not divided
