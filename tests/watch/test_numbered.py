"""T102 and Y104 where a function of the program's own numbers the names, anew for each part."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
rng = np.random.default_rng(0)
WOODS = np.array(["oak", "elm", "ash", "yew", "fir"])
WEIGHT = dict(zip(WOODS, [7.0, 5.5, 6.5, 6.8, 4.1]))


def logs(count, woods):
    kinds = rng.choice(woods, count)
    return [{"wood": str(kind), "dry": float(rng.uniform())} for kind in kinds]


class Weighs(nn.Module):
    def __init__(self):
        super().__init__()
        self.wood = nn.Embedding(5, 3)
        self.head = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, wood, dry):
        return self.head(torch.cat([self.wood(wood), dry], 1))[:, 0]
"""
FIT = """
net = Weighs()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
wood, dry, goal = prepared(logs(400, WOODS))
for _ in range(2):
    for rows in torch.randperm(400).split(40):
        optimizer.zero_grad()
        F.mse_loss(net(wood[rows], dry[rows]), goal[rows]).backward()
        optimizer.step()
net.eval()
wood, dry, goal = prepared(logs(120, WOODS[[0, 1, 3, 4]]))
with torch.no_grad():
    print((net(wood, dry) - goal).abs().mean())
"""
PREPARED = """
def prepared(logs):
    number = {number}
    wood = torch.tensor([number[log["wood"]] for log in logs])
    dry = torch.tensor([[log["dry"]] for log in logs])
    return wood, dry, torch.tensor([WEIGHT[log["wood"]] - log["dry"] for log in logs])
"""
BY_ARRAYS = """
def prepared(logs):
    names = np.array([log["wood"] for log in logs])
    codes = {codes}
    goal = np.array([WEIGHT[name] for name in names]) - [log["dry"] for log in logs]
    dry = np.array([[log["dry"]] for log in logs], dtype=np.float32)
    return torch.from_numpy(codes), torch.from_numpy(dry), torch.tensor(goal).float()
"""
ANEW = {
    "in the order of coming": PREPARED.format(
        number='{n: i for i, n in enumerate(dict.fromkeys(log["wood"] for log in logs))}'
    ),
    "sorted": BY_ARRAYS.format(codes="np.unique(names, return_inverse=True)[1]"),
}
ONCE = {
    "a table of all": PREPARED.format(number="{str(n): i for i, n in enumerate(WOODS)}"),
    "a search among all": BY_ARRAYS.format(codes="np.searchsorted(np.sort(WOODS), names)"),
}


@pytest.mark.parametrize("how", ANEW)
def test_names_numbered_by_hand_for_each_part_are_told(
    how: str, run: Callable[[str], Watch]
) -> None:
    """The names are gone when the network is given their numbers."""
    (found,) = run(ANEW[how] + FIT).findings
    assert (found.code, found.level) == ("T102", "error")
    assert "the names of a column are numbered anew here" in found.message
    assert found.line is not None
    assert HEAD.count("\n") < found.line <= (HEAD + ANEW[how]).count("\n")


@pytest.mark.parametrize("how", ONCE)
def test_one_numbering_for_all_is_right(how: str, run: Callable[[str], Watch]) -> None:
    """Though it is made anew for each part."""
    assert run(ONCE[how] + FIT).findings == []
