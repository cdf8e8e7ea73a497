"""Actions that are weighed with one reward each, discounted, and not with what comes after: Q103."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
pilot = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 3))
mover = torch.optim.Adam(pilot.parameters(), 1e-2)
KEEP = 0.9


def flight(length):
    seen, moved, won, at = [], [], [], torch.zeros(2)
    for _ in range(length):
        seen.append(at)
        with torch.no_grad():
            moved.append(int(torch.multinomial(pilot(at).softmax(0), 1)))
        at = at + 0.3 * torch.randn(2) + 0.1 * (moved[-1] - 1)
        won.append(float(-at.abs().sum()))
    return torch.stack(seen), torch.tensor(moved), won


def later(won):
    sums, running = [], 0.0
    for one in reversed(won):
        running = one + KEEP * running
        sums.insert(0, running)
    return sums


def follow(seen, moved, weight):
    chance = pilot(seen).log_softmax(1).gather(1, moved[:, None])[:, 0]
    mover.zero_grad()
    (-chance * weight).sum().backward()
    mover.step()
"""
ONE = """
for trip in range(8):
    seen, moved, won = flight(11 + trip)
    {sums}
    weight = torch.tensor({weight}, dtype=torch.float32)
    follow(seen, moved, weight - weight.mean())
"""
SEVERAL = """
for trip in range(8):
    each, all_seen, all_moved = [], [], []
    for _ in range(6):
        seen, moved, won = flight(12)
        each.append(np.array({weight}))
        all_seen.append(seen); all_moved.append(moved)
    table = np.stack(each)
    table = (table - table.mean(0)) / (table.std(0) + 1e-8)
    weight = torch.as_tensor(table.ravel(), dtype=torch.float32)
    follow(torch.cat(all_seen), torch.cat(all_moved), weight)
"""
SINGLE = "[r * KEEP**t for t, r in enumerate(won)]"
TWICE = "[r * KEEP**t for t, r in enumerate(later(won))]"


def _told(watching: Watch) -> list[tuple[str, str]]:
    return [(f.code, f.level) for f in watching.findings if f.code == "Q103"]


@pytest.mark.parametrize(
    "rest",
    [
        ONE.format(sums="", weight=SINGLE),
        ONE.format(sums="", weight="(np.array(won) * KEEP ** np.arange(len(won))).tolist()"),
        SEVERAL.format(weight=SINGLE),
    ],
)
def test_a_reward_alone_is_no_return(run: Callable[[str], Watch], rest: str) -> None:
    """Q103: of one episode, or of several that are compared step by step."""
    watching = run(rest)
    assert _told(watching) == [("Q103", "warning")]
    assert any("one reward times its discount" in f.message for f in watching.findings)


@pytest.mark.parametrize(
    "rest",
    [
        ONE.format(sums="", weight="later(won)"),
        ONE.format(sums="", weight="won"),
        ONE.format(sums="sums = later(won)", weight=TWICE),
        ONE.format(sums="", weight=TWICE),
        SEVERAL.format(weight="later(won)"),
        SEVERAL.format(weight=TWICE),
        SEVERAL.format(weight="won"),
    ],
)
def test_returns_and_rewards_that_nothing_follows_are_fine(
    run: Callable[[str], Watch], rest: str
) -> None:
    """Also returns that are discounted once more from the first step on, as the theory has them."""
    assert _told(run(rest)) == []
