"""Scores that are minimised, and terms of very different size: L118, L119, M121."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import watch

Loss = Callable[[Tensor, Tensor], Any]


def dice(out: Tensor, y: Tensor) -> Tensor:
    """The overlap of probabilities and a mask."""
    p = torch.sigmoid(out)
    return ((2 * (p * y).sum(1) + 1) / (p.sum(1) + y.sum(1) + 1)).mean()


def jaccard(out: Tensor, y: Tensor) -> Tensor:
    """The same of the whole batch, through the union."""
    p = torch.sigmoid(out).view(-1)
    both = torch.sum(p * y.view(-1))
    return both / (p.sum() + y.sum() - both)


def cosine(out: Tensor, y: Tensor) -> Tensor:
    """Of the answer and its target."""
    return F.cosine_similarity(out, y, dim=1).mean()


def picked(out: Tensor, y: Tensor) -> Tensor:
    """The log-probability of the right class."""
    return F.log_softmax(out, 1).gather(1, y[:, None]).mean()


def picked_by_index(out: Tensor, y: Tensor) -> Tensor:
    """The same."""
    return torch.log_softmax(out, dim=1)[torch.arange(len(y)), y].mean()


def divergence(out: Tensor, y: Tensor) -> Tensor:
    """How far a wanted distribution is from the answer, with the arguments of the difference turned."""
    return (y * (F.log_softmax(out, 1) - y.log())).sum(1).mean()


def wanted(out: Tensor, y: Tensor) -> Tensor:
    """The mean logarithm under a wanted distribution."""
    return (out.softmax(dim=1).log() * y).sum() / len(y)


def two_sided(out: Tensor, y: Tensor) -> Tensor:
    """The log-likelihood of each class against all others."""
    p = torch.sigmoid(out)
    return (y * (p + 1e-7).log() + (1 - y) * (1 - p + 1e-7).log()).mean()


def two_sided_of_scores(out: Tensor, y: Tensor) -> Tensor:
    """The same, the other side first."""
    return ((1 - y) * F.logsigmoid(-out) + y * F.logsigmoid(out)).mean()


def outside(out: Tensor, y: Tensor) -> Tensor:
    """The overlap with what is no object shall become small."""
    p = torch.sigmoid(out)
    return ((p * (1 - y)).sum(1) / p.sum(1)).mean()


def masked(out: Tensor, y: Tensor) -> Tensor:
    """A mean over the values of a mask."""
    return (out.square() * y).sum() / y.sum()


def _found(loss: Loss, target: Tensor, *, maximize: bool = False) -> list[tuple[str, str]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, maximize=maximize)
    loader = DataLoader(TensorDataset(torch.randn(len(target), 6), target), batch_size=16)
    with watch() as watching:
        for x, y in loader:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level) for f in watching.findings]


MASKS = (torch.arange(800).view(160, 5) % 3 > 0).float()
CHANCES = torch.sin(torch.arange(800.0)).view(160, 5).softmax(1)
CASES = [
    (dice, MASKS),
    (jaccard, MASKS),
    (cosine, torch.sin(torch.arange(800.0)).view(160, 5)),
    (two_sided, MASKS),
    (two_sided_of_scores, MASKS),
    (picked, torch.arange(160) % 5),
    (picked_by_index, torch.arange(160) % 5),
    (divergence, CHANCES),
    (wanted, CHANCES),
]


@pytest.mark.parametrize(("score", "target"), CASES)
def test_scores_are_not_minimised(score: Loss, target: Tensor) -> None:
    """L118: the score itself is told; its complement, its negative and maximising are not."""
    assert _found(score, target) == [("L118", "error")]
    assert _found(lambda out, y: 1 - score(out, y), target) == []
    assert _found(lambda out, y: out.square().mean() - score(out, y), target) == []
    assert _found(score, target, maximize=True) == []


@pytest.mark.parametrize("loss", [outside, masked])
def test_what_shall_become_small_is_no_score(loss: Loss) -> None:
    """L118: an overlap with the background, and a mean over a mask."""
    assert _found(loss, MASKS) == []


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, y: (y * (y.log() - F.log_softmax(out, 1))).sum(1).mean(),
        lambda out, y: F.kl_div(F.log_softmax(out, 1), y, reduction="batchmean"),
        lambda out, y: (out.softmax(1) * F.log_softmax(out, 1)).sum(1).mean(),
    ],
)
def test_divergences_and_entropies_are_no_scores(loss: Loss) -> None:
    """L118: a divergence the right way round, and the logarithms of what is learned itself."""
    assert _found(loss, CHANCES) == []


def _elbo(error: Callable[[Tensor, Tensor], Tensor], kl: Callable[[Tensor], Tensor]) -> list[str]:
    torch.manual_seed(0)
    encoder, decoder = nn.Linear(40, 8), nn.Linear(4, 40)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    data = torch.rand(160, 40)
    with watch() as watching:
        for x in data.split(16):
            mu, logvar = encoder(x).chunk(2, dim=1)
            z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
            each = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp())
            optimizer.zero_grad()
            (error(torch.sigmoid(decoder(z)), x) + kl(each)).backward()
            optimizer.step()
    assert watching.faults == []
    return [f.code for f in watching.findings]


@pytest.mark.parametrize(
    ("error", "kl", "expected"),
    [
        (F.mse_loss, lambda each: each.sum(1).mean(), ["L119"]),
        (F.binary_cross_entropy, lambda each: each.sum() / len(each), ["L119"]),
        (lambda out, x: ((out - x) ** 2).mean(), lambda each: each.sum(), ["L119"]),
        (F.mse_loss, lambda each: each.mean(), []),
        (F.mse_loss, lambda each: 0.01 * each.sum(1).mean(), []),
        (lambda out, x: 40 * F.mse_loss(out, x), lambda each: each.sum(1).mean(), []),
        (lambda out, x: (out - x).square().sum(1).mean(), lambda each: each.sum(1).mean(), []),
        (
            lambda out, x: F.mse_loss(out, x, reduction="sum"),
            lambda each: each.sum(),
            [],
        ),
    ],
)
def test_both_terms_of_a_bound_are_summed(error: Any, kl: Any, expected: list[str]) -> None:
    """L119: an error that is averaged over the values, beside a divergence that is not."""
    assert _elbo(error, kl) == expected


@pytest.mark.parametrize(
    ("momentum", "rows", "expected"), [(0.99, 16, ["M121"]), (0.1, 16, []), (0.99, 480, [])]
)
def test_statistics_that_are_those_of_the_last_batch(
    momentum: float, rows: int, expected: list[str]
) -> None:
    """M121: they jump from batch to batch; where all rows are one batch they do not."""
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(32, eps=1e-3, momentum=momentum)
    model = nn.Sequential(nn.Linear(6, 32), norm, nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    data = torch.randn(480, 6)
    with watch() as watching:
        for _ in range(12 if rows == 480 else 1):
            for x in data.split(rows):
                optimizer.zero_grad()
                F.mse_loss(model(x), x[:, :1] * x[:, 1:2]).backward()
                optimizer.step()
    assert watching.faults == []
    assert [f.code for f in watching.findings] == expected


def test_number_after_the_size_is_no_momentum() -> None:
    """M121: it is eps."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32, 0.8), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for x in torch.randn(96, 6).split(16):
            optimizer.zero_grad()
            F.mse_loss(model(x), x[:, :1] * x[:, 1:2]).backward()
            optimizer.step()
    assert [(f.code, f.where) for f in watching.findings] == [("M121", "1")]


def squares(model: nn.Module) -> Tensor:
    """The sum of all squares."""
    return sum((p**2).sum() for p in model.parameters())  # type: ignore[return-value]


def lengths(model: nn.Module) -> Tensor:
    """The lengths of the matrices."""
    return torch.stack([p.norm() for p in model.parameters() if p.dim() > 1]).mean()


@pytest.mark.parametrize("size", [squares, lengths])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_penalty_that_is_subtracted(size: Callable[[nn.Module], Tensor], sign: int) -> None:
    """L111: without it the weights are small, with it they grow."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for x in torch.randn(96, 6).split(16):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), x.argmax(1).clamp(max=4))
            (loss + sign * 1e-3 * size(model)).backward()
            optimizer.step()
    assert watching.faults == []
    assert [(f.code, f.level) for f in watching.findings] == (
        [("L111", "error")] if sign < 0 else []
    )


class Scaled(nn.Module):
    """A layer whose weights are divided by their length, as a cosine head or a weight norm has it."""

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(made, given))

    def forward(self, x: Tensor) -> Tensor:
        """Answers to `(N, given)`."""
        return F.linear(x, 2.0 * self.weight / self.weight.norm())


def test_lengths_within_the_layers_are_no_penalties() -> None:
    """The loss falls as the answers grow, so it falls or rises with all these lengths together."""
    for wanted in (9.0, 0.0):
        torch.manual_seed(0)
        model = nn.Sequential(Scaled(6, 16), nn.ReLU(), Scaled(16, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        with watch() as watching:
            for x in torch.randn(96, 6).split(16):
                optimizer.zero_grad()
                F.mse_loss(model(x), wanted * x[:, :1].sign()).backward()
                optimizer.step()
        assert watching.faults == []
        assert [f for f in watching.findings if f.code == "L111"] == []


def test_lengths_that_are_held_near_a_number_may_grow() -> None:
    """Below it, the loss falls as they grow."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for x in torch.randn(96, 6).split(16):
            optimizer.zero_grad()
            held = sum((p.norm() - 20) ** 2 for p in model.parameters() if p.dim() > 1)
            (F.cross_entropy(model(x), x.argmax(1).clamp(max=4)) + 1e-4 * held).backward()
            optimizer.step()
    assert [f for f in watching.findings if f.code == "L111"] == []
