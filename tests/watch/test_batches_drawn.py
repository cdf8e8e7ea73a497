"""Which samples come, and in which order: batch samplers and streams. D106, S101, S104."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import random

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import (
    BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler,
    SubsetRandomSampler, TensorDataset,
)

torch.manual_seed(0)
random.seed(0)
kinds = torch.arange(300) // 100
rows = torch.randn(300, 9) + kinds[:, None]
net = nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


class Stream(IterableDataset):
    def __init__(self, mixed):
        self.mixed = mixed

    def __iter__(self):
        numbers = list(range(300))
        if self.mixed:
            random.shuffle(numbers)
        yield from ((rows[i], int(kinds[i])) for i in numbers)


def fit(loader):
    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()


def score(loader):
    net.eval()
    with torch.no_grad():
        print(sum((net(x).argmax(1) == y).sum().item() for x, y in loader) / 60)


def drawn(sampler):
    return DataLoader(TensorDataset(rows, kinds), batch_sampler=BatchSampler(sampler, 20, False))
"""


def test_batch_sampler_that_keeps_the_order_is_told(run: Callable[[str], Watch]) -> None:
    """It decides, not the sampler that the loader has besides."""
    (found,) = run("loader = drawn(SequentialSampler(rows))\nfit(loader)\n").findings
    assert (found.code, found.level) == ("D106", "error")
    assert run("loader = drawn(RandomSampler(rows))\nfit(loader)\n").findings == []


@pytest.mark.parametrize(("first", "codes"), [(240, []), (280, ["S101"])])
def test_parts_that_batch_samplers_draw_are_compared_by_what_they_draw(
    first: int, codes: list[str], run: Callable[[str], Watch]
) -> None:
    """Two loaders over one data set are no leak by themselves."""
    parts = f"""
order = torch.randperm(300).tolist()
train, held_out = SubsetRandomSampler(order[:{first}]), SubsetRandomSampler(order[240:])
loader, rest = drawn(train), drawn(held_out)
fit(loader)
score(rest)
"""
    assert [f.code for f in run(parts).findings] == codes


def test_stream_that_gives_one_class_after_the_other_is_told(run: Callable[[str], Watch]) -> None:
    """As a warning: some learn one task after another on purpose."""
    (found,) = run("loader = DataLoader(Stream(False), 20)\nfit(loader)\n").findings
    assert (found.code, found.level) == ("D106", "warning")
    assert "it reads one class after the other" in found.message
    assert run("loader = DataLoader(Stream(True), 20)\nfit(loader)\n").findings == []


AMOUNTS = """
amount = nn.Linear(9, 1)
optimizer = torch.optim.SGD(amount.parameters(), lr=1e-2)
counted = TensorDataset(rows, kinds, rows.sum(1))
in_order = DataLoader(counted, batch_size=20)
for _ in range(2):
    for x, count, y in in_order:
        optimizer.zero_grad()
        F.mse_loss(amount(x).squeeze(1), y).backward()
        optimizer.step()
"""


def test_whole_numbers_of_a_regression_are_no_classes(run: Callable[[str], Watch]) -> None:
    """Samples in the order of a count, from few to many, are a course; D106 is of classes."""
    assert "D106" not in {f.code for f in run(HEAD + AMOUNTS).findings}
