"""Differentiable figures that are computed beside a loss, and which of them are terms of it: M114."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn import functional as F
torch.manual_seed(0)
states = torch.randn(64, 4)
wanted = states[:, :3].argmax(1)
policy = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
"""
CLIPPED = """
for update in range(4):
    with torch.no_grad():
        before = Categorical(logits=policy(states))
        actions = before.sample()
        log_probs_before = before.log_prob(actions)
    rewards = (actions == wanted).float()
    gains = (rewards - rewards.mean()) / rewards.std()
    for _ in range(5):
        now = Categorical(logits=policy(states))
        log_probs = now.log_prob(actions)
        ratio = (log_probs - log_probs_before).exp()
        loss = -torch.min(ratio * gains, ratio.clamp(0.8, 1.2) * gains).mean()
        {figure}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(loss.item(), {name}.item())
"""
CODES = """
encoder, decoder = nn.Linear(4, 4), nn.Linear(2, 4)
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
for step in range(8):
    mean, log_variance = encoder(states).chunk(2, 1)
    codes = mean + torch.randn_like(mean) * (log_variance / 2).exp()
    loss = F.mse_loss(decoder(codes), states, reduction="sum") / 64
    {figure}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item(), {name}.item())
"""


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("kl", "kl = (log_probs_before - log_probs).mean()"),
        ("approx_kl", "approx_kl = torch.mean(log_probs - log_probs_before)"),
        ("entropy", "entropy = now.entropy().mean()"),
    ],
)
def test_what_tells_of_a_policy_is_shown(
    run: Callable[[str], Watch], name: str, figure: str
) -> None:
    """How far it has come from the one that acted, and how sure it is."""
    watching = run(CLIPPED.format(name=name, figure=figure))
    assert [f.code for f in watching.findings if f.level != "info"] == []


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("kl", "kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()"),
        ("penalty", "penalty = mean.abs().mean() + log_variance.abs().mean()"),
    ],
)
def test_a_term_that_reaches_no_loss_is_told(
    run: Callable[[str], Watch], name: str, figure: str
) -> None:
    """The divergence of the codes is left out of the sum, or what shall keep them small."""
    watching = run(CODES.format(name=name, figure=figure))
    told = [f for f in watching.findings if f.code == "M114"]
    assert [f.where for f in told] == [f"`{name}`"]
    assert "no backward() ever reaches it: the term changes nothing" in told[0].message
