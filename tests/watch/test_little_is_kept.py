"""What watchers hold of a program stays small, and what they ask for together is looked at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from lamplighter.watch import Watch
from lamplighter.watch.data import arrays
from lamplighter.watch.data.feeds import Feeds
from lamplighter.watch.data.measured_again import MOST_BYTES, MeasuredAgain
from lamplighter.watch.files.artifacts import Artifacts
from lamplighter.watch.files.half_saved import HalfSaved
from lamplighter.watch.source.values import plain_number
from lamplighter.watch.world import World

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

x, y = torch.randn(128, 6), torch.randint(0, 2, (128,))
net = nn.Linear(6, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
"""
LOOP = """
for part in torch.randperm(128).split(32):
    optimizer.zero_grad()
    F.cross_entropy(net(x[part]), y[part]).backward()
    optimizer.step()
"""


def test_the_arrays_are_looked_at_once_before_the_first_step(
    run: Callable[[str], Watch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many watchers ask for them at that moment."""
    looks = []
    look = arrays.arrays_in_sight
    monkeypatch.setattr(arrays, "arrays_in_sight", lambda: looks.append(0) or look())
    run(LOOP)
    assert len(looks) == 1


def test_samples_of_a_measurement_are_limited() -> None:
    """Large pictures are kept up to a size, not up to a number."""
    world = World()
    world.steps = 1
    watcher = MeasuredAgain(world)
    net = nn.BatchNorm2d(1)
    with torch.no_grad():
        for _ in range(6):
            watcher.module_entered(net, (torch.zeros(3, 1, 1024, 1024),), {})
    (kept,) = watcher.sets.values()
    assert MOST_BYTES <= sum(t.numel() * t.element_size() for t in kept) < 2 * MOST_BYTES


def test_a_target_network_is_noted_once() -> None:
    """However often it takes the state of the other."""
    watcher, net = Artifacts(World()), nn.Linear(2, 2)
    for _ in range(50):
        watcher.state_loaded(net, net.state_dict())
    assert len(watcher.loaded) == 1


def test_sparse_tensors_have_no_address() -> None:
    """They come in batches of graphs and lie in files."""
    graph = torch.eye(4).to_sparse()
    world = World()
    Feeds(world).batch_given(None, (graph, torch.zeros(4)))  # type: ignore[arg-type]
    for watcher in (HalfSaved(world), Artifacts(world)):
        watcher.saved({"graph": graph, "rows": [torch.zeros(2, 2)]})


@pytest.mark.parametrize(
    ("thing", "number"),
    [
        (torch.tensor([2.0], requires_grad=True), 2.0),
        (np.array([[3]]), 3.0),
        (np.float32(4), 4.0),
        (torch.tensor(1j), None),
        (torch.eye(1).to_sparse(), None),
        (np.complex64(1), None),
        (torch.zeros(1, device="meta"), None),
        ("5", None),
    ],
)
def test_only_a_single_real_number_is_one(thing: object, number: float | None) -> None:
    """Whatever the program compares: nothing is raised, and nothing is warned of."""
    assert plain_number(thing) == number
