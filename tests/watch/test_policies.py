"""Policy gradients, advantages and targets of values: Q101, Q104, Q105, Q106."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.nn import functional as F

from lamplighter.watch import watch


def _values(target_of: Callable[..., Tensor], *, own: bool = False) -> list[str]:
    """What is found where a value is fitted to a target."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    with watch() as watching:
        for _ in range(8):
            states, after, rewards = torch.randn(32, 3), torch.randn(32, 3), torch.randn(32)
            done = (torch.arange(32) % 8 == 0).float()
            value = net(states)[:, 0]
            target = target_of(net, after, rewards, done)
            optimizer.zero_grad()
            loss = (value - target).pow(2).mean() if own else F.smooth_l1_loss(value, target)
            loss.backward()
            optimizer.step()
    assert watching.faults == []
    return [f.code for f in watching.findings]


def with_graph(net: Any, after: Tensor, rewards: Tensor, done: Tensor) -> Tensor:
    """Gradients pass."""
    return rewards + 0.9 * net(after).max(1)[0] * (1 - done)


def without_graph(net: Any, after: Tensor, rewards: Tensor, done: Tensor) -> Tensor:
    """They do not."""
    return rewards + 0.9 * net(after).max(1)[0].detach() * (1 - done)


def only_at_the_end(net: Any, after: Tensor, rewards: Tensor, done: Tensor) -> Tensor:
    """The flag itself."""
    with torch.no_grad():
        return rewards + 0.9 * net(after).max(1)[0] * done


def when_time_is_up(net: Any, after: Tensor, rewards: Tensor, done: Tensor) -> Tensor:
    """Episodes that are only cut short: what would have followed has a value."""
    time_outs = done.clone()
    with torch.no_grad():
        return rewards + 0.9 * net(after).max(1)[0] * time_outs


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (with_graph, ["Q104"]),
        (without_graph, []),
        (only_at_the_end, ["Q101"]),
        (when_time_is_up, []),
    ],
)
def test_targets_of_values(target: Callable[..., Tensor], expected: list[str]) -> None:
    """Q104: gradients pass through the target. Q101: the value counts only after the end."""
    assert _values(target) == expected
    assert _values(target, own=True) == expected


Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def _policy(loss_of: Loss, *, costs: bool = False) -> list[str]:
    """What is found where actions of an episode are weighed."""
    torch.manual_seed(0)
    actor, critic = nn.Linear(3, 2), nn.Linear(3, 1)
    optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=1e-2)
    with watch() as watching:
        for _ in range(6):
            states = torch.randn(12, 3)
            chances = Categorical(logits=actor(states))
            actions = chances.sample()
            numbers = [float(a == (s[0] > 0)) + 0.5 for a, s in zip(actions, states, strict=True)]
            if costs:
                cost = torch.tensor(numbers)
                loss = loss_of(chances.log_prob(actions), cost, critic(states)[:, 0])
            else:
                rewards = torch.tensor(numbers)
                loss = loss_of(chances.log_prob(actions), rewards, critic(states)[:, 0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert watching.faults == []
    return [f.code for f in watching.findings if f.code[0] == "Q"]


def standardised(logs: Tensor, weights: Tensor, values: Tensor) -> Tensor:
    """With mean 0."""
    return (logs * (weights - weights.mean()) / weights.std()).sum()


def one_by_one(logs: Tensor, weights: Tensor, values: Tensor) -> Tensor:
    """One action after the other."""
    return torch.stack([log * weight for log, weight in zip(logs, weights, strict=True)]).sum()


def of_errors(logs: Tensor, weights: Tensor, values: Tensor) -> Tensor:
    """With a value beside it."""
    return (logs * (weights - values.detach())).mean()


@pytest.mark.parametrize("gain", [standardised, one_by_one, of_errors])
def test_the_sign_of_a_policy_gradient(gain: Loss) -> None:
    """Q106: what was rewarded becomes less likely; of costs that is what is wanted."""
    assert _policy(gain) == ["Q106"]
    assert _policy(gain, costs=True) == []
    assert _policy(lambda logs, w, v: -gain(logs, w, v)) == []
    assert _policy(lambda logs, w, v: gain(-logs, w, v)) == []
    assert _policy(lambda logs, w, v: gain(logs, -w, -v)) == []


def test_advantage_is_detached() -> None:
    """Q105: else the loss of the policy trains the values."""
    assert _policy(lambda logs, w, v: -(logs * (w - v)).mean() + (w - v).pow(2).mean()) == ["Q105"]
    healthy = _policy(lambda logs, w, v: -(logs * (w - v).detach()).mean() + (w - v).pow(2).mean())
    assert healthy == []


Critic = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def _rollout(loss_of: Critic, *, single: bool = False, frozen: bool = False) -> list[str]:
    """What is found where the values of a rollout are laid together before targets are made."""
    torch.manual_seed(0)
    critic, actor = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1)), nn.Linear(3, 2)
    held = actor.parameters() if frozen else [*critic.parameters(), *actor.parameters()]
    optimizer = torch.optim.Adam(held, lr=1e-3)
    rows = 1 if single else 6
    with watch() as watching:
        for _ in range(6):
            values, logs, rewards, masks = [], [], [], []
            for _ in range(7):
                states = torch.randn(rows, 3)
                chances = Categorical(logits=actor(states))
                actions = chances.sample()
                values.append(critic(states).squeeze(-1))
                logs.append(chances.log_prob(actions))
                rewards.append(torch.randn(rows))
                masks.append((torch.rand(rows) > 0.2).float())
            stacked = [torch.stack(several) for several in (values, rewards, masks)]
            loss = loss_of(*stacked, 0.97)
            policy = -(torch.stack(logs)[:-1] * torch.randn(6, rows)).mean()
            optimizer.zero_grad()
            policy.backward()
            loss.backward()
            optimizer.step()
    assert watching.faults == []
    return [f.code for f in watching.findings if f.code[0] == "Q"]


def errors(values: Tensor, rewards: Tensor, masks: Tensor, gamma: float) -> Tensor:
    """Of each step but the last, with the graph of both values."""
    return rewards[:-1] + gamma * masks[:-1] * values[1:] - values[:-1]


def backwards(values: Tensor, rewards: Tensor, masks: Tensor, gamma: float) -> Tensor:
    """Generalised advantages, from the last step to the first."""
    kept, running = torch.zeros_like(rewards), torch.zeros(rewards.shape[1])
    for t in reversed(range(len(rewards) - 1)):
        after = gamma * values[t + 1] * masks[t]
        running = rewards[t] + after - values[t] + gamma * 0.9 * masks[t] * running
        kept[t] = running
    return kept


def plain_numbers(values: Tensor, rewards: Tensor, masks: Tensor, gamma: float) -> Tensor:
    """Rewards as Python's numbers, as one environment gives them."""
    errors = []
    for t, reward in enumerate(rewards[:-1, 0].tolist()):
        errors.append(reward + gamma * values[t + 1, 0] - values[t, 0])
    return torch.stack(errors)


@pytest.mark.parametrize("advantages", [errors, backwards])
def test_advantages_of_a_rollout(advantages: Critic) -> None:
    """Q104: they are squared with their graph; as targets without one they are what they should be."""
    assert _rollout(lambda *given: advantages(*given).pow(2).mean()) == ["Q104"]
    assert _rollout(lambda *given: advantages(*given).pow(2).mean(), frozen=True) == []

    def detached(values: Tensor, *given: Any) -> Tensor:
        target = advantages(values, *given)
        whole = (target + values[: len(target)]).detach()
        return F.mse_loss(values[: len(target)], whole)

    assert _rollout(detached) == []


def test_rewards_may_be_plain_numbers() -> None:
    """Q104: a number that is not always the same is a reward."""
    assert _rollout(lambda *given: plain_numbers(*given).abs().mean(), single=True) == ["Q104"]


def test_a_residual_is_no_target() -> None:
    """A network's answer beside a constant offset, held against another answer."""

    def offset(values: Tensor, rewards: Tensor, masks: Tensor, gamma: float) -> Tensor:
        parts = [0.5 + 0.9 * values[0, at] - values[1, at] for at in range(6)]
        return torch.stack(parts).square().sum()

    assert _rollout(offset) == []
