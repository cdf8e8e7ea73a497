"""While Lamplighter trains: what goes wrong is told once, and healthy steps stay silent."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lamplighter.checks.finding import Finding
from lamplighter.checks.precision import all_finite
from lamplighter.checks.running import RunningChecks
from lamplighter.listener import Listener


class Ear(Listener):
    def __init__(self) -> None:
        self.heard: list[Finding] = []

    def finding(self, finding: Finding) -> None:
        self.heard.append(finding)


def train(
    net: nn.Module, lr: float, steps: int = 8, dtype: torch.dtype = torch.float32
) -> RunningChecks:
    torch.manual_seed(0)
    x, y = torch.randn(64, 12, dtype=dtype), torch.randint(0, 3, (64,))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    checks = RunningChecks(net, [optimizer], every=4, listener=Ear())
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        with checks.forward(step):
            loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        checks.after_backward(step)
        optimizer.step()
        checks.after_step(step, loss.detach())
    return checks


def network(*first: nn.Module) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(*first, nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))


def test_healthy_training_is_silent() -> None:
    """A training that learns gives no finding."""
    checks = train(network(), lr=0.1, steps=40)
    assert checks.findings == []
    assert checks.after_epoch(3, correct=60, count=100, majority=0.4) == []


def test_first_place_that_is_not_finite_is_named() -> None:
    """P103 names the layer whose output first had NaN, and is told once."""
    net = network()
    with torch.no_grad():
        net[0].weight[0, 0] = float("nan")
    checks = train(net, lr=0.1)
    told = [f for f in checks.findings if f.code == "P103" and f.where == "0"]
    assert len(told) == 1
    assert "NaN in its output" in told[0].message
    assert checks.listener.heard == checks.findings  # type: ignore[attr-defined]


def test_a_loss_given_as_a_number_is_looked_at_every_step() -> None:
    """A fetched loss costs nothing to look at, so no step is passed over."""
    checks = RunningChecks(network(), [], every=1000)
    assert [f.code for f in checks.after_step(17, float("inf"))] == ["P103"]


def test_too_large_updates_are_told() -> None:
    """O103 comes when an update is larger than the weights."""
    assert "O103" in [f.code for f in train(network(), lr=1e4, steps=1).findings]


def test_weights_that_stay_are_told() -> None:
    """O107 comes when a weight with a gradient has not changed by a bit for 50 steps."""
    checks = train(network(), lr=1e-12, steps=60)
    assert "O107" in [f.code for f in checks.findings]


def test_dead_relu_is_told() -> None:
    """M108 comes when a ReLU gave nothing but 0 at three looks."""
    net = network()
    nn.init.constant_(net[0].bias, -100.0)
    assert "M108" in [f.code for f in train(net, lr=0.1, steps=12).findings]


def test_rounded_updates_are_told() -> None:
    """P101 comes when bfloat16 weights cannot take the update."""
    checks = train(network().bfloat16(), lr=1e-5, dtype=torch.bfloat16)
    assert "P101" in [f.code for f in checks.findings]


@pytest.mark.parametrize(("correct", "codes"), [(40, ["Y101"]), (70, [])])
def test_accuracy_is_held_against_the_commonest_class(correct: int, codes: list[str]) -> None:
    """Y101 comes from the third epoch on, when answers are no better than the majority's."""
    checks = RunningChecks(network(), [])
    assert checks.after_epoch(1, correct=correct, count=100, majority=0.4) == []
    assert [
        f.code for f in checks.after_epoch(3, correct=correct, count=100, majority=0.4)
    ] == codes


def test_what_the_user_allowed_is_marked() -> None:
    """A finding that the user allowed carries the reason."""
    checks = RunningChecks(network(), [], allow={"P103": "I know"})
    assert checks.after_step(1, float("nan"))[0].allowed == "I know"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_all_finite_sees_one_value_that_is_not(bad: float, kind: torch.dtype) -> None:
    """Also where infinities of both signs meet in the sum."""
    values = torch.zeros(3, 1000, dtype=kind)
    values[1, 7] = bad
    assert not all_finite(values)
    values[2, 8] = -bad
    assert not all_finite(values)


def test_all_finite_is_not_misled_by_a_sum_that_is_too_large() -> None:
    """The sum of large halves is infinite though each of them is a number."""
    values = torch.full((1000,), 60000.0, dtype=torch.float16)
    assert not torch.isfinite(values.sum())
    assert all_finite(values)
