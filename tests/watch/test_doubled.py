"""Functions of a loss that get what is normalised already: L101, L102, L103, L106, L105 and L112."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical
from torch.nn import functional as F

from lamplighter.watch import watch

Loss = Callable[[Tensor, Tensor], Any]


def by_hand(out: Tensor, y: Tensor) -> Tensor:
    """A cross entropy in two steps."""
    return -torch.log_softmax(out, 1)[torch.arange(len(y)), y].mean()


def by_softmax(out: Tensor, y: Tensor) -> Tensor:
    """One in three."""
    return -(F.one_hot(y, 6) * out.softmax(-1).clamp(min=1e-8).log()).sum(1).mean()


def by_distribution(out: Tensor, y: Tensor) -> Tensor:
    """That of a choice of actions."""
    return -Categorical(logits=out).log_prob(y).mean()


def both_sides(out: Tensor, y: Tensor) -> Tensor:
    """One with two sides, written out."""
    t = F.one_hot(y, 6).float()
    return -(t * F.logsigmoid(out) + (1 - t) * F.logsigmoid(-out)).mean()


def bernoulli(out: Tensor, y: Tensor) -> Tensor:
    """That of a distribution."""
    return -Bernoulli(logits=out).log_prob(F.one_hot(y, 6).float()).mean()


def overlap(out: Tensor, y: Tensor) -> Tensor:
    """Twice the overlap through both areas."""
    p, t = torch.sigmoid(out), F.one_hot(y, 6).float()
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum())


def _train(loss: Loss, end: nn.Module) -> list[tuple[str, str, str]]:
    torch.manual_seed(0)
    x = torch.randn(480, 10)
    y = x[:, :6].argmax(1)
    model = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 6), end)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with watch() as watching:
        for i in torch.arange(480).split(40):
            optimizer.zero_grad()
            loss(model(x[i]), y[i]).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level, f.message) for f in watching.findings if f.code[0] == "L"]


@pytest.mark.parametrize(
    ("loss", "function"),
    [(by_hand, "log_softmax"), (by_softmax, "softmax"), (by_distribution, "logsumexp")],
)
def test_a_softmax_of_probabilities_is_told_wherever_it_stands(loss: Loss, function: str) -> None:
    """L101: the loss applies softmax itself; raw scores are what it wants."""
    ((code, level, message),) = _train(loss, nn.Softmax(dim=1))
    assert (code, level) == ("L101", "error")
    assert f"probabilities enter {function}" in message
    assert f"{function} applies softmax itself" in message
    assert _train(loss, nn.Identity()) == []


@pytest.mark.parametrize("loss", [both_sides, bernoulli, overlap])
def test_a_sigmoid_of_a_sigmoid_is_told(loss: Loss) -> None:
    """L106: in a loss of one's own too; raw scores are what it wants."""
    (found,) = _train(loss, nn.Sigmoid())
    assert found[:2] == ("L106", "error")
    assert "a sigmoid was applied already" in found[2]
    assert _train(loss, nn.Identity()) == []


def test_squashed_scores_in_a_log_softmax_are_told() -> None:
    """L102, L103: a sigmoid or a ReLU before a log_softmax of the program's own."""
    (sigmoid,), (relu,) = _train(by_hand, nn.Sigmoid()), _train(by_hand, nn.ReLU())
    assert sigmoid[:2] == ("L102", "error")
    assert "enter log_softmax lie in [0, 1]" in sigmoid[2]
    assert relu[:2] == ("L103", "error")
    assert "logits of log_softmax are never below 0" in relu[2]


def test_attention_over_weights_of_a_softmax_is_no_answer() -> None:
    """Weights that are normalised twice on their way to another layer are the network's own matter."""

    class Gate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Any:
            return self.last(x.softmax(1).softmax(1) * x)

    assert _train(by_hand, Gate()) == []


def chosen(out: Tensor, y: Tensor) -> Tensor:
    """The probabilities of a choice, normalised over the samples of the batch."""
    return -Categorical(probs=out.softmax(0)).log_prob(y).mean()


def over_places(out: Tensor, y: Tensor) -> Tensor:
    """Scores of shape (pieces, places, classes) with the softmax over the places."""
    p = out.view(8, 5, 6).softmax(1)
    return -p.gather(2, y.view(8, 5, 1)).log().mean()


def over_classes(out: Tensor, y: Tensor) -> Tensor:
    """The same over the classes, which stand in the middle."""
    p = out.view(8, 5, 6).transpose(1, 2).softmax(1)
    return -p.gather(1, y.view(8, 1, 5)).log().mean()


def test_the_softmax_is_over_the_dimension_in_which_one_is_picked() -> None:
    """L105: over the samples, or over the places, a class competes with strangers."""
    for loss, dim in ((chosen, 0), (over_places, 1)):
        (found,) = _train(loss, nn.Identity())
        assert found[:2] == ("L105", "error")
        assert f"the softmax is over dimension {dim}" in found[2]
        assert "classes compete with other rows" in found[2]
    assert _train(over_classes, nn.Identity()) == []


def counts(out: Tensor, y: Tensor) -> Tensor:
    """Counts of which many are 0."""
    return F.poisson_nll_loss(out[:, 0], (y - 2).clamp(min=0).float())


def test_a_rate_is_no_logarithm_of_one() -> None:
    """L112: poisson_nll_loss takes its input for a logarithm, unless it is told otherwise."""
    (found,) = _train(counts, nn.Softplus())
    assert found[:2] == ("L112", "error")
    assert "a rate below 1 cannot be said" in found[2]
    assert _train(counts, nn.Identity()) == []

    def rates(out: Tensor, y: Tensor) -> Tensor:
        return F.poisson_nll_loss(out[:, 0], (y - 2).clamp(min=0).float(), log_input=False)

    assert _train(rates, nn.Softplus()) == []


def test_rectified_scores_in_a_loss_of_two_sides_are_told() -> None:
    """L103: below 0 is where "no" lies."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(out, F.one_hot(y, 6).float())

    (found,) = _train(loss, nn.ReLU())
    assert found[:2] == ("L103", "error")
    assert "logits of binary_cross_entropy_with_logits are never below 0" in found[2]
    assert _train(loss, nn.LeakyReLU()) == []
