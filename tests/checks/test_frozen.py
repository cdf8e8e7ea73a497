"""M110 and O103 where it is meant: a network frozen as a whole, a copy that follows, weights near zero."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from lamplighter.checks import structure
from lamplighter.checks.check import check
from lamplighter.checks.optimizer import learning_rate_too_high, size_of
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


class WithTarget(nn.Module):
    """A network whose last part follows another one by hand, or was merely forgotten."""

    def __init__(self, *, follows: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(8, 16), nn.Linear(16, 16)
        self.target = nn.Linear(16, 16)
        if follows:
            self.target.load_state_dict(self.head.state_dict())
        self.target.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.target(self.head(self.body(x)))


def test_a_frozen_copy_of_what_learns_is_meant() -> None:
    """An output layer that follows a learning one is no forgotten head; one with values of its own is."""
    assert [f.code for f in structure.output_frozen(WithTarget(follows=True))] == []
    assert [f.code for f in structure.output_frozen(WithTarget(follows=False))] == ["M110"]


def test_weights_that_begin_near_zero_may_move_far() -> None:
    """A step of 0.003 on weights of 0.001 is small; ten on weights of any size is told."""
    weight = torch.full((2, 3), 1e-3)
    size = {"alphas": size_of(weight)}
    assert list(learning_rate_too_high({"alphas": 0.003 * 6**0.5}, size)) == []
    (found,) = learning_rate_too_high({"alphas": 10 * 6**0.5}, size)
    assert found.code == "O103"
    assert size_of(torch.zeros(4, 4)) == 0
