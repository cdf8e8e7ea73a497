"""Weights of single samples and rows of targets: L107, L115."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import watch

Loss = Callable[..., Any]


def _train(loss: Loss, *data: Tensor, width: int = 1) -> list[tuple[str, str, str]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, width))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with watch() as watching:
        for x, *rest in DataLoader(TensorDataset(*data), batch_size=25, shuffle=True):
            optimizer.zero_grad()
            loss(model(x), *rest).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level, f.message) for f in watching.findings if f.code[0] == "L"]


def _numbers() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    x = torch.randn(500, 5)
    return x, x[:, :1] * 2 - x[:, 1:2], torch.rand(500, 1) + 0.5


def test_a_column_of_weights_does_not_meet_a_row_of_losses() -> None:
    """L107: each loss is multiplied with every weight of the batch."""
    x, y, weight = _numbers()
    kind = (y > 0).long().squeeze(1)

    def loss(out: Tensor, kind: Tensor, weight: Tensor) -> Tensor:
        return (weight * F.cross_entropy(out, kind, reduction="none")).mean()

    ((code, level, message),) = _train(loss, x, kind, weight, width=2)
    assert (code, level) == ("L107", "error")
    assert "(25, 1) meets (25,) and becomes (25, 25)" in message
    assert _train(loss, x, kind, weight[:, 0], width=2) == []


def test_a_column_does_not_meet_a_row() -> None:
    """L107: with as many dimensions on both sides."""
    x, y, _ = _numbers()
    rows = y.reshape(20, 25).repeat_interleave(1, 0)

    def loss(out: Tensor, target: Tensor) -> Tensor:
        return torch.log(torch.cosh(out - target[:1])).mean()

    ((code, level, message),) = _train(loss, x, rows.repeat_interleave(25, 0))
    assert (code, level) == ("L107", "error")
    assert "(25, 1) meets (1, 25)" in message


def test_a_fixed_row_of_centres_meets_every_sample() -> None:
    """As many centres as samples, by chance: what stays the same is the network's own."""
    x, y, _ = _numbers()
    centres = torch.rand(1, 25)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return (torch.exp(-((out - centres) ** 2)).mean(1, keepdim=True) - y).square().mean()

    assert _train(loss, x, y) == []


def test_every_loss_of_values_is_looked_at() -> None:
    """L107: gaussian_nll_loss says nothing of a target of another shape."""
    x, y, _ = _numbers()

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return F.gaussian_nll_loss(out, y[:, 0], torch.ones_like(out))

    (found,) = _train(loss, x, y)
    assert found[:2] == ("L107", "error")
    assert "(25, 1) against target (25,)" in found[2]


def _rare() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(2)
    x = torch.randn(600, 5)
    kind = (x[:, 0] > 0.9).long()
    return x, kind, torch.bincount(kind) / len(kind)


@pytest.mark.parametrize("given", [True, False])
def test_rare_samples_do_not_weigh_least(given: bool) -> None:
    """L115: the weights of the samples are looked up by their class, and are its frequency."""
    x, kind, share = _rare()

    def loss(weights: Tensor) -> Loss:
        def by_class(out: Tensor, kind: Tensor) -> Tensor:
            weight, target = weights[kind], kind.float()
            if given:
                return F.binary_cross_entropy_with_logits(out[:, 0], target, weight)
            each = F.binary_cross_entropy_with_logits(out[:, 0], target, reduction="none")
            return (each * weight).sum() / weight.sum()

        return by_class

    ((code, level, message),) = _train(loss(share), x, kind)
    assert (code, level) == ("L115", "error")
    assert "the weights are the frequencies themselves" in message
    assert _train(loss(1 / share), x, kind) == []


def test_other_weights_of_samples_are_not_judged() -> None:
    """A side that counts more for its cost, and weights that differ within a class."""
    x, kind, _ = _rare()

    def costs(out: Tensor, kind: Tensor) -> Tensor:
        each = F.binary_cross_entropy_with_logits(out[:, 0], kind.float(), reduction="none")
        return (each * torch.where(kind == 1, 0.25, 0.5)).mean()

    def trust(out: Tensor, kind: Tensor) -> Tensor:
        each = F.binary_cross_entropy_with_logits(out[:, 0], kind.float(), reduction="none")
        return (each * torch.linspace(0.5, 1.0, len(kind))).mean()

    assert _train(costs, x, kind) == []
    assert _train(trust, x, kind) == []


@pytest.mark.parametrize("pasted", [True, False])
def test_two_losses_have_the_shares_of_the_inputs(pasted: bool) -> None:
    """Y114: one loss for the own labels and one for those of the partners, with exchanged weights."""
    x, kind, _ = _rare()
    x = x[:, :, None].expand(-1, -1, 4).contiguous()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(20, 2))

    def found(exchanged: bool) -> list[str]:
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
        with watch() as watching:
            for a, b in DataLoader(TensorDataset(x, kind), batch_size=25):
                partner = torch.randperm(len(a))
                if pasted:
                    mixed, own = a.clone(), 0.75
                    mixed[:, :, 1:2] = a[partner][:, :, 1:2]
                else:
                    own = float(torch.rand(1)) * 0.3
                    mixed = own * a + (1 - own) * a[partner]
                out = model(mixed)
                one, other = F.cross_entropy(out, b), F.cross_entropy(out, b[partner])
                share = 1 - own if exchanged else own
                optimizer.zero_grad()
                (share * one + (1 - share) * other).backward()
                optimizer.step()
        assert watching.faults == []
        assert all("the two shares are exchanged" in f.message for f in watching.findings)
        return [f.code for f in watching.findings]

    assert found(exchanged=True) == ["Y114"]
    assert found(exchanged=False) == []
