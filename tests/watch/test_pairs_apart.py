"""L112: losses of pairs that take the labels for the opposite of what they say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(1)
kind = torch.arange(160) % 5
rows = torch.randn(5, 12)[kind] + 0.5 * torch.randn(160, 12)
net = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 6))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)


def pairs(n):
    first = torch.randint(0, 160, (n,))
    second = torch.where(torch.rand(n) < 0.5, (first + 5 * torch.randint(1, 9, (n,))) % 160,
                         (first + torch.randint(1, 5, (n,))) % 160)
    return first, second


def learn(loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


"""
BY_HAND = """
for step in range(10):
    i, j = pairs(64)
    same = (kind[i] == kind[j]).{as_}()
    one, other = net(rows[i]), net(rows[j])
    {distance}
    learn({loss})
"""
TOGETHER = """
class Drawn(Dataset):
    def __init__(self):
        self.i, self.j = pairs(400)

    def __len__(self):
        return 400

    def __getitem__(self, index):
        i, j = self.i[index], self.j[index]
        return rows[i], rows[j], (kind[i] != kind[j]).float()


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = net

    def forward(self, a, b):
        return F.pairwise_distance(self.body(a), self.body(b))


two = Two()
for a, b, differ in DataLoader(Drawn(), 50, shuffle=True):
    d = two(a, b)
    learn({loss})
"""
DISTANCES = [
    "d = F.pairwise_distance(one, other)",
    "d = (one - other).pow(2).sum(1).add(1e-6).sqrt()",
    "d = torch.linalg.norm(one - other, dim=1)",
    "d = 1 - F.cosine_similarity(one, other)",
]
RIGHT = "(same * d**2 + (1 - same) * F.relu(2.0 - d)**2).mean()"
WRONG = "((1 - same) * d**2 + same * F.relu(2.0 - d)**2).mean()"


def _lines(watching: Watch) -> list[tuple[str, str]]:
    return [(f.level, f.where) for f in watching.findings if f.code == "L112"]


@pytest.mark.parametrize("distance", DISTANCES)
def test_pairs_of_one_class_are_pushed_apart(distance: str, run: Callable[[str], Watch]) -> None:
    """Whatever the distance is, and whichever way the labels are written."""
    wrong = BY_HAND.format(as_="float", distance=distance, loss=WRONG)
    assert _lines(run(wrong)) == [("error", "pairs")]
    right = BY_HAND.format(as_="float", distance=distance, loss=RIGHT)
    assert _lines(run(right)) == []


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("torch.where(same, F.relu(2.0 - d)**2, d**2).mean()", [("error", "pairs")]),
        ("torch.where(same, d**2, F.relu(2.0 - d)**2).mean()", []),
        ("d[~same].mean() - d[same].clamp(max=2.0).mean()", [("error", "pairs")]),
        ("d[same].mean() - d[~same].clamp(max=2.0).mean()", []),
    ],
)
def test_labels_may_choose(
    loss: str, expected: list[tuple[str, str]], run: Callable[[str], Watch]
) -> None:
    """The labels as a choice between two terms, or of the pairs of each."""
    program = BY_HAND.format(as_="bool", distance=DISTANCES[0], loss=loss)
    assert _lines(run(program)) == expected


def test_pairs_of_a_loader(run: Callable[[str], Watch]) -> None:
    """Labels that say which pairs differ, and one call for both inputs."""
    wrong = "(differ * d.square() + (1 - differ) * (2.0 - d).clamp(min=0).square()).mean()"
    assert _lines(run(TOGETHER.format(loss=wrong))) == [("error", "pairs")]
    right = "((1 - differ) * d.square() + differ * (2.0 - d).clamp(min=0).square()).mean()"
    assert _lines(run(TOGETHER.format(loss=right))) == []


def test_other_meanings_are_silent(run: Callable[[str], Watch]) -> None:
    """Labels that have nothing to do with the classes in sight."""
    program = BY_HAND.format(as_="float", distance=DISTANCES[0], loss=WRONG)
    program = program.replace("(kind[i] == kind[j])", "(rows[i, 0] * rows[j, 0] > 0)")
    assert _lines(run(program)) == []
