"""R107: sums of losses that are computed, and of which only a part is sent back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x, y = torch.randn(96, 5), torch.randn(96, 1)
body, left, right = nn.Linear(5, 8), nn.Linear(8, 1), nn.Linear(8, 5)
weights = [*body.parameters(), *left.parameters(), *right.parameters()]
optimizer = torch.optim.Adam(weights, lr=1e-2)


def answers():
    code = torch.tanh(body(x))
    return left(code), right(code)


"""
TAIL = """

for epoch in range(8):
    loss = losses(*answers(), epoch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
FIT = "fit = F.mse_loss(amount, y)"
COPY = "copied = ((again - x) ** 2).mean()"
SMALL = "small = sum(w.square().sum() for w in weights)"


def _losses(*lines: str) -> str:
    return "\n    ".join(("def losses(amount, again, epoch):", *lines)) + TAIL


DIRTY = [
    ((FIT, COPY, "total = fit + 0.5 * copied", "total = fit", "return total"), "total = fit\n"),
    ((FIT, COPY, "total = torch.stack([fit, copied]).sum()", "return fit"), "total = torch"),
    ((FIT, SMALL, "whole = fit + 1e-3 * small", "whole = fit * 1.0", "return whole"), "whole = fit *"),
]  # fmt: skip
CLEAN = [
    (FIT, COPY, "total = fit + 0.5 * copied", "return total"),
    (FIT, COPY, "total = fit + copied", "if epoch < 4:", "    total = fit", "return total"),
    (FIT, COPY, "total = fit", "total = total + copied", "return total"),
    (FIT, COPY, "total = fit", "total += copied", "return total"),
    (FIT, COPY, "both = fit + copied", "print(both.item())", "return fit + copied"),
    (FIT, COPY, "both = fit + copied", "return fit + copied"),
    # in place: the copy itself has got the other term
    (COPY, FIT, "loss = copied", "loss += fit * 2", "loss = copied", "return loss"),
    # read by a function that was made before, and behind a loop that is left
    (
        "noted = []",
        "note = lambda: noted.append(total.item())",
        FIT,
        COPY,
        "total = fit + copied",
        "note()",
        "total = fit",
        "return total",
    ),
    (
        FIT,
        COPY,
        "for turn in range(2):",
        "    total = fit + copied",
        "    if turn:",
        "        break",
        "    total = fit",
        "print(total.item())",
        "return fit",
    ),
]


@pytest.mark.parametrize(("lines", "told"), DIRTY)
def test_terms_that_are_left_out_are_told(
    lines: tuple[str, ...], told: str, run: Callable[[str], Watch]
) -> None:
    """In a function of its own, replaced or never read; the line is that of the replacement."""
    text = _losses(*lines)
    number = (HEAD + text)[: (HEAD + text).index(told)].count("\n") + 1
    found = [(f.level, f.line) for f in run(text).findings if f.code == "R107"]
    assert found == [("error", number)]


@pytest.mark.parametrize("lines", CLEAN)
def test_sums_that_are_sent_back_are_silent(
    lines: tuple[str, ...], run: Callable[[str], Watch]
) -> None:
    """Whole sums, sums that a condition may replace, and sums of which all parts arrive otherwise."""
    assert [f for f in run(_losses(*lines)).findings if f.code == "R107"] == []


TWO = """
def play():
    a, b = answers()
    one, other = F.mse_loss(a, y), F.mse_loss(b.detach() * 0 + right(x @ torch.ones(5, 8)), x)
    both = one + other
    first.zero_grad()
    one.backward()
    first.step()
    second.zero_grad()
    other.backward()
    second.step()


first = torch.optim.SGD([*body.parameters(), *left.parameters()], lr=1e-2)
second = torch.optim.SGD(right.parameters(), lr=1e-4)
for _ in range(8):
    play()
"""


def test_terms_that_are_sent_back_one_by_one_are_silent(run: Callable[[str], Watch]) -> None:
    """As those of two players are."""
    assert [f for f in run(TWO).findings if f.code == "R107"] == []
