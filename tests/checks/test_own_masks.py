"""M106: a dropout that a network writes itself, and random masks that are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.check import check

RATE = 0.4


class Net(nn.Module):
    """One hidden layer, whose features go through a function."""

    def __init__(self, between: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, 32), nn.Linear(32, 3)
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        """Scores of three classes."""
        return self.last(self.between(self, self.first(x).relu()))  # type: ignore[no-any-return]


def compared(net: nn.Module, h: Tensor) -> Tensor:
    """A mask of 0 and 1, and the product is scaled."""
    mask = (torch.rand_like(h) > RATE).float()
    return mask * h / (1 - RATE)


def tossed(net: nn.Module, h: Tensor) -> Tensor:
    """One number for each sample, scaled before it is used: a dropped path."""
    mask = h.new_empty(len(h), 1).bernoulli_(1 - RATE).div_(1 - RATE)
    return h * mask


def floored(net: nn.Module, h: Tensor) -> Tensor:
    """The features are scaled and the mask is not."""
    mask = (1 - RATE + torch.rand(len(h), 1)).floor_()
    return h.div(1 - RATE) * mask


def beneath(net: nn.Module, h: Tensor) -> Tensor:
    """The function below that of `torch.nn.functional`."""
    return torch.dropout(h, RATE, True)


def _codes(between: Callable[[nn.Module, Tensor], Tensor]) -> list[tuple[str, str]]:
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (96,))
    rows = torch.randn(96, 12) + 2 * F.one_hot(labels, 12)
    net = Net(between)
    data: Any = DataLoader(TensorDataset(rows, labels), 24)
    report = check(
        net, data, loss=nn.CrossEntropyLoss(), optimizer=torch.optim.Adam(net.parameters())
    )
    return [(f.code, f.level) for f in report if f.code == "M106"]


@pytest.mark.parametrize("between", [compared, tossed, floored, beneath])
def test_an_own_dropout_asks_for_the_mode(between: Callable[[nn.Module, Tensor], Tensor]) -> None:
    """An error where it drops at evaluation too, and silence where it does so in training alone."""

    def in_training(net: nn.Module, h: Tensor) -> Tensor:
        return between(net, h) if net.training else h

    assert _codes(between) == [("M106", "error")]
    assert _codes(in_training) == []


def noisy(net: nn.Module, h: Tensor) -> Tensor:
    """Noise that is added, as a sample of a latent has it."""
    return h + 0.1 * torch.randn_like(h)


def hidden(net: nn.Module, h: Tensor) -> Tensor:
    """A part is hidden for a task, and nothing makes up for it."""
    return h * (torch.rand(len(h), 1) > RATE)


def embedded(net: nn.Module, h: Tensor) -> Tensor:
    """The same, times the root of the width, as embeddings are made larger."""
    return h * (torch.rand(len(h), h.shape[1]) > RATE).float() * h.shape[1] ** 0.5


def gated(net: nn.Module, h: Tensor) -> Tensor:
    """A mask that follows from the features."""
    return h * (h > h.mean()).float() / 0.5


@pytest.mark.parametrize("between", [noisy, hidden, embedded, gated])
def test_other_masks_and_noise_are_no_dropout(
    between: Callable[[nn.Module, Tensor], Tensor],
) -> None:
    """What is random for another reason stays as it was told before: not at all."""
    assert _codes(between) == []
