"""Gradients that a program asks for at its inputs, and what comes to the weights on the way: R108."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
inputs = torch.randn(256, 8)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
"""
ATTACK = """
def attacked(x, y):
    delta = torch.zeros_like(x).uniform_(-0.1, 0.1).requires_grad_(True)
    for _ in range(4):
        F.cross_entropy(model(x + delta), y).backward()
        delta.data = (delta + 0.03 * delta.grad.sign()).clamp(-0.1, 0.1)
        delta.grad.zero_()
    return x + delta.detach()
for rows in torch.randperm(256).split(32):
    x = attacked(inputs[rows], labels[rows])
    optimizer.zero_grad()
    F.cross_entropy(model(x), labels[rows]).backward()
    optimizer.step()
"""
IMPORTANCE = """
for rows in torch.randperm(256).split(32):
    x = inputs[rows].requires_grad_()
    for _ in range(3):
        scores = model(x)
        scores.gather(1, labels[rows, None]).sum().backward()
    weights = x.grad.abs().mean(0)
    model.zero_grad()
    loss = F.cross_entropy(model(x.detach() * (1 + weights)), labels[rows])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""


def _codes(watching: Watch) -> set[str]:
    return {finding.code for finding in watching.findings if finding.level != "info"}


@pytest.mark.parametrize("loop", [ATTACK, IMPORTANCE])
def test_gradients_for_inputs_may_be_cleared(run: Callable[[str], Watch], loop: str) -> None:
    """An attack, or the importance of columns, is sought before the weights learn."""
    assert _codes(run(loop)) == set()


@pytest.mark.parametrize(
    "loop",
    [
        """
for _ in range(4):
    for part in torch.randperm(256).split(64):
        for rows in part.split(16):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[rows]), labels[rows]).backward()
        optimizer.step()
""",
        """
for _ in range(4):
    for part in torch.randperm(256).split(64):
        for rows in part.split(16):
            for weight in model.parameters():
                weight.grad = None
            logs = model(inputs[rows]).log_softmax(1)
            (-logs[torch.arange(16), labels[rows]].mean()).backward()
        optimizer.step()
""",
    ],
)
def test_gradients_that_no_step_uses_are_told(run: Callable[[str], Watch], loop: str) -> None:
    """Those of four batches, of which the first three are cleared."""
    watching = run(loop)
    assert "R108" in _codes(watching)
    told = next(f for f in watching.findings if f.code == "R108")
    assert "3 of 4 batches are cleared before any step has used them" in told.message
