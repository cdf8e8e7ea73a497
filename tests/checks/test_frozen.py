"""M110 on a network that is frozen as a whole: an error only where nothing else can learn."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from lamplighter.checks.check import check
from lamplighter.watch import watch


def frozen_network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)).requires_grad_(False)


def test_all_frozen_is_told_unless_the_optimizer_holds_a_head_that_learns() -> None:
    """`check` reports a network without a trainable parameter; a head in its optimizer ends that."""
    net, head = frozen_network(), nn.Linear(2, 2)
    alone = check(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
    assert [f.message for f in alone if f.code == "M110"] == [
        "all 4 parameters have requires_grad=False: nothing can learn"
    ]
    both = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)
    assert "M110" not in check(net, optimizer=both).codes


def test_watched_training_of_a_frozen_network_is_told() -> None:
    """Gradients that only reach the inputs teach the network nothing, and that is an error."""
    torch.manual_seed(0)
    net = frozen_network()
    with watch() as watching:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            inputs = torch.randn(16, 8, requires_grad=True)
            F.cross_entropy(net(inputs), torch.randint(0, 2, (16,))).backward()
            optimizer.step()
    found = [f for f in watching.findings if f.code == "M110"]
    assert [f.level for f in found] == ["error"]
    assert "nothing can learn" in found[0].message
