"""A training that repeats itself is followed lightly: what is still heard, and what it changes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lamplighter as lamp
from lamplighter.watch.attention import EVENTS_OF_A_TRAINING
from lamplighter.watch.events import Stream, Watcher


class Heard(Watcher):
    """Counts what it hears."""

    always = frozenset({"step_ended"})

    def __init__(self) -> None:
        self.calls = self.steps = 0

    def module_entered(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.calls += 1

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self.steps += 1


class Fails(Watcher):
    """Breaks at the first step."""

    def step_ended(self, optimizer: torch.optim.Optimizer) -> None:
        raise ValueError("broken")


def trained(steps: int, *, others: tuple[Watcher, ...] = ()) -> Any:
    """The watching of a plain loop of so many steps in one epoch."""
    torch.manual_seed(0)
    images = torch.randn(2 * steps, 8)
    labels = (images.sum(1) > 0).long()
    loader = DataLoader(TensorDataset(images, labels), batch_size=2, shuffle=True)
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watch = lamp.watch(model, optimizer)
    for other in others:
        watch.stream.add(other)
    with watch:
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return watch


def test_a_resting_watcher_hears_only_what_it_named() -> None:
    """After the close look, calls of the network are told to nobody, steps to those who asked."""
    heard = Heard()
    watch = trained(EVENTS_OF_A_TRAINING.first + 60, others=(heard,))
    assert heard.steps == EVENTS_OF_A_TRAINING.first + 60
    assert heard.calls == EVENTS_OF_A_TRAINING.first
    assert watch.steps == EVENTS_OF_A_TRAINING.first + 60


def test_a_nan_that_comes_late_is_still_found() -> None:
    """The loss is looked at in every step, also while the other watchers rest."""
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with lamp.watch(model, optimizer) as watch:
        for step in range(EVENTS_OF_A_TRAINING.first + 40):
            optimizer.zero_grad()
            loss = model(torch.randn(8, 4)).square().mean()
            if step == EVENTS_OF_A_TRAINING.first + 20:
                loss = loss * float("nan")
            loss.backward()
            optimizer.step()
    found = [f for f in watch.findings if f.code == "P103"]
    assert len(found) == 1
    assert f"step {EVENTS_OF_A_TRAINING.first + 21}" in found[0].message


def test_a_watcher_that_fails_hears_no_more_and_keeps_nobody_else_from_hearing() -> None:
    """The others of the same event are told all the same, before and after it."""
    first, last = Heard(), Heard()
    stream = Stream([first, Fails(), last])
    for _ in range(3):
        stream.tell("step_ended", None)
    assert (first.steps, last.steps) == (3, 3)
    assert stream.faults == ["Fails.step_ended: ValueError: broken"]


def test_a_loader_that_is_older_than_the_watching_is_told_once() -> None:
    """What is seen before the first step and again at the end is one finding."""
    torch.manual_seed(0)
    images, labels = torch.randn(640, 64), torch.randint(0, 4, (640,))
    loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with lamp.watch(model, optimizer) as watch:
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    told = [f.code for f in watch.findings if f.code == "Y101"]
    assert told == ["Y101"]


class Around(torch.optim.Optimizer):
    """Steps by another optimizer, as those that look ahead do."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        super().__init__(inner.param_groups, {})
        self.inner = inner

    def step(self, closure: Any = None) -> None:
        """One step of the inner one."""
        self.inner.step()


def test_operations_are_heard_again_after_a_step_within_a_step() -> None:
    """Both steps end listening, and the outer one begins it again."""
    model = nn.Linear(2, 1)
    optimizer = Around(torch.optim.SGD(model.parameters(), lr=0.01))
    with lamp.watch(model, optimizer) as watch:
        for _ in range(3):
            model(torch.randn(4, 2)).sum().backward()
            optimizer.step()
            assert watch.stream.listening
    assert watch.faults == []


def test_an_edge_of_a_graph_is_sent_back_untold() -> None:
    """It is no number that a watcher could read."""
    model = nn.Linear(2, 1)
    with lamp.watch(model) as watch:
        loss = model(torch.randn(4, 2)).sum()
        torch.autograd.backward(torch.autograd.graph.get_gradient_edge(loss))
    assert watch.faults == []
    assert model.weight.grad is not None


def test_what_runs_within_vmap_is_told_to_nobody() -> None:
    """Its tensors have no numbers of their own; what comes of it is heard."""
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def one(row: torch.Tensor) -> torch.Tensor:
        answer = model(row[None])
        return (
            F.cross_entropy(answer, torch.zeros(1).long()) + (answer - answer.mean()).square().sum()
        )

    with lamp.watch(model, optimizer) as watch:
        for _ in range(3):
            losses = torch.vmap(one)(torch.randn(6, 2))
            optimizer.zero_grad()
            losses.mean().backward()
            optimizer.step()
    assert watch.faults == []
    assert watch.steps == 3
