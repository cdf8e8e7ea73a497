"""O104 of one group, O109 and O110 before a training: what `schedule=` is for."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.check import check


def _data() -> DataLoader[tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    x = torch.randn(200, 6)
    return DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), 16, shuffle=True)


def _network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))


@pytest.mark.parametrize(("rate", "told"), [(1e-11, True), (1e-5, False)])
def test_a_group_that_stays_is_told(rate: float, *, told: bool) -> None:
    """O104: its weights do not move while those of another group do."""
    data, net = _data(), _network()
    groups = [{"params": net[0].parameters(), "lr": rate}, {"params": net[2].parameters()}]
    report = check(net, data, optimizer=torch.optim.AdamW(groups, lr=1e-3))
    assert [f.where for f in report.findings if f.code == "O104"] == (
        ["parameter group 0"] if told else []
    )


@pytest.mark.parametrize(("total", "told"), [(10 * 200, True), (10 * 13, False), (777, False)])
def test_a_length_in_samples_is_told(total: int, *, told: bool) -> None:
    """O110: ten epochs have ten times as many steps as batches."""
    data, net = _data(), _network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    schedules = [
        lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=total),
        lr_scheduler.CosineAnnealingLR(optimizer, total),
    ]
    for schedule in schedules:
        report = check(net, data, optimizer=optimizer, schedule=schedule)
        assert ("O110" in {f.code for f in report.findings}) is told


def test_a_schedule_of_another_optimizer_is_told() -> None:
    """O109: it was built with an optimizer that will not step."""
    data, net = _data(), _network()
    old, new = (torch.optim.SGD(net.parameters(), lr=0.05) for _ in range(2))
    schedule = lr_scheduler.StepLR(old, 3)
    for optimizer, told in ((new, True), (old, False), ([new, old], False), (None, False)):
        report = check(net, data, optimizer=optimizer, schedule=schedule)
        assert ("O109" in {f.code for f in report.findings}) is told
