"""S101 where a training goes on from kept weights and the data were split anew in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import io
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

torch.manual_seed(0)
x = torch.randn(240, 6)
everything = TensorDataset(x, (x[:, 0] + torch.randn(240) > 0).long())
kept = {}


def fixed(n):
    return torch.Generator().manual_seed(n)


def part(name, train, held_out, before=None):
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    if before:
        kept[before].seek(0)
        net.load_state_dict(torch.load(kept[before]))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    batches, others = DataLoader(train, 20, shuffle=True), DataLoader(held_out, 20)
    for _ in range(3):
        net.train()
        for a, b in batches:
            optimizer.zero_grad()
            F.cross_entropy(net(a), b).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        right = sum(int((net(a).argmax(1) == b).sum()) for a, b in others)
    print(name, right)
    kept[name] = io.BytesIO()
    torch.save(net.state_dict(), kept[name])


"""
ANEW = """
part("first", *random_split(everything, [180, 60]))
part("second", *random_split(everything, [180, 60]), before="first")
"""
HEALTHY = {
    "the same split": """
part("first", *random_split(everything, [180, 60], generator=fixed(3)))
part("second", *random_split(everything, [180, 60], generator=fixed(3)), before="first")
""",
    "nothing carried over": """
part("first", *random_split(everything, [180, 60]))
part("second", *random_split(everything, [180, 60]))
""",
    "more to learn from and the same test": """
test = Subset(everything, range(180, 240))
part("first", Subset(everything, range(60)), test)
part("second", Subset(everything, range(180)), test, before="first")
""",
    "what was learned first is asked for again": """
part("first", Subset(everything, range(100)), Subset(everything, range(200, 240)))
part("second", Subset(everything, range(100, 200)), Subset(everything, range(100)), before="first")
""",
}


def test_split_drawn_anew_is_told(run: Callable[[str], Watch]) -> None:
    """Each part by itself is split well; only the weights know more."""
    (found,) = [f for f in run(ANEW).findings if f.code == "S101"]
    assert found.level == "error"
    assert "were trained on by the network whose weights were loaded" in found.message


@pytest.mark.parametrize("name", HEALTHY)
def test_weights_that_know_no_held_out_sample_are_silent(
    name: str, run: Callable[[str], Watch]
) -> None:
    """A fixed split, fresh weights, more data and one test, and a look back on purpose."""
    assert [f for f in run(HEALTHY[name]).findings if f.code in ("S101", "S104")] == []
