"""O108, O109, O110: schedules that follow another optimizer, another clock, or always begin again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler as lrs
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(240, 6)
classes = (inputs[:, 0] > inputs[:, 1]).long()
loader = DataLoader(TensorDataset(inputs, classes), batch_size=20, shuffle=True)
body, head = nn.Linear(6, 12), nn.Linear(12, 2)


def learn(*optimizers, after=lambda loss: None):
    for part, target in loader:
        loss = F.cross_entropy(head(torch.relu(body(part))), target)
        for one in optimizers:
            one.zero_grad()
        loss.backward()
        for one in optimizers:
            one.step()
        after(loss)
    return loss
"""
TWO = """
slow, fast = torch.optim.SGD(body.parameters(), lr=0.1), torch.optim.SGD(head.parameters(), lr=0.1)
plans = [lrs.ExponentialLR(one, 0.9) for one in ({owners})]
for _ in range(4):
    learn(slow, fast)
    for plan in plans:
        plan.step()
"""
REPLACED = """
weights = [*body.parameters(), *head.parameters()]
mover = torch.optim.Adam(weights, lr=1e-2)
plan = lrs.StepLR(mover, 2)
for epoch in range(5):
    if epoch == 2:
        mover = torch.optim.SGD(weights, lr=0.1)
        {then}
    learn(mover)
    plan.step()
"""
AGAIN = """
mover = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
{before}
for epoch in range(5):
    {within}
    learn(mover)
    plan.step()
"""
PLATEAU = """
mover = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
plan = lrs.ReduceLROnPlateau(mover, patience={patience})
for epoch in range(3):
    last = learn(mover, after={after})
    {end}
"""
PLANNED = """
mover = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
plan = lrs.PolynomialLR(mover, total_iters={length}, power=2.0)
for epoch in range(4):
    learn(mover)
    plan.step()
"""


def told(watching: Watch, code: str) -> list[str]:
    return [f.level for f in watching.findings if f.code == code]


@pytest.mark.parametrize(("owners", "expected"), [("slow, slow", ["error"]), ("slow, fast", [])])
def test_two_schedules_of_one_optimizer(
    run: Callable[[str], Watch], owners: str, expected: list[str]
) -> None:
    """O109: the second was meant for the other optimizer, which has none."""
    watching = run(TWO.format(owners=owners))
    assert told(watching, "O109") == expected
    said = [f.message for f in watching.findings if f.code == "O109"]
    assert all(
        "two ExponentialLR with the same settings were built with one SGD" in m for m in said
    )


@pytest.mark.parametrize(
    ("then", "expected"), [("pass", ["error"]), ("plan = lrs.StepLR(mover, 2)", [])]
)
def test_the_schedule_of_an_optimizer_that_was_replaced(
    run: Callable[[str], Watch], then: str, expected: list[str]
) -> None:
    """O109: a new optimizer takes the weights over, and the schedule stays with the old one."""
    watching = run(REPLACED.format(then=then))
    assert told(watching, "O109") == expected
    said = [f.message for f in watching.findings if f.code == "O109"]
    assert all("since the Adam that it was built with stepped last" in m for m in said)


@pytest.mark.parametrize(("each", "expected"), [(True, ["warning"]), (False, [])])
def test_a_schedule_built_in_every_epoch(
    run: Callable[[str], Watch], each: bool, expected: list[str]
) -> None:
    """O109: it never comes to its first milestone."""
    build = "plan = lrs.MultiStepLR(mover, [2, 4])"
    texts = {"before": "pass", "within": build} if each else {"before": build, "within": "pass"}
    watching = run(AGAIN.format(**texts))
    assert told(watching, "O109") == expected
    said = [f.message for f in watching.findings if f.code == "O109"]
    assert all("5 of it are built for the same optimizer" in m for m in said)


@pytest.mark.parametrize(
    ("patience", "after", "end", "expected"),
    [
        (9, "plan.step", "pass", ["warning"]),
        (0, "plan.step", "pass", ["error"]),  # falls several times within an epoch
        (40, "plan.step", "pass", []),  # waits for longer than an epoch has batches
        (9, "lambda loss: None", "plan.step(last)", []),
    ],
)
def test_a_plateau_of_single_batches(
    run: Callable[[str], Watch], patience: int, after: str, end: str, expected: list[str]
) -> None:
    """O108: `patience` counts epochs, and the figure is told after every batch."""
    watching = run(PLATEAU.format(patience=patience, after=after, end=end))
    assert told(watching, "O108") == expected
    said = [f.message for f in watching.findings if f.code == "O108"]
    assert all("it is told a figure after every batch" in m for m in said)


@pytest.mark.parametrize(("length", "expected"), [("4 * len(loader)", ["error"]), ("4", [])])
def test_a_polynomial_planned_in_batches(
    run: Callable[[str], Watch], length: str, expected: list[str]
) -> None:
    """O110: it is stepped once an epoch and hardly falls."""
    assert told(run(PLANNED.format(length=length)), "O110") == expected


FREED = """
with torch.no_grad():
    body.weight.mul_(3)  # as pretrained weights are, beyond what torch begins with
body.requires_grad_(False)
net = nn.Sequential(body, nn.ReLU(), head)
mover = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
for epoch in range(6):
    if epoch == 2:
        body.requires_grad_(True)
        {then}
    for part, target in loader:
        mover.zero_grad()
        F.cross_entropy(net(part), target).backward()
        mover.step()
"""


@pytest.mark.parametrize(
    ("then", "expected"),
    [("pass", ["error"]), ("mover.add_param_group({'params': [*body.parameters()]})", [])],
)
def test_set_free_and_given_to_nobody(
    run: Callable[[str], Watch], then: str, expected: list[str]
) -> None:
    """O101: layers are unfrozen after the optimizer was built."""
    assert told(run(FREED.format(then=then)), "O101") == expected
