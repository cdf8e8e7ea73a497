"""S103 where a running figure of a series takes in the very value that is to be predicted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lamplighter.checks.running_features import window_holds_the_target
from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
load = np.sin(np.arange(260) / 5) + rng.normal(0, 0.4, 260)
"""
TRAIN = """
x = torch.tensor(np.stack(rows), dtype=torch.float32)
y = torch.tensor(load[10:], dtype=torch.float32)
net = nn.Sequential(nn.Linear(x.shape[1], 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
loader = DataLoader(TensorDataset(x[:200], y[:200]), 20, shuffle=True)
for a, b in loader:
    optimizer.zero_grad()
    F.mse_loss(net(a)[:, 0], b).backward()
    optimizer.step()
"""
ROWS = """
rows = []
for t in range(10, 260):
    level = {figure}
    rows.append(np.append(load[t - 3 : t], 10 * level + 2))
"""


@pytest.mark.parametrize(
    ("figure", "how"),
    [
        ("load[t - 4 : t + 1].mean()", "the mean of the last 5 targets"),
        ("load[t - 9 : t + 1].max()", "the largest of the last 10 targets"),
        ("load[t - 6 : t + 1].std()", "the deviation of the last 7 targets"),
    ],
)
def test_window_that_ends_too_late_is_told_with_its_line(
    figure: str, how: str, run: Callable[[str], Watch]
) -> None:
    """In whatever unit the column is."""
    (found,) = run(ROWS.format(figure=figure) + TRAIN).findings
    assert (found.code, found.level, found.where) == ("S103", "error", "feature 3")
    assert how in found.message
    assert found.line == HEAD.count("\n") + 4


@pytest.mark.parametrize("figure", ["load[t - 5 : t].mean()", "load[t - 10 : t].max()", "t / 100"])
def test_window_that_ends_before_the_value_is_silent(
    figure: str, run: Callable[[str], Watch]
) -> None:
    """Also the time itself."""
    assert run(ROWS.format(figure=figure) + TRAIN).findings == []


def test_what_fits_too_early_as_well_is_no_sign() -> None:
    """On a line or a growth every window is every other, and changes are given to be summed up."""
    time = torch.arange(200, dtype=torch.float64)
    for series in (3 * time + 1, 1.02**time):
        early = series.unfold(0, 5, 1).mean(1)[:-1]
        assert list(window_holds_the_target(torch.stack([early, early**2], 1), series[5:])) == []
    changes = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    assert list(window_holds_the_target(changes, changes[:, 0].cumsum(0))) == []
