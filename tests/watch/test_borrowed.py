"""R105: a network learns from the samples that another one is tested with, and is tested on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
"""
PROGRAM = """
rows = torch.randn(180, 6)
labels = (rows[:, 0] > 0).long()
train_rows, test_rows = torch.arange(120), torch.arange(120, 180)


def fit(net, loss_of, rows, steps):
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        some = rows[torch.randperm(len(rows))[:30]]
        loss = loss_of(some)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


judge = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
fit(judge, lambda some: F.cross_entropy(judge(rows[some]), labels[some]), train_rows, 40)
judge.requires_grad_(False)
with torch.no_grad():
    print("judged", (judge(rows[test_rows]).argmax(1) == labels[test_rows]).float().mean())
"""
MASK = """
mask = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 6), nn.Sigmoid())


def hiding(some):
    shown = mask(rows[some])
    return F.cross_entropy(judge(rows[some] * shown), labels[some]) + 0.1 * shown.mean()


fit(mask, hiding, {learned}, 40)
with torch.no_grad():
    print("left", mask(rows[{tested}]).mean())
"""
ADAPTED = """
adapted = copy.deepcopy(judge).requires_grad_(True)


def doubt(some):
    shares = adapted(rows[some]).log_softmax(1)
    return -(shares.exp() * shares).sum(1).mean()


fit(adapted, doubt, test_rows, 20)
with torch.no_grad():
    print("adapted", (adapted(rows[test_rows]).argmax(1) == labels[test_rows]).float().mean())
"""


def _codes(learned: str, tested: str, run: Callable[[str], Watch]) -> list[tuple[str, str]]:
    return _told(run(PROGRAM + MASK.format(learned=learned, tested=tested)))


def _told(watching: Watch) -> list[tuple[str, str]]:
    return [(f.code, f.level) for f in watching.findings if f.code in ("R105", "E103", "S101")]


def test_learning_from_anothers_test_is_told(run: Callable[[str], Watch]) -> None:
    """What was set aside is trained on, and there is no figure of anything else."""
    assert _codes("test_rows", "test_rows", run) == [("R105", "warning")]


@pytest.mark.parametrize(
    ("learned", "tested"),
    [("train_rows", "test_rows"), ("train_rows", "train_rows"), ("test_rows", "train_rows")],
)
def test_other_parts_are_silent(learned: str, tested: str, run: Callable[[str], Watch]) -> None:
    """A split that is kept, a figure of training, and the other way round as in two folds."""
    assert _codes(learned, tested, run) == []


def test_adapting_to_a_test_is_silent(run: Callable[[str], Watch]) -> None:
    """A copy that only makes itself surer of the samples has seen no answer of them."""
    assert _told(run(PROGRAM + ADAPTED)) == []
