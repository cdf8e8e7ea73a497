"""L111, E101: boxes that lie apart in both directions count as overlapping."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn

torch.manual_seed(0)
corner = 0.8 * torch.rand(200, 2)
boxes = torch.cat([corner, corner + 0.1 + 0.1 * torch.rand(200, 2)], 1)
x = torch.cat([boxes, torch.randn(200, 4)], 1)


def area(b):
    return (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])

"""
PROGRAM = """
def overlap(a, b):
{body}


net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(net.parameters(), lr=0.003)


def predict(rows):
    out = net(rows).sigmoid()
    return torch.cat([0.7 * out[:, :2], 0.7 * out[:, :2] + 0.05 + 0.2 * out[:, 2:]], 1)


for _ in range(10):
    for part in torch.randperm(200).split(40):
        said = predict(x[part])
        {loss}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(overlap(predict(x), boxes).mean().item())
"""
BY_NAME = """
    w = torch.min(a[:, 2], b[:, 2]) - torch.max(a[:, 0], b[:, 0])
    h = torch.min(a[:, 3], b[:, 3]) - torch.max(a[:, 1], b[:, 1])
    inter = {inter}
    return inter / (area(a) + area(b) - inter)
"""
BY_PAIRS = """
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    {before}
    side = high - low
    {middle}
    inter = {inter}
    return inter / (area(a) + area(b) - inter)
"""
LOSS = "loss = 1 - overlap(said, boxes[part]).mean()"
SCORE = "loss = (said - boxes[part]).abs().mean()"


@pytest.mark.parametrize(
    ("body", "loss", "expected"),
    [
        (BY_NAME.format(inter="w * h"), LOSS, ["L111"]),
        (BY_NAME.format(inter="torch.mul(w, h)"), SCORE, ["E101"]),
        (BY_PAIRS.format(before="", middle="", inter="side[:, 0] * side[:, 1]"), LOSS, ["L111"]),
        (BY_PAIRS.format(before="", middle="", inter="side.prod(1)"), SCORE, ["E101"]),
        (
            BY_PAIRS.format(before="", middle="w, h = side.unbind(-1)", inter="w * h"),
            SCORE,
            ["E101"],
        ),
    ],
)
def test_sides_below_zero(
    run: Callable[[str], Watch], body: str, loss: str, expected: list[str]
) -> None:
    """Whatever the sides are computed by, their product is divided by the union."""
    watching = run(PROGRAM.format(body=body, loss=loss))
    told = [f for f in watching.findings if f.code in ("L111", "E101")]
    assert [f.code for f in told] == expected
    assert all("apart in both directions" in f.message for f in told)


@pytest.mark.parametrize(
    "body",
    [
        BY_NAME.format(inter="w.clamp(min=0) * h.clamp(min=0)"),
        BY_NAME.format(inter="torch.relu(w) * torch.relu(h)"),
        BY_NAME.format(inter="torch.where((w > 0) & (h > 0), w * h, torch.zeros_like(w))"),
        BY_NAME.format(inter="w * h * (w > 0) * (h > 0)"),
        # by the corners themselves, and afterwards
        BY_NAME.format(
            inter="w * h; inter[(a[:, 2] < b[:, 0]) | (a[:, 0] > b[:, 2]) | (a[:, 3] < b[:, 1]) "
            "| (a[:, 1] > b[:, 3])] = 0"
        ),
        BY_PAIRS.format(before="", middle="side = side.clamp(0)", inter="side[:, 0] * side[:, 1]"),
        BY_PAIRS.format(
            before="meet = (low < high).float().prod(1)", middle="", inter="side.prod(1) * meet"
        ),
        BY_PAIRS.format(
            before="", middle="side = side.clone(); side[side < 0] = 0", inter="side.prod(1)"
        ),
    ],
)
@pytest.mark.parametrize("loss", [LOSS, SCORE])
def test_sides_that_are_held_above_zero(run: Callable[[str], Watch], body: str, loss: str) -> None:
    """A clamp, a question about the sign wherever it stands, or zeros that are written in."""
    told = run(PROGRAM.format(body=body, loss=loss)).findings
    assert [f for f in told if f.code in ("L111", "E101")] == []
