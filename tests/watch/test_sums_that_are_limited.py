"""R106 where gradients of several batches are added up and then clipped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn.utils import clip_grad
from torch.utils.data import DataLoader, TensorDataset

generator = torch.Generator().manual_seed(4)
x = torch.randn(240, 6, generator=generator)
z = x[:, :1].sin() + 0.1 * torch.randn(240, 1, generator=generator)
train = DataLoader(TensorDataset(x, z), batch_size=10, shuffle=True)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
"""

LOOP = """
for epoch in range(4):
    for number, (part, goal) in enumerate(train, 1):
        off = nn.functional.smooth_l1_loss(net(part), goal){divided}
        off.backward()
        if number % 4 == 0:
            {limit}
            optimizer.step()
            optimizer.zero_grad()
"""


@pytest.mark.parametrize(
    ("divided", "limit", "expected"),
    [
        # a limit for exploding gradients, which these never reach
        ("", "clip_grad.clip_grad_norm_(net.parameters(), max_norm=100.0)", ["R106 warning"]),
        ("", "[clip_grad.clip_grad_norm_(m.parameters(), 90) for m in (net[0], net[2])]", ["R106 warning"]),
        (" / 4", "clip_grad.clip_grad_norm_(net.parameters(), max_norm=100.0)", []),
        # the length of the step is that of the limit, whatever is added up
        ("", "clip_grad.clip_grad_norm_(net.parameters(), 0.01)", []),
        ("", "clip_grad.clip_grad_norm_(net[2].parameters(), 0.001)", []),
        ("", "clip_grad.clip_grad_value_(net.parameters(), 0.001)", []),
    ],
)  # fmt: skip
def test_a_limit_counts_where_it_is_reached(
    run: Callable[[str], Watch], divided: str, limit: str, expected: list[str]
) -> None:
    """R106: clipping excuses a sum only where it decides how large the sum is."""
    watching = run(LOOP.format(divided=divided, limit=limit))
    assert [f"{f.code} {f.level}" for f in watching.findings if f.code == "R106"] == expected
