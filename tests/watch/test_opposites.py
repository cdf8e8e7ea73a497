"""Errors that are maximised, quantiles that are their counterparts, deviations for variances: L117, L118."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Laplace
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import Watch, watch

Loss = Callable[[Tensor, Tensor], Any]
LEVELS = torch.tensor([0.2, 0.5, 0.8])


def _train(loss: Loss, width: int = 1, *, maximize: bool = False) -> list[tuple[str, str, str]]:
    torch.manual_seed(0)
    x = torch.rand(400, 4)
    y = x.sum(1, keepdim=True) - 2 + 0.3 * torch.randn(400, 1)
    model = nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, width))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, maximize=maximize)
    with watch() as watching:
        for a, b in DataLoader(TensorDataset(x, y), batch_size=25):
            optimizer.zero_grad()
            loss(model(a), b).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level, f.message) for f in watching.findings]


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, y: F.huber_loss(out, y),
        lambda out, y: (out - y).pow(2).mean() + 1e-3 * out.square().mean(),
        lambda out, y: -Laplace(out, 0.5).log_prob(y).mean(),
    ],
)
def test_an_error_is_made_small(loss: Loss) -> None:
    """L118: with the other sign each step makes the answers worse, unless the step goes upwards."""
    assert _train(loss) == []
    ((code, level, message),) = _train(lambda out, y: -loss(out, y))
    assert (code, level) == ("L118", "error")
    assert "the loss falls as it grows" in message
    assert _train(lambda out, y: -loss(out, y), maximize=True) == []


def right(out: Tensor, y: Tensor) -> Tensor:
    """The quantile loss of the books."""
    error = y - out
    return torch.maximum(LEVELS * error, (LEVELS - 1) * error).mean()


def right_too(out: Tensor, y: Tensor) -> Tensor:
    """The same, for a difference the other way round."""
    error = out - y
    return ((1 - LEVELS) * error.clamp(min=0) + LEVELS * (-error).clamp(min=0)).mean()


def wrong(out: Tensor, y: Tensor) -> Tensor:
    """The difference was turned round and the factors were not."""
    error = out - y
    return torch.where(error > 0, LEVELS * error, (LEVELS - 1) * error).mean()


def wrong_too(out: Tensor, y: Tensor) -> Tensor:
    """The factors were exchanged."""
    error = y - out
    return (F.relu(error) * (1 - LEVELS) + F.relu(-error) * LEVELS).mean()


@pytest.mark.parametrize("loss", [wrong, wrong_too])
def test_a_quantile_is_not_its_counterpart(loss: Loss) -> None:
    """L118: the slopes tell to which quantile the loss leads, the factors what is meant."""
    ((code, level, message),) = _train(loss, 3)
    assert (code, level) == ("L118", "error")
    assert (
        "is written for the level 0.2, and by its slopes it leads to the quantile of 0.8" in message
    )


@pytest.mark.parametrize("loss", [right, right_too])
def test_quantiles_of_the_books_are_fine(loss: Loss) -> None:
    """In both ways of writing the difference."""
    assert _train(loss, 3) == []


def test_one_number_may_be_the_price_of_too_much() -> None:
    """L118 as a warning: a lone factor may be meant so."""
    price = 0.7

    def loss(out: Tensor, y: Tensor) -> Tensor:
        over = out - y
        return torch.maximum(price * over, (price - 1) * over).mean()

    ((code, level, _),) = _train(loss)
    assert (code, level) == ("L118", "warning")


HEAD = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(600, 2)
y = x[:, :1] + (0.1 + x[:, 1:]) * torch.randn(600, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.ends = nn.Linear(2, 16), nn.Linear(16, 2)

    def forward(self, x):
        h = self.ends(self.body(x).tanh())
        return h[:, :1], h[:, 1:].exp()


net = Net()
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
for i in torch.arange(600).split(30):
    mean, spread = net(x[i])
    optimizer.zero_grad()
    nn.functional.gaussian_nll_loss(mean, y[i], spread).backward()
    optimizer.step()
with torch.no_grad():
    mean, spread = net(x)
"""


@pytest.mark.parametrize(
    ("use", "how"),
    [
        ("    inside = (y - mean).abs() < 2 * spread\n    top = mean + 2 * spread\n", "a multiple"),
        ("    far = ((y - mean) / spread).abs()\n", "the distance from the mean"),
    ],
)
def test_a_variance_is_no_deviation(run: Callable[[str], Watch], use: str, how: str) -> None:
    """L117: the loss and the evaluation mean two things by one answer."""
    (finding,) = run(use).findings
    assert (finding.code, finding.level) == ("L117", "error")
    assert how in finding.message
    assert "for the standard deviation" in finding.message


@pytest.mark.parametrize(
    "use",
    [
        "    top = mean + 2 * spread.sqrt()\n",
        "    far = (y - mean).square() / spread\n",
        "    print(spread.mean())\n",
    ],
)
def test_a_variance_may_be_used_as_one(run: Callable[[str], Watch], use: str) -> None:
    """Its root, or a square divided by it."""
    assert run(use).findings == []
