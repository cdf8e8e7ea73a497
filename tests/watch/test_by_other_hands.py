"""L102, L103, L105, L106, L107 and O101 in losses and loops without a helper of torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import watch

Net = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


def _codes(net: nn.Module, loss: Loss, target: Callable[[Tensor], Tensor]) -> set[str]:
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    with watch() as watching:
        for _ in range(12):
            x = torch.randn(40, 10)
            optimizer.zero_grad()
            loss(net(x), target(x)).backward()
            optimizer.step()
    assert watching.faults == []
    return {f.code for f in watching.findings if f.code[0] == "L"}


def _network(end: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 6), end)


def written_out(out: Tensor, y: Tensor) -> Tensor:
    """A cross entropy with its own normaliser."""
    return (out.logsumexp(1) - out[torch.arange(len(y)), y]).mean()


class OwnSigmoid(nn.Module):
    """1 / (1 + e^-x)."""

    def forward(self, x: Tensor) -> Tensor:
        return 1 / (1 + torch.exp(-x))


class OtherSigmoid(nn.Module):
    """e^x / (1 + e^x)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(x) / (1 + torch.exp(x))


class SharedExponential(nn.Module):
    """The same with one exponential."""

    def forward(self, x: Tensor) -> Tensor:
        e = torch.exp(x)
        return e / (1 + e)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (nn.Sigmoid(), {"L102"}),
        (OwnSigmoid(), {"L102"}),
        (nn.ReLU(), {"L103"}),
        (nn.Identity(), set()),
        (nn.Tanh(), set()),
    ],
)
def test_what_a_normaliser_of_ones_own_is_given(end: nn.Module, expected: set[str]) -> None:
    """L102 and L103: logsumexp and the score of the class, without a function for the loss."""
    assert _codes(_network(end), written_out, lambda x: x[:, :6].argmax(1)) == expected


@pytest.mark.parametrize("end", [nn.Sigmoid(), OwnSigmoid(), OtherSigmoid(), SharedExponential()])
def test_a_sigmoid_that_is_written_out_is_one(end: nn.Module) -> None:
    """L106: before the sigmoid of the loss."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        p = torch.sigmoid(out)
        return -(y * p.clamp(1e-6).log() + 0.5 * (1 - y) * (1 - p).clamp(1e-6).log()).mean()

    assert _codes(_network(end), loss, lambda x: (x[:, :6] > 0).float()) == {"L106"}
    assert _codes(_network(nn.Identity()), loss, lambda x: (x[:, :6] > 0).float()) == set()


def smooth_maximum(out: Tensor, y: Tensor) -> Tensor:
    """Of margins that are cut off at 0."""
    distances = torch.cdist(out, out.detach().roll(1, 0))
    return torch.relu(1 - distances).logsumexp(1).mean()


def test_a_smooth_maximum_of_margins_is_no_cross_entropy() -> None:
    """L103 is silent for sums of exponentials of what no layer has made."""
    assert _codes(_network(nn.Identity()), smooth_maximum, lambda x: x[:, 0]) == set()


class Tagger(nn.Module):
    """A tag for each of eight places."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.layer = nn.Linear(1, 24)
        self.head = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.layer(x[:, :8, None]))
        return F.log_softmax(self.head(h), dim=self.dim)


@pytest.mark.parametrize(("dim", "expected"), [(1, {"L105"}), (0, {"L105"}), (-1, set())])
def test_a_log_softmax_over_time_is_told_behind_a_view(dim: int, expected: set[str]) -> None:
    """L105: it is no softmax that was forgotten."""
    loss = _codes(
        Tagger(dim),
        lambda out, y: F.nll_loss(out.view(-1, 3), y.view(-1)),
        lambda x: (x[:, :8] > 0).long() + (x[:, :8] > 1).long(),
    )
    assert loss == expected


def _by_hand(*, squeeze: bool) -> set[str]:
    torch.manual_seed(0)
    w1, b1 = nn.Parameter(torch.randn(6, 16) * 0.4), nn.Parameter(torch.zeros(16))
    w2, b2 = nn.Parameter(torch.randn(16, 1) * 0.3), nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([w1, b1, w2, b2], lr=0.02)
    with watch() as watching:
        for _ in range(8):
            x = torch.randn(40, 6)
            y = x @ torch.ones(6)
            out = torch.relu(x @ w1 + b1) @ w2 + b2
            out = out[:, 0] if squeeze else out
            optimizer.zero_grad()
            ((y - out) ** 2).mean().backward()
            optimizer.step()
    assert watching.faults == []
    return {f.code for f in watching.findings if f.code == "L107"}


def test_weights_without_a_module_broadcast_as_well() -> None:
    """L107: a layer that is written out gives an answer, its bias included."""
    assert _by_hand(squeeze=False) == {"L107"}
    assert _by_hand(squeeze=True) == set()


class Encoder(nn.Module):
    """Words to a state."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 24)
        self.rnn = nn.GRU(24, 24, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.rnn(self.words(x))[1][0]
        return h


@pytest.mark.parametrize("case", ["left out", "given", "loaded"])
def test_an_encoder_that_nobody_holds_is_told_whatever_its_layers_draw(case: str) -> None:
    """O101: random embeddings and recurrent weights; weights that were loaded may stay."""
    torch.manual_seed(0)
    with watch() as watching:
        encoder, head = Encoder(), nn.Linear(24, 10)
        if case == "loaded":
            encoder.load_state_dict({k: v * 1.5 for k, v in encoder.state_dict().items()})
        held = [*encoder.parameters(), *head.parameters()] if case == "given" else head.parameters()
        optimizer = torch.optim.Adam(held, lr=5e-3)
        for _ in range(30):
            x = torch.randint(0, 10, (32, 5))
            optimizer.zero_grad()
            F.cross_entropy(head(encoder(x)), x[:, 0]).backward()
            optimizer.step()
    assert watching.faults == []
    codes = {f.code for f in watching.findings if f.code[0] == "O"}
    assert codes == ({"O101"} if case == "left out" else set())
