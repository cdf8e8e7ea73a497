"""R110: a loss that is handed to its own backward()."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

generator = torch.Generator().manual_seed(6)
x = torch.randn(240, 6, generator=generator)
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).long()
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for rows in torch.arange(240).split(20):
    answers = net(x[rows])
    optimizer.zero_grad()
    """

MEAN = "loss = F.cross_entropy(answers, y[rows])\n"
EACH = "loss = F.cross_entropy(answers, y[rows], reduction='none')\n"
OWN = "loss = -answers.log_softmax(1)[range(20), y[rows]].mean()\n"
# the gradient of half the square of what a constraint is off, by either sign
OFF = "loss = answers.mean() - 0.02\n"
STEP = "    optimizer.step()\n"


@pytest.mark.parametrize(
    ("loss", "backward", "expected"),
    [
        (MEAN, "loss.backward(gradient=loss.detach())", ["error"]),
        (MEAN, "torch.autograd.backward([loss], grad_tensors=[loss.data.clone()])", ["error"]),
        # what one writes when told that a gradient is only made for a single number
        (EACH, "loss.backward(loss)", ["error"]),
        (OWN, "loss.backward(loss, retain_graph=False)", ["warning"]),
        (MEAN, "loss.backward(torch.tensor(1.0))", []),
        (MEAN, "loss.backward(1 / (1 + loss.detach()))", []),
        (EACH, "loss.backward(torch.full_like(loss, 1 / 20))", []),
        (EACH, "loss.backward(torch.softmax(loss.detach(), 0))", []),
        (OFF, "loss.backward(loss)", []),
    ],
)
def test_what_backward_begins_with(
    run: Callable[[str], Watch], loss: str, backward: str, expected: list[str]
) -> None:
    """R110 by the numbers, whoever holds them; weights of any other kind are the program's own."""
    watching = run(loss + "    " + backward + "\n" + STEP)
    assert [f.level for f in watching.findings if f.code == "R110"] == expected
