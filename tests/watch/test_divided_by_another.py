"""E101: the losses of one loader's walk, divided by how much another loader holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

torch.manual_seed(2)
x = torch.randn(330, 5)
y = x[:, :1] - x[:, 1:2] + 0.1 * torch.randn(330, 1)
learned = TensorDataset(x[:240], y[:240])
lessons = DataLoader(learned, batch_size=32, shuffle=True)
exams = DataLoader({exams}, batch_size=28)
net = nn.Linear(5, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)


def teach():
    total = 0.0
    for rows, goals in lessons:
        optimizer.zero_grad()
        loss = F.mse_loss(net(rows), goals, reduction="{reduction}")
        loss.backward()
        optimizer.step()
        total += loss.item() {times}
    return total / {taught}


def examine():
    total = 0.0
    with torch.no_grad():
        for rows, goals in exams:
            total += F.mse_loss(net(rows), goals).item()
    return total / {examined}


curve = []
for _ in range(5):
    curve.append(teach())
    print("learned", curve[-1], "examined", examine())
"""
USUAL = {
    "exams": "TensorDataset(x[240:], y[240:])",
    "reduction": "mean",
    "times": "",
    "taught": "len(lessons)",
    "examined": "len(exams)",
}
PROGRAM, HEAD = HEAD, ""


def told(run: Callable[[str], Watch], **parts: str) -> list[str]:
    """What is said of the figures of this program."""
    found = run(PROGRAM.format(**{**USUAL, **parts})).findings
    return [f.message for f in found if f.code == "E101"]


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"taught": "len(exams)"}, "the number of batches of `exams` (4)"),
        ({"examined": "len(lessons)"}, "the number of batches of `lessons` (8)"),
        (
            {"reduction": "sum", "taught": "len(exams.dataset)"},
            "the number of samples of `exams` (90)",
        ),
        (
            {"times": "* len(rows)", "taught": "len(exams.dataset)"},
            "the number of samples of `exams` (90)",
        ),
    ],
)
def test_the_length_of_the_other_loader(
    run: Callable[[str], Watch], parts: dict[str, str], what: str
) -> None:
    """Of its batches or of its samples, in training or at evaluation."""
    (message,) = told(run, **parts)
    assert what in message


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"reduction": "sum", "taught": "len(lessons.dataset)"},
        {"times": "* len(rows)", "taught": "len(learned)"},
        # the share that these samples have in a whole which is examined
        {
            "exams": "ConcatDataset([learned, TensorDataset(x[240:], y[240:])])",
            "reduction": "sum",
            "taught": "len(exams.dataset)",
        },
    ],
)
def test_its_own_length(run: Callable[[str], Watch], parts: dict[str, str]) -> None:
    """And the length of what it is a part of."""
    assert told(run, **parts) == []
