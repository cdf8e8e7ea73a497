"""E101: arguments of scores that changed places, decisions for scores, a return in the loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from sklearn.metrics import f1_score, precision_score, roc_auc_score
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(600, 8)
y = (x[:, 0] + torch.randn(600) > 0.8).long()
loader = DataLoader(TensorDataset(x[:400], y[:400]), 20, shuffle=True)
held_out = DataLoader(TensorDataset(x[400:], y[400:]), 32)
net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
total = 0.0
for a, b in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(net(a), b)
    loss.backward()
    optimizer.step()
    total += loss.item()
net.eval()


def answers():
    said, right, scores = [], [], []
    with torch.no_grad():
        for a, b in held_out:
            out = net(a)
            said += out.argmax(1).tolist()
            scores += out.softmax(1)[:, 1].tolist()
            right += b.tolist()
    return said, right, scores


def evaluate():
    hits = count = 0
    with torch.no_grad():
        for a, b in held_out:
            hits += (net(a).argmax(1) == b).sum().item()
            count += len(b)
            {inside}
    return hits / count


said, right, scores = answers()
"""
DIRTY = {
    "precision": ("print(precision_score(said, right))", "error", "answers as the truth"),
    "area": ("print(roc_auc_score(right, said))", "warning", "is given decisions, 0 and 1"),
    "return": ("print(evaluate())", "error", "scores the first of 7 batches"),
    "mean": ("print(total / 400)", "error", "the sum of 20 mean losses, divided by the number"),
}
CLEAN = {
    "precision": "print(precision_score(right, said), f1_score(said, right))",
    "area": "print(roc_auc_score(right, scores))",
    # of something else, on a task that the network has solved
    "another's answers": "print(precision_score(said, [1 - k for k in said]))",
    "return": "print(evaluate())",
    "mean": "print(total / 20)",
}


def _run(
    name: str, last: str, tmp_path: Path, observe: Callable[[Path], Watch], early: bool
) -> Watch:
    inside = "return hits / count" if early else "pass"
    path = tmp_path / "program.py"
    path.write_text(HEAD.format(inside=inside) + last)
    watching = observe(path)
    assert watching.faults == []
    return watching


@pytest.mark.parametrize("name", DIRTY)
def test_wrong_arguments_are_told(
    name: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """By the network's own answers, whatever the variables are called."""
    last, level, message = DIRTY[name]
    (found,) = _run(name, last, tmp_path, observe, name == "return").findings
    assert (found.code, found.level) == ("E101", level)
    assert message in found.message


@pytest.mark.parametrize("name", CLEAN)
def test_right_arguments_stay_silent(
    name: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """Also a score that is the same whichever comes first."""
    assert _run(name, CLEAN[name], tmp_path, observe, False).findings == []


ROUNDED = """
few = DataLoader(TensorDataset(x[:60], y[:60]), 20, shuffle=True)
for epoch in range(5):
    total = count = 0
    for a, b in few:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(a), b)
        loss.backward()
        optimizer.step()
        total += loss.item(){weighed}
        count += len(b)
    print(f"epoch {{epoch}} loss {{total / count:.4f}}")
"""


def test_rounded_figures_are_known_by_their_place_in_the_line(
    tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """E101: a few digits are enough where they agree in every line; right ones are left alone."""
    rounded = "net.train()\n" + ROUNDED
    (found,) = _run("mean", rounded.format(weighed=""), tmp_path, observe, False).findings
    assert (found.code, found.level, found.where) == ("E101", "error", "what is printed")
    assert "divided by the number of samples (60)" in found.message
    right = rounded.format(weighed=" * len(b)")
    assert _run("mean", right, tmp_path, observe, False).findings == []
