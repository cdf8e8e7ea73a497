"""M114: operations of torch whose new tensor nobody takes, in layers and functions of the program."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import contextlib
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
"""
BODY = """
class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.weigh = nn.Linear(6, 6)

    def forward(self, rows, hidden):
        scores = self.weigh(rows)
        {in_layer}
        return rows * scores.softmax(-1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.out = Gate(), nn.Linear(6, 2)

    def forward(self, rows, hidden):
        return self.out(self.gate(rows, hidden))


def prepared(rows):
    {in_preparing}
    return rows


def limited(model):
    with torch.no_grad():
        for weight in model.parameters():
            {after_step}


rows = prepared(torch.randn(64, 6))
hidden = rows[:, :1].expand(-1, 6) > 1.2
labels = (rows[:, 1] > 0).long()
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(6):
    loss = F.cross_entropy(model(rows, hidden), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    limited(model)
"""
PLACES = ("in_layer", "in_preparing", "after_step")
DIRTY = [
    ("in_layer", "scores.masked_fill(hidden, -1e9)"),
    ("in_layer", "torch.masked_fill(scores, hidden, -1e9)"),
    ("in_layer", "F.dropout(scores, 0.1, self.training)"),
    ("in_layer", "scores.masked_fill(\n            hidden,\n            -1e9,\n        )"),
    ("in_preparing", "rows.clamp(-2, 2)"),
    ("in_preparing", "rows.to(torch.float64)"),
    ("in_preparing", "rows.view(8, 8, 6).permute(1, 0, 2)"),
    ("in_preparing", "torch.normal(rows, 0.1)"),
    ("after_step", "weight.clamp(-0.5, 0.5)"),
    ("after_step", "weight.data.clamp(-0.5, 0.5)"),
]
CLEAN = [
    ("in_layer", "scores.masked_fill_(hidden, -1e9)"),
    ("in_layer", "scores = scores.masked_fill(hidden, -1e9)"),
    ("in_layer", "F.relu(scores, inplace=True)"),
    ("in_layer", "self.weigh.to('cpu')"),
    ("in_layer", "self.weigh.float()"),
    ("in_preparing", "torch.zeros(1).to('cpu')"),
    ("in_preparing", "torch.clamp(rows, -2, 2, out=rows)"),
    ("in_preparing", "print(rows.clamp(-2, 2).sum())"),
    ("in_preparing", "with contextlib.suppress(RuntimeError):\n        rows.view(7, 7)"),
    ("in_preparing", "try:\n        rows.view(8, 48)\n    except RuntimeError:\n        pass"),
    ("after_step", "weight.clamp_(-0.5, 0.5)"),
    ("after_step", "weight.data.copy_(weight.clamp(-0.5, 0.5))"),
]


def _with(place: str, line: str) -> str:
    return BODY.format(**(dict.fromkeys(PLACES, "pass") | {place: line}))


@pytest.mark.parametrize(("place", "line"), DIRTY)
def test_a_tensor_that_nobody_takes_is_told(
    place: str, line: str, run: Callable[[str], Watch]
) -> None:
    """Wherever it is computed: in a layer of the network, before training, after a step."""
    text = _with(place, line)
    number = (HEAD + text)[: (HEAD + text).index(line)].count("\n") + 1
    found = [(f.code, f.level, f.line) for f in run(text).findings]
    assert found == [("M114", "error", number)]


@pytest.mark.parametrize(("place", "line"), CLEAN)
def test_what_is_taken_or_works_in_place_is_silent(
    place: str, line: str, run: Callable[[str], Watch]
) -> None:
    """In place, with `out`, of a module, of what was just made, or tried for its error."""
    assert [f for f in run(_with(place, line)).findings if f.code == "M114"] == []
