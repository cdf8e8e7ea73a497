"""Two networks against each other: R101 between them, L118 of the one that makes, R109 of its noise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
forger = nn.Sequential(nn.Linear(5, 20), nn.ELU(), nn.Linear(20, 3))
judge = nn.Sequential(nn.Linear(3, 20), nn.ELU(), nn.Linear(20, 1))
of_forger = torch.optim.Adam(forger.parameters(), 1e-3)
of_judge = torch.optim.Adam(judge.parameters(), 1e-3)
coins = torch.randn(600, 3) * 0.3 + torch.tensor([1.0, 0.0, -1.0])
yes, no = torch.ones(30, 1), torch.zeros(30, 1)


def told(score, side):
    return F.binary_cross_entropy_with_logits(score, side)


def judge_step(real, copy, clear=True):
    if clear:
        of_judge.zero_grad()
    told(judge(real), yes).backward()
    told(judge(copy.detach()), no).backward()
    of_judge.step()


def forger_step(copy, wanted):
    of_forger.zero_grad()
    told(judge(copy), wanted).backward()
    of_forger.step()
"""
FAIR = """
for real in coins.split(30):
    copy = forger(torch.randn(30, 5))
    judge_step(real, copy)
    forger_step(copy, yes)
"""


def _found(watching: Watch) -> list[tuple[str, str, str]]:
    return [(f.code, f.level, f.message) for f in watching.findings]


def test_a_fair_game_is_fine(run: Callable[[str], Watch]) -> None:
    """What the forger's loss leaves in the judge is cleared before the judge's own."""
    assert _found(run(FAIR)) == []


def test_the_judge_does_not_step_with_what_the_forger_left(run: Callable[[str], Watch]) -> None:
    """R101: cleared before the forger's loss, and not after it."""
    ((code, level, message),) = _found(
        run("""
for real in coins.split(30):
    of_judge.zero_grad()
    copy = forger(torch.randn(30, 5))
    forger_step(copy, yes)
    judge_step(real, copy, clear=False)
""")
    )
    assert (code, level) == ("R101", "error")
    assert "has left gradients in the parameters of another" in message


def test_a_body_below_two_heads_collects_their_gradients(run: Callable[[str], Watch]) -> None:
    """The loss of a head passes on to the body, which steps with the sum of both: that is meant."""
    watching = run("""
body, one, two = nn.Linear(3, 16), nn.Linear(16, 1), nn.Linear(16, 1)
several = [torch.optim.SGD(m.parameters(), 0.01) for m in (body, one, two)]
for real in coins.split(30):
    for optimizer in several:
        optimizer.zero_grad()
    hidden = torch.tanh(body(real))
    (one(hidden) - real[:, :1]).square().mean().backward(retain_graph=True)
    several[1].step()
    (two(hidden) - real[:, 1:2]).square().mean().backward()
    several[2].step()
    several[0].step()
""")
    assert "R101" not in [code for code, *_ in _found(watching)]


@pytest.mark.parametrize(
    "step",
    [
        "forger_step(copy, no)",
        "of_forger.zero_grad(); judge(copy).mean().backward(); of_forger.step()",
    ],
)
def test_the_forger_is_not_to_be_caught(run: Callable[[str], Watch], step: str) -> None:
    """L118: the target of the judge's own loss, or its score with the wrong sign."""
    ((code, level, message),) = _found(run(FAIR.replace("forger_step(copy, yes)", step)))
    assert (code, level) == ("L118", "error")
    assert "it learns to be recognised" in message


def test_the_judge_may_see_both_in_one_batch(run: Callable[[str], Watch]) -> None:
    """L118: the made samples are known again among the others; a fair game is fine."""
    game = """
for real in coins.split(30):
    copy = forger(torch.randn(30, 5))
    of_judge.zero_grad()
    told(judge(torch.cat([real, copy.detach()])), torch.cat([yes, no])).backward()
    of_judge.step()
    forger_step(copy, WANTED)
"""
    assert _found(run(game.replace("WANTED", "yes"))) == []
    assert [code for code, *_ in _found(run(game.replace("WANTED", "no")))] == ["L118"]


def test_noise_is_drawn_anew_for_every_batch(run: Callable[[str], Watch]) -> None:
    """R109: the forger gets the same numbers again and again."""
    ((code, level, message),) = _found(
        run("seed = torch.randn(30, 5)" + FAIR.replace("torch.randn(30, 5)", "seed"))
    )
    assert (code, level) == ("R109", "warning")
    assert "was drawn once and met 8 different batches" in message


def test_noise_that_shows_progress_may_stay(run: Callable[[str], Watch]) -> None:
    """Pictures that are made after every step of the same noise, without gradients."""
    shown = "\n    with torch.no_grad():\n        shown = forger(seed)\n"
    assert _found(run("seed = torch.randn(30, 5)" + FAIR.rstrip() + shown)) == []


def test_noise_beside_the_samples_is_drawn_anew(run: Callable[[str], Watch]) -> None:
    """R109: in a network that cleans what noise was added to."""
    cleaning = """
cleaner = nn.Sequential(nn.Linear(3, 20), nn.ELU(), nn.Linear(20, 3))
optimizer = torch.optim.Adam(cleaner.parameters(), 1e-3)
grain = torch.rand(30, 3)
for clean in coins.split(30):
    optimizer.zero_grad()
    (cleaner(clean + 0.2 * GRAIN) - clean).square().mean().backward()
    optimizer.step()
"""
    assert [f[0] for f in _found(run(cleaning.replace("GRAIN", "grain")))] == ["R109"]
    assert _found(run(cleaning.replace("GRAIN", "torch.rand(30, 3)"))) == []
    whole = cleaning.replace("coins.split(30)", "[coins[:30]] * 20").replace("GRAIN", "grain")
    assert "R109" not in [f[0] for f in _found(run(whole))]
