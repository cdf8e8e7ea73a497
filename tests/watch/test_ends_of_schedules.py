"""O110 and O101: what comes late in a training that is followed lightly by then."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import Watch, watch

EPOCHS, BATCHES = 5, 8
ALL = EPOCHS * BATCHES


def straight(step: int) -> float:
    """To 0 at the last batch."""
    return max(0.0, 1 - step / ALL)


def rounded(step: int) -> float:
    """The same as half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * step / ALL))


def by_epochs(epoch: int) -> float:
    """To 0 at the last epoch."""
    return max(0.0, 1 - epoch / EPOCHS)


def endless(epoch: int) -> float:
    """A little less with each epoch."""
    return 0.95**epoch


def _walk(function: Callable[[int], float], *, each_batch: bool) -> Watch:
    torch.manual_seed(0)
    x = torch.randn(8 * BATCHES, 4)
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with watch() as watching:
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, function)
        loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), 8)
        for _ in range(EPOCHS):
            for rows, labels in loader:
                optimizer.zero_grad()
                F.cross_entropy(net(rows), labels).backward()
                optimizer.step()
                if each_batch:
                    schedule.step()
            if not each_batch:
                schedule.step()
    assert watching.faults == []
    return watching


@pytest.mark.parametrize(
    ("function", "each_batch", "expected"),
    [
        (straight, False, ["O110"]),
        (rounded, False, ["O110"]),
        (straight, True, []),
        (by_epochs, False, []),
        (endless, False, []),
    ],
)
def test_a_function_that_ends_with_the_batches_is_asked_at_each(
    function: Callable[[int], float], *, each_batch: bool, expected: list[str]
) -> None:
    """O110: planned in batches and stepped once in an epoch."""
    found = _walk(function, each_batch=each_batch).findings
    assert [f.code for f in found if f.code == "O110"] == expected


@pytest.mark.parametrize("given", [True, False])
def test_what_is_set_free_late_is_given_to_the_optimizer(*, given: bool) -> None:
    """O101: the body learns nothing, though it asks for gradients again."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
    net = nn.Sequential(body, nn.Linear(16, 2))
    body.requires_grad_(False)
    held = [p for p in net.parameters() if p.requires_grad]
    with watch() as watching:
        optimizer = torch.optim.SGD(held, lr=0.1)
        for step in range(40):
            if step == 36:
                body.requires_grad_(True)
                if given:
                    optimizer.add_param_group({"params": body.parameters()})
            x = torch.randn(16, 8)
            optimizer.zero_grad()
            F.cross_entropy(net(x), (x[:, 0] > 0).long()).backward()
            optimizer.step()
    assert watching.faults == []
    found = [f.code for f in watching.findings if f.code == "O101"]
    assert found == ([] if given else ["O101"])
