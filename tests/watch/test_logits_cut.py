"""E101: logits are cut at one half, wherever the sigmoid of the loss is hidden."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(3)


def checked(shares):
    assert (shares >= 0).all() and not (shares <= 0).any()
    return shares


def hidden(shares):
    kept = shares.numpy()
    assert (kept >= 0).all()
    kept[:3] = 0
    return torch.from_numpy(kept > 0)
"""
PROGRAM = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 16)
        self.other = nn.Linear(16, {width})
        self.head = nn.Linear(16, {width})

    def judge(self, hidden):
        return self.head(hidden.relu())

    def forward(self, rows):
        return {answer}


x = 3 * torch.randn(240, 6)
y = (x[:, :1] > x[:, 1:2]).float()
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for _ in range(6):
    for part in torch.randperm(200).split(25):
        rows, marks = x[part], y[part]
        optimizer.zero_grad()
        loss = {loss}
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        answers, truth = net(x[200:]), y[200:]
        print("right", ({said} == truth).float().mean().item())
    net.train()
"""
JUDGED = "self.judge(self.body(rows))"
BOTH = "self.judge(self.body(rows)), self.other(self.body(rows))"
DRAWN = "self.other(self.body(rows).relu())"
WHOLE = "F.binary_cross_entropy_with_logits(net(rows), marks)"
BY_PARTS = "F.binary_cross_entropy_with_logits(net.judge(net.body(rows)), marks)"
SQUASHED = "F.binary_cross_entropy(torch.sigmoid(net(rows)), marks)"
DICE = """(lambda p: 1 - 2 * (p * marks).sum() / (p.sum() + marks.sum()))(net(rows).sigmoid())"""
TWO = (
    "F.binary_cross_entropy_with_logits(net(rows)[:, :1], marks) "
    "+ F.mse_loss(net(rows)[:, 1:], rows[:, :1])"
)
PAIR = (
    "F.binary_cross_entropy_with_logits(net(rows)[0], marks) "
    "+ F.mse_loss(net(rows)[1], rows[:, :1])"
)
SHARE = "self.judge(self.body(rows)).sigmoid(), self.other(self.body(rows)).exp()"
SHARED = "F.binary_cross_entropy(net(rows)[0], marks) + F.mse_loss(net(rows)[1], rows[:, :1].abs())"
GATED = "F.mse_loss(net(rows), 4 * marks) + 0.01 * net(rows).sigmoid().mean()"
APART = "(net(rows) - 4 * marks).square().mean() + 0.01 * net(rows).sigmoid().mean()"


def told_in(run: Callable[[str], Watch], **parts: object) -> list[str]:
    """What is said of the score of this program."""
    parts = {"width": 1, "answer": JUDGED, **parts}
    return [f.message for f in run(PROGRAM.format(**parts)).findings if f.code == "E101"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"loss": WHOLE}, "(answers > 0.5).float()"),
        ({"loss": BY_PARTS}, "torch.ge(answers, other=0.5).float()"),
        ({"loss": SQUASHED}, "(answers > torch.tensor(0.5)).float()"),
        ({"loss": DICE}, "(0.5 < answers).float()"),
        ({"loss": WHOLE}, "torch.from_numpy(answers.cpu().numpy().squeeze(1) > 0.5)[:, None]"),
        ({"loss": TWO, "width": 2}, "(answers[:, :1] > 0.5).float()"),
        ({"loss": PAIR, "answer": BOTH}, "(answers[0] > 0.5).float()"),
    ],
)
def test_a_logit_is_no_probability(
    run: Callable[[str], Watch], parts: dict[str, object], said: str
) -> None:
    """By a method of the network, through a sigmoid of its own, in one column or one of two."""
    told = told_in(run, said=said, **parts)
    assert len(told) == 1
    assert "logits are cut at 0.5" in told[0]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"loss": WHOLE}, "(answers > 0).float()"),
        ({"loss": WHOLE}, "(answers.sigmoid() > 0.5).float()"),
        ({"loss": BY_PARTS}, "(torch.sigmoid(answers) >= 0.5).float()"),
        ({"loss": SQUASHED}, "answers.sigmoid().round()"),
        ({"loss": WHOLE}, "torch.from_numpy(answers.sigmoid().numpy() > 0.5)"),
        ({"loss": WHOLE}, "torch.from_numpy(answers.numpy() > 0)"),
        # rounded to be shown
        ({"loss": WHOLE}, "(answers.round(decimals=3) > 0).float()"),
        # the distance to the border, not the answer
        ({"loss": WHOLE}, "torch.from_numpy(abs(answers.numpy()) > 0.5)"),
        ({"loss": DICE}, "(answers.sigmoid() > 0.5).float()"),
        # another column, and another of two answers, that are amounts
        ({"loss": TWO, "width": 2}, "(answers[:, 1:] > 0.5).float()"),
        ({"loss": PAIR, "answer": BOTH}, "(answers[1] > 0.5).float()"),
        # an amount that a sigmoid only weighs
        ({"loss": GATED}, "(answers > 0.5).float()"),
        ({"loss": APART}, "(answers > 0.5).float()"),
    ],
)
def test_what_is_no_logit_may_be_cut_there(
    run: Callable[[str], Watch], parts: dict[str, object], said: str
) -> None:
    """Probabilities, amounts, and the other answers of a network that also gives logits."""
    assert told_in(run, said=said, **parts) == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"loss": SQUASHED}, "(answers.sigmoid() > 0).float()"),
        ({"loss": WHOLE}, "(0 <= torch.sigmoid(answers))"),
        ({"loss": WHOLE}, "torch.from_numpy((answers.sigmoid() > 0).numpy())"),
        ({"loss": WHOLE}, "torch.from_numpy(answers.sigmoid().numpy() > 0)"),
        ({"loss": WHOLE}, "torch.where(answers.sigmoid() > 0, 1, 0)"),
        ({"loss": WHOLE}, "((answers.sigmoid() > 0) & (truth == 1))"),
        ({"loss": SHARED, "answer": SHARE}, "(answers[0] > 0).float()"),
    ],
)
def test_a_probability_is_no_logit(
    run: Callable[[str], Watch], parts: dict[str, object], said: str
) -> None:
    """However the answer is made of the cut: every one is yes."""
    told = told_in(run, said=said, **parts)
    assert told == ["probabilities are cut at 0, so every answer is yes"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"loss": WHOLE}, "(checked(answers.sigmoid()) > 0.5).float()"),
        ({"loss": WHOLE}, "(answers.sigmoid() - 0.5 > 0).float()"),
        ({"loss": SQUASHED}, "(answers.sigmoid() - answers.sigmoid().min() >= 0).float()"),
        ({"loss": WHOLE}, "hidden(answers.sigmoid())"),
        ({"loss": SHARED, "answer": SHARE}, "(answers[1] > 0).float()"),
    ],
)
def test_nothing_may_be_a_bound_of_probabilities(
    run: Callable[[str], Watch], parts: dict[str, object], said: str
) -> None:
    """Where they are only checked, or compared with each other, or where some were set to 0."""
    assert told_in(run, said=said, **parts) == []


def test_what_another_layer_answers_is_no_logit(run: Callable[[str], Watch]) -> None:
    """The last layer judges what the network draws, as in an adversarial autoencoder."""
    loss = BY_PARTS + " + (net(rows) - rows[:, :3]).abs().mean()"
    program = PROGRAM.replace(
        "self.other = nn.Linear(16, {width})", "self.other = nn.Linear(16, 3)"
    )
    parts = {"width": 1, "answer": DRAWN, "loss": loss, "said": "(answers > 0.5).float()"}
    assert [f.code for f in run(program.format(**parts)).findings if f.code == "E101"] == []
