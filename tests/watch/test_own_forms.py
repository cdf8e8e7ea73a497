"""Margins, overlaps, likelihoods and sampled codes that a program writes itself: L104, L112, L116, L117."""

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


def hinge(out: Tensor, y: Tensor) -> Any:
    """For −1 and +1."""
    return (1 - y * out[:, 0]).clamp(min=0).mean()


def squared_hinge(out: Tensor, y: Tensor) -> Any:
    """The same, squared."""
    return F.relu(1 - out[:, 0] * y).pow(2).mean()


def logistic(out: Tensor, y: Tensor) -> Any:
    """For −1 and +1."""
    whole = F.softplus(-y * out[:, 0]).mean()
    return whole + 0.5 * torch.log1p(torch.exp(-(y * out[:, 0]))).mean()


def soft_margin(out: Tensor, y: Tensor) -> Any:
    """That of PyTorch."""
    return F.soft_margin_loss(out[:, 0], y)


def cosine(out: Tensor, y: Tensor) -> Any:
    """That of PyTorch."""
    return F.cosine_embedding_loss(out, out.roll(1, 1), y)


def ranking(out: Tensor, y: Tensor) -> Any:
    """That of PyTorch, whose target says which is larger."""
    return F.margin_ranking_loss(out[:, 0], out[:, 1], target=y, margin=0.1)


def masked(out: Tensor, y: Tensor) -> Any:
    """0 and 1 as a mask of a mean."""
    return (out[:, 0].square() * y).sum() / y.sum().clamp(min=1)


SAID = {
    "L104": "nothing holds the other scores down",
    "L112": "are 0 and 1: a sample with 0 gives the same loss",
    "L116": "sums of these are no areas",
}


def _found(loss: Loss, target: Tensor, *, head: nn.Module | None = None) -> list[tuple[str, str]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3), head or nn.Identity())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = DataLoader(TensorDataset(torch.randn(len(target), 4), target), batch_size=16)
    with watch() as watching:
        for x, y in loader:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    assert watching.faults == []
    assert all(SAID.get(f.code, "") in f.message for f in watching.findings)
    return [(f.code, f.level) for f in watching.findings]


@pytest.mark.parametrize("loss", [hinge, squared_hinge, logistic, soft_margin, cosine, ranking])
def test_margins_want_both_signs(loss: Loss) -> None:
    """L112: a sample with 0 has no gradient; with −1 there is nothing to tell."""
    signs = (torch.arange(160) % 3 > 0).float()
    if loss is not logistic:
        assert _found(loss, signs) == [("L112", "error")]
    assert _found(loss, 2 * signs - 1) == []
    assert _found(masked, signs) == []


def test_logistic_loss_of_zero_and_one_is_told() -> None:
    """L112: the product first, and then its sign, exponential and logarithm."""

    def loss(out: Tensor, y: Tensor) -> Any:
        return torch.log1p(torch.exp(-(y * out[:, 0]))).mean()

    assert _found(loss, (torch.arange(160) % 3 > 0).float()) == [("L112", "error")]


def test_zero_and_one_of_another_origin_are_a_warning() -> None:
    """L112: what no loader gave as a target may be a mask."""

    def loss(out: Tensor, y: Tensor) -> Any:
        return F.relu(1 - out[:, 0] * (y > 1).float()).mean()

    found = _found(loss, torch.arange(160) % 3)
    assert [f for f in found if f[0] == "L112"] == [("L112", "warning")]


def dice(values: Tensor, mask: Tensor) -> Any:
    """With the sums of both below."""
    return 1 - (2 * (values * mask).sum() + 1) / (values.sum() + mask.sum() + 1)


def dice_by_einsum(values: Tensor, mask: Tensor) -> Any:
    """The areas first, for each sample."""
    areas = values.sum(1) + mask.sum(1)
    return (1 - 2 * torch.einsum("nc,nc->n", values, mask) / (areas + 1e-6)).mean()


def jaccard(values: Tensor, mask: Tensor) -> Any:
    """With the union below."""
    both = torch.sum(values * mask)
    return 1 - (both + 1) / (values.sum() + mask.sum() - both + 1)


def tversky(values: Tensor, mask: Tensor) -> Any:
    """With what is missed and what is too much below."""
    hit, over, missed = values * mask, values * (1 - mask), (1 - values) * mask
    return 1 - hit.sum() / (hit.sum() + 0.3 * over.sum() + 0.7 * missed.sum() + 1e-6)


@pytest.mark.parametrize("loss", [dice, dice_by_einsum, jaccard, tversky])
def test_overlaps_want_probabilities(loss: Loss) -> None:
    """L116: raw scores in the place of probabilities."""
    torch.manual_seed(0)
    masks = (torch.rand(96, 3) > 0.5).float()
    assert ("L116", "error") in _found(lambda out, y: loss(out * 4, y), masks)
    assert [f for f in _found(loss, masks, head=nn.Sigmoid()) if f[0] == "L116"] == []


def average_of_scores(out: Tensor, y: Tensor) -> Any:
    """A mean with weights is no overlap."""
    return (out * y).sum() / y.sum() + (out.square() * y).sum() / (out.square().sum() + 1)


def test_weighted_means_stay_silent() -> None:
    """Sums of products are divided by sums of their weights everywhere."""
    torch.manual_seed(0)
    masks = (torch.rand(96, 3) > 0.5).float()
    assert [f for f in _found(average_of_scores, masks) if f[0] == "L116"] == []


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (lambda out, y: -out.gather(1, y.unsqueeze(1)).mean(), [("L104", "error")]),
        (lambda out, y: -out[torch.arange(len(y)), y].sum() / len(y), [("L104", "error")]),
        (lambda out, y: -out.log_softmax(1)[torch.arange(len(y)), y].mean(), []),
        (lambda out, y: -(out - out.logsumexp(1, True)).gather(1, y[:, None]).mean(), []),
        (lambda out, y: (out.logsumexp(1) - out[torch.arange(len(y)), y]).mean(), []),
        (lambda out, y: (out[torch.arange(len(y)), y] - 1).square().mean(), []),
        (lambda out, y: -out.softmax(1)[torch.arange(len(y)), y].mean(), []),
    ],
)
def test_likelihood_wants_logarithms(loss: Loss, expected: list[tuple[str, str]]) -> None:
    """L104: the score of the right class alone, as it comes from the layer."""
    found = [f for f in _found(loss, torch.arange(160) % 3) if f[0] == "L104"]
    assert found == expected


def soft(dim: int) -> Loss:
    """Smoothed labels by hand."""

    def loss(out: Tensor, y: Tensor) -> Any:
        target = F.one_hot(y, 3).float() * 0.9 + 0.1 / 3
        return -(target * F.log_softmax(out, dim)).sum(1).mean()

    return loss


def picked(dim: int) -> Loss:
    """The probability of the right class, and its logarithm."""

    def loss(out: Tensor, y: Tensor) -> Any:
        return -torch.log(out.softmax(dim=dim).gather(1, y[:, None]) + 1e-9).mean()

    return loss


def taught(dim: int) -> Loss:
    """A teacher's probabilities."""

    def loss(out: Tensor, y: Tensor) -> Any:
        teacher = (F.one_hot(y, 3).float() * 3).softmax(1)
        return F.kl_div(F.log_softmax(out, dim), teacher, reduction="batchmean")

    return loss


@pytest.mark.parametrize("make", [soft, picked, taught])
def test_softmax_across_the_samples_is_told(make: Callable[[int], Loss]) -> None:
    """L105: dimension 0 is the samples, and the targets are of each sample."""
    labels = torch.arange(160) % 3
    assert [f for f in _found(make(0), labels) if f[0] == "L105"] == [("L105", "error")]
    assert [f for f in _found(make(1), labels) if f[0] == "L105"] == []


def pairs(out: Tensor, y: Tensor) -> Any:
    """Each sample of a batch against all others, both ways."""
    table = out @ out.roll(1, 0).T + 0 * y.sum()
    same = torch.eye(len(out))
    return -(same * (table.log_softmax(0) + table.log_softmax(1))).sum() / len(out)


def test_contrast_of_all_pairs_stays_silent() -> None:
    """Columns and rows of the table of pairs are both of samples."""
    assert [f for f in _found(pairs, torch.arange(160) % 3) if f[0] == "L105"] == []


class Coder(nn.Module):
    """Draws a code and gives its divergence.

    Args:
        spread: of the noise, from what the network gives for it.
        variance: for the divergence, from the same.
    """

    def __init__(
        self, spread: Callable[[Tensor], Tensor], variance: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.spread, self.variance = spread, variance
        self.enc, self.dec = nn.Linear(8, 6), nn.Linear(3, 8)

    def forward(self, x: Tensor) -> Any:
        mean, free = self.enc(x).chunk(2, 1)
        code = mean + torch.randn_like(mean) * self.spread(free)
        variance = self.variance(free)
        return self.dec(code), 0.5 * (mean**2 + variance - variance.log() - 1).sum(1).mean()


@pytest.mark.parametrize(
    ("spread", "variance", "expected"),
    [
        (lambda s: (0.5 * s).exp(), lambda s: s.exp(), []),
        (lambda s: s.exp(), lambda s: (2 * s).exp(), []),
        (lambda s: F.softplus(s), lambda s: F.softplus(s) ** 2, []),
        (lambda s: (0.5 * s).exp(), lambda s: s.exp() * 4, []),  # another prior
        (lambda s: s.exp(), lambda s: s.exp(), ["L117"]),
        (lambda s: s.exp() ** 0.5, lambda s: (2 * s).exp(), ["L117"]),
        (lambda s: (s / 2).exp(), lambda s: s**2 + 1e-8, ["L117"]),
        (lambda s: F.softplus(s), lambda s: F.softplus(s), ["L117"]),
    ],
)
def test_noise_and_divergence_mean_one_spread(
    spread: Callable[[Tensor], Tensor], variance: Callable[[Tensor], Tensor], expected: list[str]
) -> None:
    """L117: a variance or a logarithm was taken for a standard deviation."""
    torch.manual_seed(0)
    model = Coder(spread, variance)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for _ in range(4):
            x = torch.randn(32, 8)
            answer, divergence = model(x)
            optimizer.zero_grad()
            ((answer - x) ** 2).mean().add(divergence).backward()
            optimizer.step()
    assert watching.faults == []
    found = [f for f in watching.findings if f.code == "L117"]
    assert [f.code for f in found] == expected
    assert all("the noise of the code is multiplied with one number" in f.message for f in found)
