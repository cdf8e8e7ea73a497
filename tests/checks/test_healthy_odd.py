"""Healthy networks and data of odd build: no error and no warning, and no check that crashes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from lamplighter.checks.check import check

Case = dict[str, Any]


def vectors(count: int = 256, width: int = 20, classes: int = 3) -> TensorDataset:
    labels = torch.randint(0, classes, (count,))
    return TensorDataset(torch.randn(count, width) + F.one_hot(labels, width) * 2.0, labels)


def perceptron(width: int = 20, classes: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, classes))


class Bootstrapped(nn.Module):
    """A student and a frozen teacher of the same shape that runs without gradients (BYOL)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(20, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8)
        )
        self.guess = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
        self.teacher = copy.deepcopy(self.body).requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        ours = self.guess(self.body(x + 0.1 * torch.randn_like(x)))
        with torch.no_grad():
            theirs = self.teacher(x + 0.1 * torch.randn_like(x))
        return ours, theirs


def bootstrapped() -> Case:
    net = Bootstrapped()
    loss = lambda output, _: 2 - 2 * F.cosine_similarity(*output).mean()  # noqa: E731
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad])
    return {"model": net, "data": vectors(), "loss": loss, "optimizer": optimizer}


def zero_head() -> Case:
    net = perceptron()
    nn.init.zeros_(net[2].weight)
    return {"model": net, "data": vectors(), "optimizer": torch.optim.Adam(net.parameters())}


def sentences() -> Case:
    """The tagger of many tutorials: one unbatched sentence at a time, of any length."""

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.lstm, self.out = nn.Embedding(20, 6), nn.LSTM(6, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            states, _ = self.lstm(self.embed(x).view(len(x), 1, -1))
            return F.log_softmax(self.out(states.view(len(x), -1)), dim=1)

    lengths = (5, 4, 7, 6)
    data = [(torch.randint(0, 20, (n,)), torch.randint(0, 3, (n,))) for n in lengths]
    net = Tagger()
    return {
        "model": net,
        "data": data,
        "loss": nn.NLLLoss(),
        "optimizer": torch.optim.SGD(net.parameters(), lr=0.1),
    }


def time_first() -> Case:
    """A word model whose batches are time × batch, with flattened targets."""

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.lstm, self.out = (
                nn.Embedding(50, 16),
                nn.LSTM(16, 16),
                nn.Linear(16, 50),
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.lstm(self.embed(x))[0])

    text = torch.randint(0, 50, (82, 16))
    data = [(text[i : i + 20], text[i + 1 : i + 21].reshape(-1)) for i in range(0, 80, 20)]
    net = Words()
    loss = lambda out, y: F.cross_entropy(out.view(-1, 50), y)  # noqa: E731
    return {
        "model": net,
        "data": data,
        "loss": loss,
        "optimizer": torch.optim.SGD(net.parameters(), lr=1.0),
    }


def graph_network() -> Case:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("edges", torch.rand(60, 60).softmax(1))
            self.one, self.two = nn.Linear(16, 32), nn.Linear(32, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.two(self.edges @ self.one(self.edges @ x).relu())

    net = Graph()
    data = [(torch.randn(60, 16), torch.randint(0, 4, (60,)))]
    return {
        "model": net,
        "data": data,
        "optimizer": torch.optim.Adam(net.parameters(), weight_decay=5e-4),
    }


def low_rank_adapter() -> Case:
    class Adapted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base, self.down, self.up = nn.Linear(20, 32), nn.Linear(20, 4), nn.Linear(4, 32)
            self.out = nn.Linear(32, 3)
            self.base.requires_grad_(False)
            nn.init.zeros_(self.up.weight)

        def forward(self, x: Tensor) -> Tensor:
            return self.out((self.base(x) + self.up(self.down(x))).relu())

    net = Adapted()
    return {
        "model": net,
        "data": vectors(),
        "optimizer": torch.optim.Adam([p for p in net.parameters() if p.requires_grad]),
    }


def contrastive() -> Case:
    net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 8))

    def info_nce(z: Tensor, labels: Tensor) -> Tensor:
        z = F.normalize(z, dim=1)
        other = F.normalize(z + 0.05 * torch.randn_like(z), dim=1)
        return F.cross_entropy(z @ other.T / 0.1, torch.arange(len(z)))

    return {
        "model": net,
        "data": vectors(),
        "loss": info_nce,
        "optimizer": torch.optim.Adam(net.parameters()),
    }


def distillation() -> Case:
    teacher, net = perceptron().requires_grad_(False), perceptron()

    class Distil(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.student = net
            self.held = [teacher]

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.student(x), self.held[0](x)

    def loss(output: tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
        ours, theirs = output
        soft = F.kl_div(F.log_softmax(ours / 2, 1), F.softmax(theirs / 2, 1), reduction="batchmean")
        return soft * 4 + F.cross_entropy(ours, labels)

    whole = Distil()
    return {
        "model": whole,
        "data": vectors(),
        "loss": loss,
        "optimizer": torch.optim.Adam(net.parameters()),
    }


def multi_task() -> Case:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.kind, self.size = nn.Linear(20, 32), nn.Linear(32, 3), nn.Linear(32, 1)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            h = self.body(x).relu()
            return {"kind": self.kind(h), "size": self.size(h)}

    def loss(output: dict[str, Tensor], labels: Tensor) -> Tensor:
        size = labels.float().unsqueeze(1)
        return F.cross_entropy(output["kind"], labels) + 0.1 * F.mse_loss(output["size"], size)

    net = Heads()
    return {
        "model": net,
        "data": vectors(),
        "loss": loss,
        "optimizer": torch.optim.Adam(net.parameters()),
    }


CASES: dict[str, Callable[[], Case]] = {
    "contrastive": contrastive,
    "distillation": distillation,
    "multi-task": multi_task,
    "bootstrapped teacher": bootstrapped,
    "head that begins at zero": zero_head,
    "unbatched sentences": sentences,
    "time-first language model": time_first,
    "graph network, full batch": graph_network,
    "low-rank adapter": low_rank_adapter,
}


def test_lazy_layers_are_checked_and_stay_lazy() -> None:
    """A network whose shapes come with the first batch is checked on a copy."""
    net = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(3))
    report = check(net, vectors())
    assert not report.findings
    assert not report.skipped
    assert isinstance(net[0], nn.LazyLinear)


def test_data_of_any_kind_is_told_and_raises_nothing() -> None:
    """No data, empty data, data used up by reading and data that is no data end in a report."""
    net = perceptron()
    assert check(net).steps == 0
    assert check(net, TensorDataset(torch.zeros(0, 20), torch.zeros(0))).codes == ["D110"]
    batches = ((torch.randn(16, 20), torch.randint(0, 3, (16,))) for _ in range(9))
    assert "used up" in check(net, batches).skipped["data"]
    assert check(net, [1, 2, 3]).codes == ["M118"]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_odd_but_healthy_training_is_silent(name: str, seed: int) -> None:
    """A healthy set-up gives no error, no warning, and no check that could not run."""
    torch.manual_seed(seed)
    case = CASES[name]()
    report = check(**case)
    alarms = [str(f) for f in report if f.level != "info"]
    assert not alarms
    assert not report.skipped
    assert report.steps >= 2
