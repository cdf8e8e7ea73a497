"""S107: scaling that was fitted on what is held out as well, by scikit-learn or by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
series = np.cumsum(rng.normal(size=400))
table = rng.normal(5, 3, size=(300, 6)) + np.linspace(0, 4, 300)[:, None]


class Windows(Dataset):
    def __init__(self, values):
        self.values = torch.tensor(values, dtype=torch.float32)

    def __len__(self):
        return len(self.values) - 12

    def __getitem__(self, index):
        return self.values[index : index + 12], self.values[index + 12]


def fit(rows, goal, test, width):
    model = nn.Sequential(nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for part in torch.arange(len(rows)).split(25):
        optimizer.zero_grad()
        F.mse_loss(model(rows[part])[:, 0], goal[part]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        model(test)


def fit_loaders(train, test):
    model = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for x, y in train:
        optimizer.zero_grad()
        F.mse_loss(model(x)[:, 0], y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for x, _ in test:
            model(x)

"""
WHOLE = "values = MinMaxScaler().fit_transform(series[:, None])[:, 0]\n"
ON_TRAIN = (
    "scaler = MinMaxScaler().fit(series[:280, None])\n"
    "values = scaler.transform(series[:, None])[:, 0]\n"
)
LOADERS = (
    "fit_loaders(DataLoader(Windows(values[:280]), 20, shuffle=True), "
    "DataLoader(Windows(values[280:]), 20))\n"
)
BY_HAND = "rows = torch.tensor(rows, dtype=torch.float32)\nfit(rows[:200], rows[:200].sum(1), rows[200:], 6)\n"
DIRTY = {
    "windows of a series": WHOLE + LOADERS,
    "a table by hand": "rows = StandardScaler().fit_transform(table)\n" + BY_HAND,
    "own arithmetic": "rows = (table - table.mean(0)) / table.std(0)\n" + BY_HAND,
    "own arithmetic on a series": ("values = (series - series.mean()) / series.std()\n" + LOADERS),
}
CLEAN = {
    "windows of a series": ON_TRAIN + LOADERS,
    "a table by hand": "rows = StandardScaler().fit(table[:200]).transform(table)\n" + BY_HAND,
    "own arithmetic": "rows = (table - table[:200].mean(0)) / table[:200].std(0)\n" + BY_HAND,
    "a range by nature": "rows = table / 30\n" + BY_HAND,
}


@pytest.mark.parametrize("name", DIRTY)
def test_scaling_on_everything_is_told_at_its_line(name: str, run: Callable[[str], Watch]) -> None:
    """The first line after the head scales everything, and is named."""
    (found,) = run(DIRTY[name]).findings
    assert (found.code, found.level) == ("S107", "error")
    assert found.line == HEAD.count("\n") + 1
    assert "fit the scaler on train alone" in found.fix


@pytest.mark.parametrize("way", ["StandardScaler().fit_transform(even)", "scale(even)"])
def test_scaling_that_changes_next_to_nothing_is_a_warning(
    way: str, run: Callable[[str], Watch]
) -> None:
    """Rows drawn at random have nearly the same means and deviations in every part."""
    (found,) = run(
        "from sklearn.preprocessing import scale\n"
        f"even = rng.normal(5, 3, size=(600, 6))\nrows = {way}\n" + BY_HAND.replace("200", "450")
    ).findings
    assert (found.code, found.level) == ("S107", "warning")


@pytest.mark.parametrize("name", CLEAN)
def test_scaling_on_train_stays_silent(name: str, run: Callable[[str], Watch]) -> None:
    """What was fitted on train alone may scale what is held out."""
    assert run(CLEAN[name]).findings == []


def test_scaler_is_itself_again_afterwards(run: Callable[[str], Watch]) -> None:
    """The classes of scikit-learn are left as they were."""
    from sklearn.preprocessing import StandardScaler

    before = StandardScaler.fit, StandardScaler.transform
    run(DIRTY["a table by hand"])
    assert (StandardScaler.fit, StandardScaler.transform) == before
