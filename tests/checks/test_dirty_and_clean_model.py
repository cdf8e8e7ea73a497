"""Each mistake in a model or an optimizer is named, and its mended twin is not, under three seeds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.check import check

Case = dict[str, Any]


class Net(nn.Module):
    """A network made of one function, with the layers that it uses."""

    def __init__(self, run: Callable[..., Any], **layers: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.run = run

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def vectors(count: int = 96, width: int = 20, classes: int = 3) -> TensorDataset:
    labels = torch.randint(0, classes, (count,))
    return TensorDataset(torch.randn(count, width) + F.one_hot(labels, width) * 2.0, labels)


def case(model: nn.Module, data: Any = None, **more: Any) -> Case:
    if "optimizer" not in more and any(p.requires_grad for p in model.parameters()):
        more["optimizer"] = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
    return {"model": model, "data": vectors() if data is None else data, **more}


def perceptron(*end: nn.Module, hidden: int = 32) -> nn.Sequential:
    return nn.Sequential(nn.Linear(20, hidden), nn.ReLU(), nn.Linear(hidden, 3), *end)


def in_list(kept: Callable[[list[nn.Module]], Any]) -> Case:
    def run(net: Any, x: Tensor) -> Tensor:
        for layer in net.hidden:
            x = layer(x).relu()
        return net.out(x)

    return case(Net(run, hidden=kept([nn.Linear(20, 20), nn.Linear(20, 20)]), out=nn.Linear(20, 3)))


def plain_tensor(wrap: Callable[[Tensor], Tensor]) -> Case:
    scale = wrap(torch.ones(20))
    return case(
        Net(lambda net, x: net.out((x * net.scale).relu()), scale=scale, out=nn.Linear(20, 3))
    )


def repeated(layers: list[nn.Module]) -> Case:
    return case(nn.Sequential(*layers, nn.Linear(20, 3)))


def mixing(dim: int) -> Case:
    def run(net: Any, x: Tensor) -> Tensor:
        return net.out(net.hidden(x).relu().softmax(dim))

    return case(Net(run, hidden=nn.Linear(20, 16), out=nn.Linear(16, 3)))


def flattened(start: int) -> Case:
    images = TensorDataset(torch.randn(64, 3, 4, 4), torch.randint(0, 3, (64,)))
    width = 48 if start else 48 * 32
    net = nn.Sequential(
        nn.Flatten(start), nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, 32 * 3 if not start else 3)
    )
    if start:
        return case(net, DataLoader(images, 32))
    loss = lambda out, y: F.cross_entropy(out.reshape(-1, 3)[: len(y)], y)  # noqa: E731
    return case(net, DataLoader(images, 32), loss=loss)


def recurrent(batch_first: bool) -> Case:
    data = TensorDataset(torch.randn(64, 10, 6), torch.randint(0, 3, (64,)))
    lstm = nn.LSTM(6, 16, batch_first=batch_first)
    return case(
        Net(lambda net, x: net.out(net.lstm(x)[0][:, -1]), lstm=lstm, out=nn.Linear(16, 3)), data
    )


def attention(causal: bool) -> Case:
    rows = torch.randint(0, 30, (64, 12))
    block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    embed = nn.Embedding(30, 16)

    def run(net: Any, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if causal else None
        return net.out(net.block(net.embed(x), src_mask=mask)).transpose(1, 2)

    return case(
        Net(run, embed=embed, block=block, out=nn.Linear(16, 30)),
        TensorDataset(rows[:, :-1], rows[:, 1:]),
    )


def dropping(run: Callable[..., Any]) -> Case:
    return case(Net(run, hidden=nn.Linear(20, 32), out=nn.Linear(32, 3)))


def cut(detach: bool) -> Case:
    def run(net: Any, x: Tensor) -> Tensor:
        h = net.encoder(x).relu()
        return net.out(h.detach() if detach else h)

    return case(Net(run, encoder=nn.Linear(20, 16), out=nn.Linear(16, 3)))


def dead(bias: float) -> Case:
    net = perceptron()
    nn.init.constant_(net[0].bias, bias)
    return case(net)


def linear(*between: nn.Module) -> Case:
    return case(nn.Sequential(nn.Linear(20, 32), *between, nn.Linear(32, 3)))


def head_frozen(frozen: bool) -> Case:
    net = perceptron()
    net[2].requires_grad_(not frozen)
    return case(net)


def frozen_norm(evaluating: bool) -> Case:
    net = nn.Sequential(nn.Linear(20, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    net[1].requires_grad_(False)
    if evaluating:
        net[1].eval()
    return case(net)


def norm_momentum(momentum: float, eps: float = 1e-5) -> Case:
    norm = nn.BatchNorm1d(16, eps, momentum)
    return case(nn.Sequential(nn.Linear(20, 16), norm, nn.ReLU(), nn.Linear(16, 3)))


def result_dropped(kept: bool) -> Case:
    def run(net: Any, x: Tensor) -> Tensor:
        h = net.hidden(x)
        if kept:
            h = net.act(h)
        else:
            net.act(h)
        return net.out(torch.tanh(h))

    return case(Net(run, hidden=nn.Linear(20, 16), act=nn.ReLU(), out=nn.Linear(16, 3)))


def uncalled(used: bool) -> Case:
    def run(net: Any, x: Tensor) -> Tensor:
        h = net.hidden(x).relu()
        return net.out(net.extra(h).relu() if used else h)

    return case(Net(run, hidden=nn.Linear(20, 16), extra=nn.Linear(16, 16), out=nn.Linear(16, 3)))


def shapes(width: int) -> Case:
    return case(nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(width, 3)))


def constant(value: float | None) -> Case:
    net = nn.Sequential(
        nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 3)
    )
    if value is not None:
        nn.init.constant_(net[0].weight, value)
        nn.init.constant_(net[2].weight, value)
        nn.init.constant_(net[4].weight, value)
        for layer in (net[0], net[2]):
            nn.init.zeros_(layer.bias)
    return case(net)


def tanh_scale(scale: float) -> Case:
    net = nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 3))
    with torch.no_grad():
        net[0].weight.mul_(scale)
    return case(net)


def head_scale(scale: float) -> Case:
    net = perceptron()
    with torch.no_grad():
        net[2].weight.mul_(scale)
    return case(net)


def head_swapped(late: bool) -> Case:
    net = perceptron()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    if late:
        net[2] = nn.Linear(32, 3)
    return case(net, optimizer=optimizer)


def copied(late: bool) -> Case:
    net = perceptron()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    return case(copy.deepcopy(net) if late else net, optimizer=optimizer)


def rate(lr: float, **options: Any) -> Case:
    net = perceptron()
    return case(net, optimizer=torch.optim.SGD(net.parameters(), lr=lr, **options))


def owners(twice: bool) -> Case:
    net = perceptron()
    other = net.parameters() if twice else net[2].parameters()
    first = net[0].parameters()
    return case(net, optimizer=[torch.optim.SGD(first, lr=0.1), torch.optim.SGD(other, lr=0.1)])


def half(lr: float) -> Case:
    net = perceptron(hidden=64).bfloat16()
    x, y = vectors().tensors
    return case(
        net, TensorDataset(x.bfloat16(), y), optimizer=torch.optim.SGD(net.parameters(), lr=lr)
    )


def half_eps(eps: float) -> Case:
    net = perceptron().half()
    return {"model": net, "optimizer": torch.optim.Adam(net.parameters(), eps=eps)}


def not_finite(power: float) -> Case:
    def run(net: Any, x: Tensor) -> Tensor:
        return net.out((net.hidden(x).relu() + power).log())

    return case(Net(run, hidden=nn.Linear(20, 16), out=nn.Linear(16, 3)))


def constant_answer(scale: float) -> Case:
    def run(net: Any, x: Tensor) -> Tensor:
        return net.out((net.hidden(x) * 0.1 - scale).relu()) + net.shift

    parts = {
        "hidden": nn.Linear(20, 16),
        "out": nn.Linear(16, 3),
        "shift": nn.Parameter(torch.ones(3)),
    }
    return case(Net(run, **parts))


def lone_last(count: int) -> Case:
    net = nn.Sequential(nn.Linear(20, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    return case(net, DataLoader(vectors(count), 16, shuffle=True))


def embedding_rows(rows: int) -> Case:
    ids = torch.randint(0, 50, (64, 10))
    ids[:, 3] = 49
    data = TensorDataset(ids, torch.randint(0, 3, (64,)))
    return case(
        Net(
            lambda net, x: net.out(net.embed(x).mean(1)),
            embed=nn.Embedding(rows, 8),
            out=nn.Linear(8, 3),
        ),
        data,
    )


def _drop(net: Any, x: Tensor) -> Tensor:
    return net.out(F.dropout(net.hidden(x).relu()))


def _drop_rightly(net: Any, x: Tensor) -> Tensor:
    return net.out(F.dropout(net.hidden(x).relu(), training=net.training))


def _drop_on_the_way(net: Any, x: Tensor) -> Tensor:
    return net.out(nn.Dropout(0.5)(net.hidden(x).relu()))


class Listed(nn.Module):
    """Dropout layers in a plain list, or in one that the network knows."""

    def __init__(self, kind: Callable[[list[nn.Module]], Any]) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(20, 32), nn.Linear(32, 3)
        self.drops = kind([nn.Dropout(0.3), nn.Dropout(0.3)])

    def forward(self, x: Tensor) -> Any:
        return self.out(self.drops[1](self.drops[0](self.hidden(x).relu())))


class Matrices(nn.Module):
    """Two matrices of its own, made by `fill` of their shapes, with something between them."""

    def __init__(self, fill: Callable[..., Tensor], between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.between = between
        self.first, self.second = nn.Parameter(fill(20, 32)), nn.Parameter(fill(32, 3))

    def forward(self, x: Tensor) -> Any:
        return self.between(x @ self.first) @ self.second


def random(*shape: int) -> Tensor:
    return torch.randn(*shape) / 5


# code → (the mistake, its mended twin)
CASES: dict[str, tuple[Callable[[], Case], Callable[[], Case]]] = {
    "M101": (lambda: in_list(list), lambda: in_list(nn.ModuleList)),
    "M102": (
        lambda: plain_tensor(lambda t: t.requires_grad_()),
        lambda: plain_tensor(nn.Parameter),
    ),
    "M102 converted": (
        lambda: plain_tensor(lambda t: (0.5 * nn.Parameter(t)).clone()),
        lambda: plain_tensor(lambda t: nn.Parameter((0.5 * t).clone())),
    ),
    "M103": (
        lambda: repeated([nn.Linear(20, 20), nn.ReLU()] * 2),
        lambda: repeated([nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU()]),
    ),
    "M104": (lambda: mixing(0), lambda: mixing(1)),
    "M104 flatten": (lambda: flattened(0), lambda: flattened(1)),
    "M104 batch_first": (lambda: recurrent(False), lambda: recurrent(True)),
    "M119": (lambda: flattened(0), lambda: flattened(1)),
    "M105": (lambda: attention(False), lambda: attention(True)),
    "M106": (lambda: dropping(_drop), lambda: dropping(_drop_rightly)),
    "M106 made": (lambda: dropping(_drop_on_the_way), lambda: dropping(_drop_rightly)),
    "M106 listed": (lambda: case(Listed(list)), lambda: case(Listed(nn.ModuleList))),
    "M107": (lambda: cut(True), lambda: cut(False)),
    "M108": (lambda: dead(-100.0), lambda: dead(0.0)),
    "M109": (lambda: linear(), lambda: linear(nn.ReLU())),
    "M109 matrices": (
        lambda: case(Matrices(random, lambda t: t)),
        lambda: case(Matrices(random, torch.tanh)),
    ),
    "M110": (lambda: head_frozen(True), lambda: head_frozen(False)),
    "M112": (lambda: frozen_norm(False), lambda: frozen_norm(True)),
    "M113": (lambda: norm_momentum(0.0), lambda: norm_momentum(0.1)),
    "M114": (lambda: result_dropped(False), lambda: result_dropped(True)),
    "M117": (lambda: uncalled(False), lambda: uncalled(True)),
    "M118": (lambda: shapes(17), lambda: shapes(16)),
    "M121": (lambda: norm_momentum(0.99), lambda: norm_momentum(0.01)),
    "M121 eps": (lambda: norm_momentum(0.1, eps=0.8), lambda: norm_momentum(0.1, eps=1e-2)),
    "I101": (lambda: constant(0.1), lambda: constant(None)),
    "I101 matrices": (
        lambda: case(Matrices(lambda *shape: torch.full(shape, 0.05), torch.tanh)),
        lambda: case(Matrices(random, torch.tanh)),
    ),
    "I102": (lambda: tanh_scale(40.0), lambda: tanh_scale(1.0)),
    "I103": (lambda: head_scale(60.0), lambda: head_scale(1.0)),
    "O101": (lambda: head_swapped(True), lambda: head_swapped(False)),
    "O102": (lambda: copied(True), lambda: copied(False)),
    "O103": (lambda: rate(1e4), lambda: rate(0.1)),
    "O104": (lambda: rate(1e-9), lambda: rate(0.01)),
    "O105": (lambda: owners(True), lambda: owners(False)),
    "O106": (lambda: rate(0.1, weight_decay=10.0), lambda: rate(0.1, weight_decay=1e-4)),
    "P101": (lambda: half(1e-5), lambda: half(0.5)),
    "P102": (lambda: half_eps(1e-8), lambda: half_eps(1e-4)),
    "P103": (lambda: not_finite(0.0), lambda: not_finite(1.0)),
    "E105": (lambda: constant_answer(50.0), lambda: constant_answer(0.0)),
    "D114": (lambda: lone_last(97), lambda: lone_last(96)),
    "T105": (lambda: embedding_rows(40), lambda: embedding_rows(50)),
}


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_the_mistake_is_named(name: str, seed: int) -> None:
    """The mistake's own code is among the findings, at the gravest level of its page or below."""
    torch.manual_seed(seed)
    report = check(**CASES[name][0]())
    assert name.split()[0] in report.codes, (report.findings, report.skipped)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_the_mended_twin_is_silent(name: str, seed: int) -> None:
    """Once mended, no error and no warning is left, and nothing was skipped."""
    torch.manual_seed(seed)
    report = check(**CASES[name][1]())
    assert not [str(f) for f in report if f.level != "info"]
    assert not report.skipped
