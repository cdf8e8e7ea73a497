"""O102 where a copy of the network is trained with the optimizer of the first one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

generator = torch.Generator().manual_seed(1)
x = torch.randn(200, 6, generator=generator)
y = (x[:, :1] * x[:, 1:2]).tanh()


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 1))


def epochs(net, optimizer, count, keep=False):
    for _ in range(count):
        for rows in torch.randperm(200).split(25):
            optimizer.zero_grad(set_to_none=not keep)
            F.mse_loss(net(x[rows]), y[rows]).backward()
            optimizer.step()


"""

# two runs of a search share one optimizer; the second network is built, not copied
SEARCH = """
first = network()
optimizer = torch.optim.SGD(first.parameters(), lr=0.05, momentum=0.9)
epochs(first, optimizer, 2)
second = network()
second.train()
if {own}:
    optimizer = torch.optim.SGD(second.parameters(), lr=0.05, momentum=0.9)
epochs(second, optimizer, 2, keep={keep})
"""

# the copy gets gradients of its own, which another one's weights take over before they step
SHARED = """
shared, local = network(), network()
optimizer = torch.optim.Adam(shared.parameters(), lr=1e-3)
for rows in torch.randperm(200).split(10):
    local.load_state_dict(shared.state_dict())
    local.zero_grad()
    F.mse_loss(local(x[rows]), y[rows]).backward()
    for theirs, mine in zip(shared.parameters(), local.parameters()):
        theirs.grad = mine.grad.clone()
    optimizer.step()
shared(x[:5])
"""

# what the inputs mean to the copy is asked in every step; its weights get gradients by the way
ASKED = """
import copy

net = network()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
before = copy.deepcopy(net)
for rows in torch.randperm(200).split(10):
    asked = x[rows].clone().requires_grad_()
    before(asked).sum().backward()
    optimizer.zero_grad()
    F.mse_loss(net(x[rows] + 0.01 * asked.grad.sign()), y[rows]).backward()
    optimizer.step()
"""


def _told(watching: Watch) -> list[str]:
    return [f"{f.code} {f.level}" for f in watching.findings if f.code in ("O101", "O102")]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(("own", "expected"), [(False, ["O102 error"]), (True, [])])
def test_the_second_network_has_an_optimizer(
    own: bool, expected: list[str], keep: bool, run: Callable[[str], Watch]
) -> None:
    """Whether cleared gradients are gone or 0, those of the other network are missed."""
    watching = run(SEARCH.format(own=own, keep=keep))
    assert _told(watching) == expected
    assert all("`second`" in f.where for f in watching.findings if f.code == "O102")


@pytest.mark.parametrize("program", [SHARED, ASKED])
def test_a_second_network_may_have_gradients(program: str, run: Callable[[str], Watch]) -> None:
    """Gradients that are handed over, and those that are a by-product, belong to nobody's mistake."""
    assert _told(run(program)) == []
