"""Weights that two optimizers hold: with one loss they are moved twice, with two losses in turn: O105."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
inputs = torch.randn(256, 8)
encoder = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
decoder = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8))
critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
"""
IN_TURN = """
restoring = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
deceiving = torch.optim.Adam(encoder.parameters(), lr=5e-4)
judging = torch.optim.Adam(critic.parameters(), lr=5e-4)
one, zero = torch.ones(32, 1), torch.zeros(32, 1)
for epoch in range(3):
    for rows in torch.randperm(256).split(32):
        restoring.zero_grad()
        F.mse_loss(decoder(encoder(inputs[rows])), inputs[rows]).backward()
        restoring.step()
        judging.zero_grad()
        drawn, made = critic(torch.randn(32, 2)), critic(encoder(inputs[rows]).detach())
        loss = F.binary_cross_entropy_with_logits(drawn, one)
        (loss + F.binary_cross_entropy_with_logits(made, zero)).backward()
        judging.step()
        deceiving.zero_grad()
        F.binary_cross_entropy_with_logits(critic(encoder(inputs[rows])), one).backward()
        deceiving.step()
"""
TWICE = """
whole = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
part = torch.optim.Adam({held}, lr=1e-3)
for epoch in range(3):
    for rows in torch.randperm(256).split(32):
        whole.zero_grad()
        part.zero_grad()
        F.mse_loss(decoder(encoder(inputs[rows])), inputs[rows]).backward()
        whole.step()
        part.step()
"""


def test_two_losses_in_turn_may_each_have_an_optimizer(run: Callable[[str], Watch]) -> None:
    """An adversarial autoencoder, whose encoder learns from both."""
    watching = run(IN_TURN)
    assert [f.code for f in watching.findings if f.level != "info"] == []


@pytest.mark.parametrize("held", ["encoder.parameters()", "decoder[0].parameters()"])
def test_one_loss_moves_what_both_hold_twice(run: Callable[[str], Watch], held: str) -> None:
    """The weights of a part were given to an optimizer of their own, and to that of all."""
    told = [f for f in run(TWICE.format(held=held)).findings if f.code == "O105"]
    assert len(told) == 1
    assert "so each step moves them twice" in told[0].message
