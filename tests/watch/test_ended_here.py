"""Walks that were ended here before their end, of which the program knows nothing: no E101 for that."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from lamplighter.watch.data.passes import Bounds
from lamplighter.watch.watching import Watch

PROGRAM = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

torch.manual_seed(0)
x = torch.randn({rows}, 6)
y = x[:, :2].sum(1, keepdim=True) + 0.1 * torch.randn({rows}, 1)


class Stream(IterableDataset):
    def __iter__(self):
        return zip(x, y)


data = {data}
loader = DataLoader(data, batch_size={size})
held = DataLoader(TensorDataset(x, y), batch_size={size})
count = {rows} // {size}
net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(6):
    error = 0.0
    for part, goal in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(net(part), goal)
        loss.backward()
        optimizer.step()
        error += loss.item()
    error = error / {divisor}
    off = 0.0
    with torch.no_grad():
        for part, goal in held:
            off += F.mse_loss(net(part), goal).item()
    off = off / {divisor}
    print(f"{{epoch}} train {{error:.6f}} held out {{off:.6f}}")
"""

SHARES = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed({seed})
x = torch.randn({rows}, 6)
y = (x[:, 0] + 0.7 * torch.randn({rows}) > x[:, 1]).long()
train = DataLoader(TensorDataset(x[:160], y[:160]), batch_size=8, shuffle=True)
held = DataLoader(TensorDataset(x[160:], y[160:]), batch_size={size})
net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


def walk(loader, fits):
    net.train(fits)
    share = hits = 0
    with torch.set_grad_enabled(fits):
        for part, label in loader:
            scores = net(part)
            if fits:
                optimizer.zero_grad()
                F.cross_entropy(scores, label).backward()
                optimizer.step()
            right = (scores.argmax(1) == label).sum().item()
            share += right / len(label)
            hits += right
    return {figure}


for epoch in range(6):
    print(f"{{epoch}} {{walk(train, True):.4f}} {{walk(held, False):.4f}}")
"""


def codes(path: Path, batches: int, program: str = PROGRAM, **words: object) -> list[str]:
    """What is told of the program, of which each walk is ended after so many batches."""
    path.write_text(program.format(**words))
    watching = Watch(bounds=Bounds(batches), keep=True)
    with contextlib.redirect_stdout(io.StringIO()), watching:
        exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__"})
    assert watching.faults == []
    return [finding.code for finding in watching.findings]


@pytest.mark.parametrize(("size", "count"), [(30, 3), (10, 20), (16, 16)])
@pytest.mark.parametrize("data", ["TensorDataset(x, y)", "Stream()"])
def test_losses_divided_by_all_batches(size: int, count: int, data: str, tmp_path: Path) -> None:
    """One batch more than came, as many as samples came, half of them: it stays the length."""
    words = {"rows": size * count, "size": size, "data": data, "divisor": "count"}
    assert codes(tmp_path / "program.py", 2, **words) == []


def test_losses_divided_by_all_samples(tmp_path: Path) -> None:
    """A mistake is told, though its walks were ended here."""
    words = {"rows": 200, "size": 10, "data": "TensorDataset(x, y)", "divisor": "len(x)"}
    assert codes(tmp_path / "program.py", 2, **words) == ["E101"]


@pytest.mark.parametrize("figure", ["share / len(loader)", "100 * share / len(loader)"])
@pytest.mark.parametrize(("batches", "size", "rows"), [(2, 10, 565), (8, 10, 565), (2, 10, 260)])
@pytest.mark.parametrize("seed", [0, 1])
def test_shares_divided_by_all_batches(
    figure: str, batches: int, size: int, rows: int, seed: int, tmp_path: Path
) -> None:
    """A sum of shares is all right answers divided by the batches' size; a smaller last batch does
    not come; as many batches as a batch has samples."""
    words = {"rows": rows, "size": size, "figure": figure, "seed": seed}
    assert codes(tmp_path / "program.py", batches, SHARES, **words) == []


def test_right_answers_divided_by_batches_as_if_full(tmp_path: Path) -> None:
    """A mistake that a whole walk shows is told, though later ones were ended here."""
    figure = "hits / (len(loader) * 16)"
    words = {"rows": 160 + 89, "size": 16, "figure": figure, "seed": 0}
    assert codes(tmp_path / "program.py", 20, SHARES, **words) == ["E101"]


ADDED_UP = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(640, 6)
y = (x[:, 0] > x[:, 1]).long()
train = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
net = nn.Linear(6, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=1e-2)
schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.1, total_steps=6 * len(train) // {planned}
)
for epoch in range(6):
    for number, (part, label) in enumerate(train):
        (F.cross_entropy(net(part), label) / 4).backward()
        if (number + 1) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
"""


def test_plan_of_a_schedule_over_added_gradients(tmp_path: Path) -> None:
    """A walk that was ended after one step of several batches does not say how many would come."""
    assert codes(tmp_path / "program.py", 6, ADDED_UP, planned=4) == []
    assert codes(tmp_path / "program.py", 16, ADDED_UP, planned=4) == []


def test_schedule_planned_for_batches_over_added_gradients(tmp_path: Path) -> None:
    """Four times as many steps are planned as are taken."""
    assert codes(tmp_path / "program.py", 16, ADDED_UP, planned=1) == ["O110"]
