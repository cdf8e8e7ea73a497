"""S101 and T102 where what is given by hand is no test: features of all samples, a curve to look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
"""
BODY = """
x = torch.randn(300, 12)
order = torch.randperm(300)
train, test = order[:200], order[200:]
body = nn.Sequential(nn.Linear(12, 16), nn.ReLU())
head = nn.Linear(16, 1)
optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=1e-2)
for _ in range(4):
    for part in train.split(20):
        optimizer.zero_grad()
        F.mse_loss(head(body(x[part])), x[part, :1] ** 2).backward()
        optimizer.step()
body.eval(), head.eval()
"""
FEATURES = """
for p in body.parameters():
    p.requires_grad = False
features = F.normalize(body(x))
second = nn.Linear(16, 1)
optimizer = torch.optim.Adam(second.parameters(), lr=1e-2)
for _ in range(10):
    optimizer.zero_grad()
    F.mse_loss(second(features[train[:50]]), x[train[:50], 3:4] ** 2).backward()
    optimizer.step()
print(F.mse_loss(second(features[test]), x[test, 3:4] ** 2).item())
"""
SCORED = """
with torch.no_grad():
    print(F.mse_loss(head(body(x)), x[:, :1] ** 2).item())
    part = order[150:]
    for some in part.split(75):
        print(F.mse_loss(head(body(x[some])), x[some, :1] ** 2).item())
"""
CURVE = """
x = torch.empty(200, {width}).uniform_(-2, 2)
y = x.sin().sum(1, keepdim=True) + 0.1 * torch.randn(200, 1)
net = nn.Sequential(nn.Linear({width}, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(4):
    for part in torch.randperm(200).split(20):
        optimizer.zero_grad()
        F.mse_loss(net(x[part]), y[part]).backward()
        optimizer.step()
net.eval()
far = {far}
with torch.no_grad():
    print(net(far).mean().item())
"""
ALONG = "torch.linspace(4, 7, 60)[:, None]"
PLANE = "torch.cartesian_prod(torch.linspace(3, 5, 9), torch.linspace(6, 9, 11))"
MEASURED = "50 + 15 * torch.randn(60, 2)"  # other units


def test_features_of_all_samples_are_no_test(run: Callable[[str], Watch]) -> None:
    """What learned as the body of another network is asked without it, for a head of another task."""
    assert [f for f in run(BODY + FEATURES).findings if f.level != "info"] == []


def test_body_that_answers_with_its_head_is_scored(run: Callable[[str], Watch]) -> None:
    """The same network with the head that it learned with is given samples of train as well."""
    found = [f for f in run(BODY + SCORED).findings if f.code == "S101"]
    assert len(found) == 1
    assert "had been trained on before" in found[0].message


@pytest.mark.parametrize(("width", "far"), [(1, ALONG), (2, PLANE)])
def test_a_grid_beyond_the_data_is_only_looked_at(
    width: int, far: str, run: Callable[[str], Watch]
) -> None:
    """Points at even distances are a curve or a plane that somebody wants to see."""
    findings = run(CURVE.format(width=width, far=far)).findings
    assert [f for f in findings if f.level != "info"] == []


def test_measured_points_in_other_units_are_told(run: Callable[[str], Watch]) -> None:
    """The same network asked for points that were not brought to the units of train."""
    found = [f for f in run(CURVE.format(width=2, far=MEASURED)).findings if f.level != "info"]
    assert [f.code for f in found] == ["T102"]
    assert "channel means" in found[0].message
