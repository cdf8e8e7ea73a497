"""Q102: a target network is kept up to date, and the learning network gives the targets."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lamplighter.watch import Watch

HEAD = """
import copy

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
states, following = torch.randn(400, 6), torch.randn(400, 6)
actions = torch.randint(0, 3, (400,))
rewards = states[:, 0] + (actions == 1).float()
over = (torch.rand(400) < 0.1).float()


def make():
    return nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))

"""
AGENT = """
class Agent:
    def __init__(self):
        self.net, self.slow = make(), make()
        self.slow.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.003)

    def follow(self):
        for theirs, mine in zip(self.slow.parameters(), self.net.parameters()):
            theirs.data.copy_(0.95 * theirs.data + 0.05 * mine.data)

    def learn(self, part):
        with torch.no_grad():
            value = self.{asked}(following[part]).max(1)[0]
        goal = rewards[part] + 0.9 * value * (1 - over[part])
        said = self.net(states[part]).gather(1, actions[part][:, None]).squeeze(1)
        loss = F.smooth_l1_loss(said, goal)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.follow()


agent = Agent()
for _ in range(100):
    agent.learn(torch.randint(0, 400, (32,)))
"""
DOUBLE = """
net = make()
slow = copy.deepcopy(net)
optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
for number in range(100):
    part = torch.randint(0, 400, (32,))
    with torch.no_grad():
        chosen = net(following[part]).argmax(1, keepdim=True)
        value = {asked}(following[part]).gather(1, chosen).squeeze(1)
        goal = rewards[part] + 0.9 * (1 - over[part]) * value
    said = net(states[part]).gather(1, actions[part][:, None]).squeeze(1)
    loss = (said - goal).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for theirs, mine in zip(slow.parameters(), net.parameters()):
            theirs.lerp_(mine, 0.02)
"""
KEPT = """
net = make()
best = copy.deepcopy(net)
optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
for number in range(100):
    part = torch.randint(0, 400, (32,))
    with torch.no_grad():
        value = net(following[part]).max(1).values
    goal = rewards[part] + 0.9 * value * (1 - over[part])
    said = net(states[part]).gather(1, actions[part][:, None]).squeeze(1)
    loss = F.mse_loss(said, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if number == 60:
        best.load_state_dict(net.state_dict())
"""
# an average of the weights, by which the last figure is made: of the whole, or of a part by itself
AVERAGE = (
    DOUBLE.replace("{asked}", "net")
    + """
with torch.no_grad():
    print({last}(states).mean().item())
"""
)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What is told of target networks where each change is followed closely, as by `lamp check`."""

    def ran(program: str) -> list[str]:
        path = tmp_path / "program.py"
        path.write_text(HEAD + program)
        module = types.ModuleType("__main__")
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, "__main__", module)
        torch.manual_seed(0)
        with Watch(keep=True) as watching, contextlib.redirect_stdout(io.StringIO()):
            exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
        assert watching.faults == []
        return [f"{f.level} {f.where}" for f in watching.findings if f.code == "Q102"]

    return ran


@pytest.mark.parametrize(
    ("program", "asked", "expected"),
    [
        (AGENT, "net", ["warning `self.slow`"]),
        (AGENT, "slow", []),
        (DOUBLE, "net", ["warning `slow`"]),
        (DOUBLE, "slow", []),
        # a state of the past, which is not meant for targets
        (KEPT, "", []),
        (AVERAGE.replace("{last}", "slow"), "", []),
        (AVERAGE.replace("{last}", "slow[0]"), "", []),
    ],
)
def test_who_gives_the_targets(
    told: Callable[[str], list[str]], program: str, asked: str, expected: list[str]
) -> None:
    """The slow network moves at every step, and its answers are asked for or not."""
    assert told(program.replace("{asked}", asked)) == expected


def test_what_is_followed_lightly_may_be_asked_unheard(run: Callable[[str], Watch]) -> None:
    """It is then for information."""
    found = [f for f in run(DOUBLE.replace("{asked}", "net")).findings if f.code == "Q102"]
    assert [f.level for f in found] == ["info"]
