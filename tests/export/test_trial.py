"""Whether a network can be exported is known before training, quickly and without side effects."""

from __future__ import annotations

import signal
import threading
import time

import pytest
import torch
from torch import nn

from lamplighter.export.trial import Trial, can_export
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture

OWN = Architecture("own", "nets:Net", 2, 3)
SIZE = Preprocess(16, "crop", 16, 3)


class Net(nn.Module):
    """An ordinary small network that counts its calls, as some people's do."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
        self.head = nn.Linear(4, 2)
        self.calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.head(self.body(images).mean((2, 3)))


class Branching(Net):
    """Branches on a value."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) if images.sum() > 0 else images.mean((2, 3))[:, :2]


class Viewed(Net):
    """Flattens in PyTorch's usual memory format only."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images).view(-1, 4 * 14 * 14)[:, :2]


class Slow(Net):
    """Never done."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for _ in range(1000):
            time.sleep(0.01)
        return super().forward(images)


def test_an_own_network_that_can_be_exported() -> None:
    """Yes for an ordinary network, which is left as it was: modes, counters, statistics, dice."""
    net = Net().train()
    before = torch.random.get_rng_state()
    trial = can_export(net, OWN, SIZE)
    assert (trial.can, trial.why) == (True, "")
    assert net.training
    assert net.body[1].training
    assert net.calls == 0
    assert torch.equal(torch.random.get_rng_state(), before)


def test_one_that_takes_the_usual_memory_format_only() -> None:
    """It is exported as it was trained, so it is tried like that."""
    assert can_export(Viewed(), OWN, SIZE).can


def test_one_that_cannot_is_told_why() -> None:
    """No for one that branches on values, with the reason."""
    trial = can_export(Branching(), OWN, SIZE)
    assert trial.can is False
    assert "cannot be written as a graph" in trial.why


def test_the_trial_ends_in_time() -> None:
    """A network that takes for ever gives "not known", and an alarm of the caller's still rings."""
    rung: list[int] = []
    # pytest-timeout uses the same alarm: put it back whatever happens
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    left = signal.setitimer(signal.ITIMER_REAL, 60)[0]
    try:
        assert can_export(Slow(), OWN, SIZE, seconds=0.5).can is None
        remaining = signal.getitimer(signal.ITIMER_REAL)[0]
        assert 0 < remaining < 60
        assert signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)
    assert rung == []


def test_known_networks_are_not_tried() -> None:
    """Networks of the tables are answered at once (tests marked slow write each of them out)."""
    trial = can_export(Slow(), Architecture("torchvision", "resnet18", 2, 3), SIZE)
    assert trial == Trial(True)


def test_own_tensors_and_other_threads() -> None:
    """Without pictures the answer is no; outside the main thread nothing is tried."""
    assert can_export(Net(), OWN, None).can is False
    found: list[Trial] = []
    thread = threading.Thread(target=lambda: found.append(can_export(Net(), OWN, SIZE)))
    thread.start()
    thread.join()
    assert found[0].can is None


@pytest.mark.parametrize("seconds", [0.001])
def test_no_time_at_all(seconds: float) -> None:
    """Even with next to no time there is an answer and no exception."""
    assert can_export(Net(), OWN, SIZE, seconds=seconds).can in (None, True)
