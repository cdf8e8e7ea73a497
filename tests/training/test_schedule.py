"""Learning rates move as torch's own schedulers move them; optimizers are torch's, by name."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler as torchs

from lamplighter.errors import UsageError
from lamplighter.recipe import OPTIMIZERS, SCHEDULES
from lamplighter.training.optimizer import DEFAULT_LR, make_optimizer
from lamplighter.training.precision import make_precision
from lamplighter.training.schedule import TorchSchedule, make_schedule, one_cycle

STEPS = 1000


def sgd(*rates: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": r} for r in rates])


def ours(name: str, warmup: float = 0, epochs: int = 10) -> list[float]:
    optimizer = sgd(1.0)
    schedule = make_schedule(
        name, optimizer, steps_per_epoch=STEPS // epochs, epochs=epochs, warmup=warmup
    )
    rates = []
    for step in range(STEPS):
        schedule.before_step(step)
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.after_step()
    return rates


def theirs(make) -> list[float]:
    optimizer = sgd(1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_cosine() -> None:
    """Cosine is CosineAnnealingLR over all steps."""
    expected = theirs(lambda o: torchs.CosineAnnealingLR(o, STEPS))
    assert ours("cosine") == pytest.approx(expected, abs=1e-9)


def test_linear() -> None:
    """Linear is LinearLR down to 0."""
    expected = theirs(lambda o: torchs.LinearLR(o, 1.0, 0.0, STEPS))
    assert ours("linear") == pytest.approx(expected, abs=1e-9)


def test_step() -> None:
    """The stairs are MultiStepLR's at half and three quarters."""
    expected = theirs(lambda o: torchs.MultiStepLR(o, [STEPS // 2, STEPS * 3 // 4]))
    assert ours("step") == pytest.approx(expected)


def test_one_cycle() -> None:
    """One cycle is OneCycleLR's curve; torch counts its phases from the first to the last step."""
    expected = theirs(lambda o: torchs.OneCycleLR(o, 1.0, STEPS + 1))
    top = 0.3 * (STEPS + 1) - 1
    for step, rate in enumerate(expected):
        share = 0.3 * step / top if step <= top else 0.3 + 0.7 * (step - top) / (STEPS - top)
        assert one_cycle(share) == pytest.approx(rate, abs=1e-9)
    assert max(abs(a - b) for a, b in zip(ours("one-cycle"), expected, strict=True)) < 0.01


def test_warm_up() -> None:
    """The rate rises in equal steps to its peak and never begins at 0."""
    rates = ours("cosine", warmup=1)
    assert rates[:100] == pytest.approx([(i + 1) / 101 for i in range(100)])
    assert rates[100] == 1.0
    assert rates[-1] < 1e-4


def test_plateau() -> None:
    """A rate falls to a tenth after three epochs without a better loss, NaN and all, and resumes."""
    optimizer = sgd(1.0)
    schedule = make_schedule("plateau", optimizer, steps_per_epoch=10, epochs=10, warmup=0)
    oracle_optimizer = sgd(1.0)
    oracle = torchs.ReduceLROnPlateau(oracle_optimizer, patience=2)
    for loss in (3.0, 2.0, 2.5, 2.5, 2.5, 2.0, math.nan, 1.0, 1.5, 1.5, 1.5):
        schedule.after_epoch(loss)
        oracle.step(loss)
        schedule.before_step(0)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(
            oracle_optimizer.param_groups[0]["lr"]
        )
    again = make_schedule("plateau", sgd(1.0), steps_per_epoch=10, epochs=10, warmup=0)
    again.load_state_dict(schedule.state_dict())
    assert again.factor(5) == schedule.factor(5) == pytest.approx(0.01)


@pytest.mark.parametrize("name", SCHEDULES)
def test_groups_keep_their_ratio(name: str) -> None:
    """A slower backbone stays as much slower all the way; no rate is negative or endless."""
    optimizer = sgd(1.0, 0.1)
    schedule = make_schedule(name, optimizer, steps_per_epoch=7, epochs=3, warmup=0.5)
    for step in range(30):  # also beyond the end, where a resumed run may be asked for more
        schedule.before_step(step)
        head, backbone = (group["lr"] for group in optimizer.param_groups)
        assert 0 <= head <= 1
        assert backbone == pytest.approx(0.1 * head)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [0, 1])
def test_tiny_trainings(name: str, steps: int) -> None:
    """A training of one step, all of it warm-up, has a rate above 0."""
    optimizer = sgd(1.0)
    schedule = make_schedule(name, optimizer, steps_per_epoch=steps, epochs=1, warmup=5)
    schedule.before_step(0)
    assert optimizer.param_groups[0]["lr"] > 0


def test_own_scheduler_is_stepped_where_it_belongs() -> None:
    """OneCycleLR moves per step, others per epoch, ReduceLROnPlateau by the loss."""
    optimizer = sgd(1.0)
    per_step = TorchSchedule(torchs.OneCycleLR(optimizer, 1.0, 10))
    optimizer.step()
    per_step.after_epoch(1.0)
    assert per_step.scheduler.last_epoch == 0
    per_step.after_step()
    assert per_step.scheduler.last_epoch == 1
    per_epoch = TorchSchedule(torchs.StepLR(optimizer, 1))
    per_epoch.after_step()
    assert per_epoch.scheduler.last_epoch == 0
    per_epoch.after_epoch(None)
    assert per_epoch.scheduler.last_epoch == 1
    plateau = TorchSchedule(torchs.ReduceLROnPlateau(optimizer))
    plateau.after_epoch(None)
    plateau.after_epoch(0.5)
    assert plateau.scheduler.best == 0.5


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "Muon"])
def test_optimizers_by_name(name: str) -> None:
    """Each name gives an optimizer of torch's class with the settings asked for; it takes a step."""
    layer = nn.Linear(2, 1)
    optimizer = make_optimizer(
        name,
        [{"params": [layer.weight]}, {"params": [layer.bias], "weight_decay": 0.0, "lr": 0.5}],
        lr=DEFAULT_LR[name],
        momentum=0.8,
        weight_decay=0.01,
        device=torch.device("cpu"),
    )
    assert isinstance(optimizer, getattr(torch.optim, name))
    assert type(optimizer).__name__ == name
    first, second = optimizer.param_groups
    assert (first["lr"], first["weight_decay"]) == (DEFAULT_LR[name], 0.01)
    assert (second["lr"], second["weight_decay"]) == (0.5, 0.0)
    assert first.get("momentum", 0.8) == 0.8
    before = layer.weight.clone()
    layer(torch.ones(3, 2)).sum().backward()
    optimizer.step()
    assert not torch.equal(before, layer.weight)


def test_no_momentum() -> None:
    """SGD without momentum is plain SGD, which Nesterov's rule would refuse."""
    optimizer = make_optimizer(
        "SGD", [{"params": [nn.Parameter(torch.zeros(1))]}], lr=0.1, momentum=0.0,
        weight_decay=0.0, device=torch.device("cpu"),
    )  # fmt: skip
    assert optimizer.param_groups[0]["nesterov"] is False


def test_precision_by_name() -> None:
    """fp16 on a CPU is refused with what to take; bf16 computes in bfloat16."""
    cpu = torch.device("cpu")
    with pytest.raises(UsageError, match="fp16 trains on GPUs only"):
        make_precision("fp16", cpu)
    with make_precision("bf16", cpu).forward():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize("clip", [0.0, 0.5, 1e9])
def test_clipping(clip: float) -> None:
    """The norm told is the one before clipping; the gradients applied are torch's clipped ones."""
    torch.manual_seed(0)
    layers = [nn.Linear(3, 2), nn.Linear(3, 2)]
    layers[1].load_state_dict(layers[0].state_dict())
    for layer in layers:
        (layer(torch.full((4, 3), 2.0)) ** 2).sum().backward()
    optimizer = torch.optim.SGD(layers[0].parameters(), lr=0.1)
    norm = make_precision("fp32", torch.device("cpu")).step(optimizer, clip)
    expected = nn.utils.clip_grad_norm_(layers[1].parameters(), clip or math.inf)
    torch.optim.SGD(layers[1].parameters(), lr=0.1).step()
    assert float(norm) == pytest.approx(float(expected))
    assert torch.allclose(layers[0].weight, layers[1].weight, atol=1e-6)
