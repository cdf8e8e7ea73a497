"""R107: sums of losses that are computed and not sent back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import Watch, watch

Step = Callable[[Tensor, Tensor, Tensor], None]


class TwoHeads(nn.Module):
    """A trunk below a class and an amount."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(6, 16)
        self.kind = nn.Linear(16, 3)
        self.size = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the classes, and the amount."""
        hidden = self.trunk(x).relu()
        return self.kind(hidden), self.size(hidden)


def _walk(step: Step, *, steps: int = 8) -> Watch:
    torch.manual_seed(0)
    net = TwoHeads()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    with watch() as watching:
        for _ in range(steps):
            x = torch.randn(12, 6)
            scores, amounts = net(x)
            one = F.cross_entropy(scores, (x[:, 0] > 0).long())
            other = F.mse_loss(amounts, x[:, 1:2])
            optimizer.zero_grad()
            step(one, other, amounts)
            optimizer.step()
    assert watching.faults == []
    return watching


def _found(watching: Watch) -> list[tuple[str, str, str]]:
    return [(f.code, f.level, f.where) for f in watching.findings if f.code == "R107"]


def total_is_shown(one: Tensor, other: Tensor, _: Tensor) -> None:
    """The sum goes to the report, its first part to the weights."""
    total = one + 0.5 * other
    one.backward()
    total.item()


def total_of_a_list(one: Tensor, other: Tensor, _: Tensor) -> None:
    """The same by `stack`, and the part is divided."""
    total = torch.stack([one, 2 * other]).sum()
    (one / 2).backward()
    float(total.detach())


def sum_is_dropped(one: Tensor, other: Tensor, amounts: Tensor) -> None:
    """The penalty is added in a line of its own, and the result is let go."""
    one + 0.1 * amounts.abs().mean() + other
    one.backward()


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (total_is_shown, [("R107", "warning", "`total`")]),
        (total_of_a_list, [("R107", "warning", "`total`")]),
        (sum_is_dropped, [("R107", "error", "`one + 0.1 * amounts.abs().mean() + other`")]),
    ],
)
def test_a_sum_that_is_not_sent_back_is_told(
    step: Step, expected: list[tuple[str, str, str]]
) -> None:
    """Whatever way the sum is made, and at the line that matters."""
    assert _found(_walk(step)) == expected


def total_is_sent(one: Tensor, other: Tensor, _: Tensor) -> None:
    """The usual way."""
    total = one + 0.5 * other
    total.backward()


def parts_are_sent(one: Tensor, other: Tensor, _: Tensor) -> None:
    """Both parts by themselves; the sum is for the report."""
    total = one + other
    one.backward(retain_graph=True)
    other.backward()
    total.item()


def sum_with_a_number(one: Tensor, other: Tensor, _: Tensor) -> None:
    """What is added has no weights behind it."""
    total = one + 0.5 * other.detach()
    one.backward()
    total.item()


KEPT: list[Tensor] = []


def epoch_so_far(one: Tensor, other: Tensor, _: Tensor) -> None:
    """A running sum before backward(): the earlier losses have been sent back."""
    KEPT.append(one)
    so_far = sum(KEPT[1:], KEPT[0])
    one.backward()
    so_far.detach()


@pytest.mark.parametrize("step", [total_is_sent, parts_are_sent, sum_with_a_number, epoch_so_far])
def test_a_sum_that_is_sent_back_whole_or_in_parts_is_right(step: Step) -> None:
    """Silence where every term reaches the weights."""
    KEPT.clear()
    assert _found(_walk(step)) == []


def test_parts_by_turns_are_right() -> None:
    """One part in even steps and the other in odd ones."""
    turn = iter(range(100))

    def step(one: Tensor, other: Tensor, _: Tensor) -> None:
        total = one + other
        (one if next(turn) % 2 else other).backward()
        total.item()

    assert _found(_walk(step)) == []
