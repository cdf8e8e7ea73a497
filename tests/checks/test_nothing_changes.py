"""A checked training gives the same numbers, bit for bit, as an unchecked one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from lamplighter.checks.check import check
from lamplighter.checks.snapshot import kept
from lamplighter.models.build import build


class Counting(nn.Module):
    """A network with every kind of state: BatchNorm, dropout, a counter, a list, a generator."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm, self.drop, self.two = (
            nn.Linear(12, 16),
            nn.BatchNorm1d(16),
            nn.Dropout(0.3),
            nn.Linear(16, 3),
        )
        self.calls, self.history = 0, [0.0]
        self.noise = torch.Generator().manual_seed(3)
        self.mean = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.history.append(float(x.detach().mean()))
        self.mean.add_(1)
        x = x + torch.randn(x.shape, generator=self.noise) * 0.1 * self.calls
        return self.two(
            self.drop(self.norm(self.one(x)).relu()) * random.random() * np.random.rand()
        )


class Noisy(Dataset):
    def __init__(self) -> None:
        self.x, self.y = torch.randn(64, 12), torch.randint(0, 3, (64,))
        self.rng = np.random.default_rng(5)
        self.reads = 0

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self.reads += 1
        return self.x[index] + float(self.rng.normal()) * 0.01 * self.reads, self.y[index]


def train(kind: str, *, checked: bool, level: Any = "full") -> list[Tensor]:
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    net, data = Counting(), Noisy()
    loader = DataLoader(data, 16, shuffle=True, generator=torch.Generator().manual_seed(1))
    optimizer: torch.optim.Optimizer
    if kind == "sgd":
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    else:
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5)
    loss = nn.CrossEntropyLoss()
    for epoch in range(2):
        if checked:
            report = check(
                net,
                loader,
                val=Noisy() if kind == "val" else None,
                loss=loss,
                optimizer=optimizer,
                schedule=schedule,
                level=level,
            )
            assert not report.skipped
        for x, y in loader:
            optimizer.zero_grad(set_to_none=bool(epoch))
            loss(net(x), y).backward()
            optimizer.step()
            schedule.step()
    extra = [
        torch.rand(2),
        torch.tensor([random.random(), np.random.rand(), float(net.calls), float(data.reads)]),
    ]
    return [*net.state_dict().values(), net.mean, torch.tensor(net.history), *extra]


@pytest.mark.parametrize("level", ["fast", "full"])
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_training_is_the_same_with_and_without_the_check(kind: str, level: str) -> None:
    """Weights, buffers, counters, generators and random numbers are equal to the last bit."""
    plain, checked = train(kind, checked=False), train(kind, checked=True, level=level)
    assert all(torch.equal(a, b) for a, b in zip(plain, checked, strict=True))


def test_gradients_and_modes_are_put_back() -> None:
    """Gradients that were there before are the same tensors with the same values after."""
    net = nn.Sequential(nn.Linear(12, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
    net(torch.randn(8, 12)).sum().backward()
    net.eval()
    net[1].train()
    held = [p.grad for p in net.parameters()]
    values = [g.clone() for g in held if g is not None]
    data = TensorDataset(torch.randn(64, 12), torch.randint(0, 3, (64,)))
    check(net, data, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
    assert all(p.grad is g for p, g in zip(net.parameters(), held, strict=True))
    assert all(
        torch.equal(g, v) for g, v in zip((g for g in held if g is not None), values, strict=True)
    )
    assert [m.training for m in net] == [False, True, False, False]


def test_state_of_a_loss_that_is_a_closure_is_put_back() -> None:
    """What a loss function was closed over is state too."""
    centres, seen = nn.Parameter(torch.zeros(3)), []

    def loss(out: Tensor, y: Tensor) -> Tensor:
        seen.append(1)
        centres.data.add_(1)
        return nn.functional.cross_entropy(out, y)

    net = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    data = TensorDataset(torch.randn(64, 12), torch.randint(0, 3, (64,)))
    check(net, data, loss=loss)
    assert seen == []
    assert torch.equal(centres.detach(), torch.zeros(3))


def test_state_is_put_back_when_the_users_code_raises() -> None:
    """An exception inside the probe leaves no trace in the weights."""
    net = nn.Linear(4, 2)
    before = net.weight.detach().clone()

    def spoil() -> None:
        with kept((net,)), torch.no_grad():
            net.weight.mul_(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spoil()
    assert torch.equal(net.weight.detach(), before)


@pytest.mark.parametrize("level", ["fast", "full"])
def test_a_network_of_our_own_is_put_back_as_well(level: Any) -> None:
    """The running figures of small_resnet's BatchNorm are no parameters and still begin anew."""
    net = build("small_resnet", 3).module
    before = {name: value.clone() for name, value in net.state_dict().items()}
    data = TensorDataset(torch.randn(32, 3, 8, 8), torch.randint(0, 3, (32,)))
    check(net, data, optimizer=torch.optim.SGD(net.parameters(), lr=0.1), level=level)
    after = net.state_dict()
    assert [name for name, value in before.items() if not torch.equal(value, after[name])] == []
