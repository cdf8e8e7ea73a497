"""Losses without any gradient: a reward that comes late, and a side that is always taken: M108."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.distributions import Categorical
torch.manual_seed(0)
places = torch.eye(6)
policy = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
"""
WALKS = """
def walk():
    log_probs, rewards = [], []
    for place in range(6):
        choice = Categorical(logits=policy(places[place]))
        action = choice.sample()
        log_probs.append(choice.log_prob(action))
        rewards.append(float(round_ >= {first} and place == 5))
    return log_probs, rewards
for round_ in range(30):
    log_probs, rewards = walk()
    returns = torch.tensor(rewards).flip(0).cumsum(0).flip(0)
    optimizer.zero_grad()
    {loss}
    optimizer.step()
"""
TOGETHER = "(-(torch.stack(log_probs) * returns).sum()).backward()"
ONE_BY_ONE = "sum(-p * r for p, r in zip(log_probs, returns.tolist())).backward()"


def _told(watching: Watch) -> list[str]:
    return [f.message for f in watching.findings if f.code == "M108"]


@pytest.mark.parametrize("loss", [TOGETHER, ONE_BY_ONE])
def test_a_reward_may_come_late(run: Callable[[str], Watch], loss: str) -> None:
    """Until then every return is 0, and with it every gradient."""
    assert _told(run(WALKS.format(first=20, loss=loss))) == []


@pytest.mark.parametrize("loss", [TOGETHER, ONE_BY_ONE])
def test_a_reward_that_never_comes_is_told_at_the_end(
    run: Callable[[str], Watch], loss: str
) -> None:
    """Nothing was learned from the first to the last episode."""
    told = _told(run(WALKS.format(first=99, loss=loss)))
    assert len(told) == 1
    assert "the loss is exactly 0: nothing can be learned from it" in told[0]


def test_a_margin_that_is_always_kept_is_told(run: Callable[[str], Watch]) -> None:
    """The masked distances are infinite, so the loss is 0 from the first step on."""
    watching = run(
        """
for _ in range(12):
    codes = policy(places)
    near = (codes[0] - codes[1]).square().sum()
    far = (codes[:, None] - codes).square().sum(2)
    far = far.masked_fill(torch.ones(6, 6, dtype=torch.bool), float("inf")).min()
    optimizer.zero_grad()
    (near - far + 1).clamp(min=0).backward()
    optimizer.step()
"""
    )
    assert len(_told(watching)) == 1
    assert "the gradient of every weight is exactly 0" in _told(watching)[0]
