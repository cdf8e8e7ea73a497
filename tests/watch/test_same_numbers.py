"""Watching changes no number: the same seeds give the same weights, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from lamplighter.watch import watch


class Noisy(Dataset[tuple[torch.Tensor, int]]):
    """Draws from all three generators for each sample."""

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        noise = torch.randn(3, 8, 8) + float(np.random.rand()) + random.random()
        return noise, index % 3


CHANCE = np.random.default_rng(0)


class Shaken(Dataset[tuple[torch.Tensor, int]]):
    """Draws from a generator of the module and one of its own, and counts and caches."""

    def __init__(self) -> None:
        self.own = random.Random(0)
        self.cache: dict[int, torch.Tensor] = {}
        self.read = 0

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        self.read += 1
        picture = self.cache.setdefault(index, torch.full((3, 8, 8), CHANCE.random()))
        return picture + self.own.random() + 0.01 * self.read, index % 3


class Stream(Dataset[tuple[torch.Tensor, int]]):
    """Goes on reading where it stopped, whatever the index."""

    def __init__(self) -> None:
        self.numbers = iter(range(10_000))

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        number = next(self.numbers)
        return torch.full((3, 8, 8), number / 100), number % 3


def _shaken() -> list[Any]:
    CHANCE.bit_generator.state = np.random.default_rng(0).bit_generator.state
    return _run(_net(), Shaken())


def _pictures() -> Dataset[Any]:
    made = torch.Generator().manual_seed(1)
    return TensorDataset(
        torch.randn(48, 3, 8, 8, generator=made), torch.randint(0, 3, (48,), generator=made)
    )


def _net(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), *layers, nn.Flatten(), nn.Linear(216, 3)
    )


def _plain(model: nn.Module, loader: Any, steps: Callable[..., None]) -> None:
    for _ in range(2):
        model.train()
        for x, y in loader:
            steps(model, x, y)
        model.eval()
        with torch.no_grad():
            for x, y in loader:
                F.cross_entropy(model(x), y).item()


def _weights(name: str, watched: bool) -> list[torch.Tensor]:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    with watch() if watched else nullcontext() as watching:
        state = PROGRAMS[name]()
        state.append(torch.rand(3))
        state.append(torch.tensor([np.random.rand(), random.random()]))
    if watched:
        assert watching.steps > 0
        assert watching.faults == []
    return state


def _run(model: nn.Module, dataset: Any, *, workers: int = 0, bf16: bool = False) -> list[Any]:
    loader = DataLoader(dataset, batch_size=8, shuffle=True, num_workers=workers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)

    def step(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()

    _plain(model, loader, step)
    return [value.clone() for value in model.state_dict().values()]


def _lbfgs() -> list[Any]:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 2))
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))
    for _ in range(4):

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        optimizer.step(closure)
    return [value.clone() for value in model.state_dict().values()]


def _recurrent() -> list[Any]:
    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(20, 8)
            self.rnn = nn.LSTM(8, 8, num_layers=2, dropout=0.3, batch_first=True)
            self.head = nn.Linear(8, 5)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.head(self.rnn(self.embed(tokens))[0])

    model = Tagger()
    tokens = torch.randint(0, 20, (40, 6))
    loader = DataLoader(TensorDataset(tokens, tokens % 5), batch_size=8, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x).transpose(1, 2), y).backward()
            optimizer.step()
    return [value.clone() for value in model.state_dict().values()]


def _transformer() -> list[Any]:
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True)
    model = nn.Sequential(nn.TransformerEncoder(layer, 2), nn.Flatten(), nn.Linear(64, 3))
    made = torch.Generator().manual_seed(1)
    data = TensorDataset(
        torch.randn(40, 4, 16, generator=made), torch.randint(0, 3, (40,), generator=made)
    )
    return _run(model, data)


PROGRAMS: dict[str, Callable[[], list[Any]]] = {
    "batch norm": lambda: _run(_net(), _pictures()),
    "dropout": lambda: _run(_net(nn.Dropout(0.5), nn.Dropout2d(0.2)), _pictures()),
    "random data": lambda: _run(_net(nn.Dropout(0.5)), Noisy()),
    "data with generators of their own": _shaken,
    "data read from a stream": lambda: _run(_net(), Stream()),
    "workers": lambda: _run(_net(nn.Dropout(0.5)), Noisy(), workers=2),
    "bf16 autocast": lambda: _run(_net(nn.Dropout(0.5)), _pictures(), bf16=True),
    "lbfgs": _lbfgs,
    "lstm": _recurrent,
    "transformer": _transformer,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_weights_are_the_same_bit_for_bit(name: str) -> None:
    """Weights, buffers and the three random generators end equal, watched or not."""
    alone, watched = _weights(name, False), _weights(name, True)
    assert len(alone) == len(watched)
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))


def test_everything_is_put_back() -> None:
    """After the block torch's own functions are in their places again."""
    before = (
        nn.Module.__call__,
        F.cross_entropy,
        torch.autograd.backward,
        DataLoader.__iter__,
        torch.save,
        print,
        torch.optim.Optimizer.zero_grad,
        torch.optim.lr_scheduler.StepLR.__init__,
        torch.Tensor.item,
    )
    with watch():
        assert F.cross_entropy is not before[1]
    after = (
        nn.Module.__call__,
        F.cross_entropy,
        torch.autograd.backward,
        DataLoader.__iter__,
        torch.save,
        print,
        torch.optim.Optimizer.zero_grad,
        torch.optim.lr_scheduler.StepLR.__init__,
        torch.Tensor.item,
    )
    assert after == before
