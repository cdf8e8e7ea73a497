"""D104 and D109 by what reading a data set does: samples changed in place, and samples never drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset

torch.manual_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(5, 2, (240, 6)).astype(np.float32)
y = (x[:, 0] > 5).astype(np.int64)


def train(dataset, net=None):
    net = net or nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for a, b in DataLoader(dataset, 16, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(net(a), b).backward()
        optimizer.step()


class Held(Dataset):
    def __init__(self):
        self.rows = [row.copy() for row in x]
        self.kept = np.zeros_like(x)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
{inside}
        return torch.from_numpy(row), int(y[i])


class Table(Dataset):
    def __init__(self, limit=30):
        self.data = {{"x": torch.from_numpy(x), "y": torch.from_numpy(y)}}
        self.names = ["low", "high"]
        self.limit = limit

    def __len__(self):
        return {length}

    def __getitem__(self, i):
        return self.data["x"][i], self.data["y"][i]


"""
PLAIN = {"inside": "        pass", "length": 'len(self.data["x"])'}
ALTERED = {
    "in one statement": "        row -= row.mean()\n        row *= 2",
    "by a function": "        np.multiply(row, 0.5, out=row)",
    "by a view": "        torch.from_numpy(row).sub_(1).div_(2)",
}
LEFT = {
    "a copy": "        row = row.copy()\n        row -= 1",
    "a cache": "        self.kept[i] = row - 1\n        row = self.kept[i]",
    "once and for all": "        np.clip(row, 4, 6, out=row)",
}


def told(watching: Watch) -> list[tuple[str, str, str]]:
    """Code, level and message of what is more than information."""
    return [(f.code, f.level, f.message) for f in watching.findings if f.level != "info"]


@pytest.fixture
def read(tmp_path: Path, observe: Callable[[Path], Watch]) -> Callable[..., Watch]:
    """A function: what stands within the two data sets, and the end of the program → the watch."""

    def ran(rest: str, **given: str) -> Watch:
        path = tmp_path / "program.py"
        path.write_text(HEAD.format(**(PLAIN | given)) + rest)
        watching = observe(path)
        assert watching.faults == []
        return watching

    return ran


@pytest.mark.parametrize("how", ALTERED)
def test_reading_that_writes_is_told_with_its_line(how: str, read: Callable[..., Watch]) -> None:
    """The stored sample is another after each reading, whoever changes it."""
    watching = read("train(Subset(Held(), range(200)))", inside=ALTERED[how])
    (found,) = [f for f in watching.findings if f.code == "D104"]
    assert found.level == "error"
    assert "writes into `rows`" in found.message
    program = HEAD.format(**(PLAIN | {"inside": ALTERED[how]})).splitlines()
    assert any(sign in program[found.line - 1] for sign in ("-=", "__getitem__", "sub_"))


@pytest.mark.parametrize("how", LEFT)
def test_reading_that_ends_in_the_same_numbers_is_silent(
    how: str, read: Callable[..., Watch]
) -> None:
    """A copy, a cache that is filled once, and a change that the second reading does not repeat."""
    assert told(read("train(Held())", inside=LEFT[how])) == []


def test_looking_leaves_the_stored_samples_as_they_are(read: Callable[..., Watch]) -> None:
    """What the look has read three times is put back, so that the training sees its own numbers."""
    rest = "held = Held()\ntrain(held)\nassert np.allclose(np.stack(held.rows), (x - 1) / 2)"
    assert read(rest, inside=ALTERED["by a view"]).world.whole


def test_length_of_something_else_is_told(read: Callable[..., Watch]) -> None:
    """The number of columns or of classes for that of samples."""
    for length in ("len(self.data)", "len(self.names)"):
        watching = read("for _ in range(3): train(Table())", length=length)
        (found,) = [f for f in watching.findings if f.code == "D109"]
        assert found.level == "error"
        assert "its length is 2" in found.message
        assert "240 samples can be read" in found.message


def test_length_that_is_wanted_is_silent(read: Callable[..., Watch]) -> None:
    """All samples, or as many as a number says."""
    assert told(read("train(Table())")) == []
    assert told(read("train(Table())", length="self.limit")) == []
