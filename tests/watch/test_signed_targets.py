"""L112: likelihoods and squares that a program writes itself, of targets that do not fit them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import watch

Loss = Callable[[Tensor, Tensor], Tensor]


def _found(loss_of: Loss, target: Tensor) -> list[tuple[str, str]]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2)
    with watch() as watching:
        for _ in range(8):
            order = torch.randperm(len(target))
            loss = loss_of(net(torch.randn(len(target), 4)).squeeze(1), target[order])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level) for f in watching.findings if f.code == "L112"]


def written_out(answer: Tensor, y: Tensor) -> Tensor:
    """The formula of the textbook."""
    p = torch.sigmoid(answer)
    return -(y * torch.log(p + 1e-7) + (1 - y) * torch.log(1 - p + 1e-7)).mean()


def of_scores(answer: Tensor, y: Tensor) -> Tensor:
    """The same by the logarithm of the sigmoid, as two terms."""
    return (-y * F.logsigmoid(answer)).sum() / len(y) - ((1 - y) * F.logsigmoid(-answer)).mean()


SIGNS = torch.tensor([-1.0, 1.0] * 40)


@pytest.mark.parametrize("loss", [written_out, of_scores])
def test_signs_in_an_own_likelihood(loss: Loss) -> None:
    """With −1 it has no lower bound; 0 and 1 are what it wants."""
    assert _found(loss, SIGNS) == [("L112", "error")]
    assert _found(loss, (SIGNS + 1) / 2) == []


def test_signs_where_they_belong() -> None:
    """The logistic loss and the margin are made for −1 and +1."""
    assert _found(lambda a, y: F.softplus(-y * a).mean(), SIGNS) == []
    assert _found(lambda a, y: -F.logsigmoid(y * a).mean(), SIGNS) == []
    assert _found(lambda a, y: F.relu(1 - y * a).mean(), SIGNS) == []


CLASSES = torch.arange(80) % 4


@pytest.mark.parametrize(
    "loss",
    [
        lambda a, y: ((a - y.float()) ** 2).mean(),
        lambda a, y: (y - a).square().mean(),
        lambda a, y: (a - y).abs().sum() / len(y),
    ],
)
def test_own_squares_of_class_numbers(loss: Loss) -> None:
    """The number of a class is no amount, whoever squares the difference."""
    assert _found(loss, CLASSES) == [("L112", "warning")]


def test_own_squares_of_amounts() -> None:
    """Amounts, and the numbers of places one after the other."""
    assert _found(lambda a, y: ((a - y) ** 2).mean(), torch.randn(80)) == []
    assert _found(lambda a, y: ((a - torch.arange(80)) ** 2).mean() * 1e-4, CLASSES) == []
