"""How much of the data a check reads before a training."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from lamplighter.checks.check import check

# outside of the data sets, whose own attributes a check sets back
READS: dict[str, list[int]] = {}


class Counted(Dataset[Any]):
    """Samples that count how often each is read."""

    def __init__(self, name: str, count: int) -> None:
        torch.manual_seed(0)
        self.name, self.inputs = name, torch.randn(count, 16)
        READS[name] = [0] * count

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        READS[self.name][index] += 1
        return self.inputs[index], index % 3


def test_a_thorough_check_reads_the_training_set_once_for_all_looks_at_samples() -> None:
    """Beside the four batches for the probe, no sample of train is read a second time."""
    train, val = Counted("train", 400), Counted("val", 100)
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    check(
        model,
        DataLoader(train, batch_size=16, shuffle=True),
        val=DataLoader(val, batch_size=16),
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
    )
    assert sum(READS["train"]) <= len(train) + 4 * 16
    assert max(READS["val"]) <= 3


def test_a_fast_check_reads_few_samples_however_large_the_set_is() -> None:
    """A set of 20,000 samples is sampled, not read."""
    train, val = Counted("train", 20_000), Counted("val", 5_000)
    model = nn.Linear(16, 3)
    check(
        model,
        DataLoader(train, batch_size=16, shuffle=True),
        val=DataLoader(val, batch_size=16),
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        level="fast",
    )
    assert sum(READS["train"]) <= 700
    assert sum(READS["val"]) <= 100
