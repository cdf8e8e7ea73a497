"""One term of a loss that no weight has a part in, beside others that have their graph: L108."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
mixer = nn.Sequential(nn.Linear(4, 24), nn.SiLU(), nn.Linear(24, 3))
taster = nn.Sequential(nn.Linear(3, 24), nn.SiLU(), nn.Linear(24, 1))
of_mixer = torch.optim.Adam(mixer.parameters(), 1e-3)
of_taster = torch.optim.Adam(taster.parameters(), 1e-3)
good, bad = torch.ones(16, 1), torch.zeros(16, 1)
"""
# a helper that both losses share, and two losses on one line
KITCHEN = """
class Opinion(nn.Module):
    def forward(self, score, wanted):
        return F.{kind}(score, wanted)


opinion = Opinion()
for step in range(12):
    recipe = torch.randn(16, 4)
    dish = recipe[:, :3] + recipe[:, 1:]
    mixed = mixer(recipe)
    verdict = opinion(taster(dish), good) + opinion(taster(mixed.detach()), bad)
    of_taster.zero_grad(); verdict.backward(); of_taster.step()
    taster.requires_grad_({wants})
    total = F.{kind}(torch.sigmoid(mixed), torch.sigmoid(dish)) + 0.4 * opinion({score}, good)
    of_mixer.zero_grad(); total.backward(); of_mixer.step()
    taster.requires_grad_(True)
"""
# codes that are fitted by a running mean: the first of two distances has no graph there
CODES = """
table = torch.randn(6, 3, requires_grad={learned})
if {learned}:
    of_table = torch.optim.Adam([table], 1e-3)
for step in range(12):
    recipe = torch.randn(16, 4)
    inner = mixer(recipe)
    near = F.embedding(torch.cdist(inner, table).argmin(1), table)
    loss = F.mse_loss(near, inner.detach()) + 0.25 * F.mse_loss(near.detach(), inner)
    of_mixer.zero_grad(); loss.backward(); of_mixer.step()
    if {learned}:
        of_table.step(); of_table.zero_grad()
    else:
        table.lerp_(inner.detach()[:6], 0.05)
"""
# what a network that is not trained has lost on the same samples is taken off
EXCESS = """
old = nn.Linear(4, 3)
for step in range(12):
    recipe = torch.randn(16, 4)
    kind = recipe[:, :3].argmax(1)
    with torch.no_grad():
        before = F.cross_entropy({reference}(recipe), kind)
    loss = F.cross_entropy(mixer(recipe), kind) - before
    of_mixer.zero_grad(); loss.backward(); of_mixer.step()
"""
# a score with a baseline that was detached
ACTOR = """
for step in range(12):
    recipe = torch.randn(16, 4)
    choice = torch.distributions.Categorical(logits=mixer(recipe))
    took = choice.sample()
    gain = (took == recipe[:, :3].argmax(1)).float()
    value = taster(recipe[:, :3]).squeeze(1)
    better = gain - value.detach()
    better = better - better.mean()
    loss = -(choice.log_prob(took) * better).mean() + F.mse_loss(value, gain)
    of_mixer.zero_grad(); of_taster.zero_grad(); loss.backward(); of_mixer.step(); of_taster.step()
"""
# two views of one thing, each predicted from the other
VIEWS = """
guess = nn.Linear(3, 3)
of_guess = torch.optim.Adam(guess.parameters(), 1e-3)
for step in range(12):
    recipe = torch.randn(16, 4)
    one, two = mixer(recipe + 0.1), mixer(recipe - 0.1)
    with torch.no_grad():
        shown = F.cosine_similarity(one, two).mean()
    loss = F.mse_loss(guess(one), two.detach()) + F.mse_loss({other}, one.detach())
    of_mixer.zero_grad(); of_guess.zero_grad(); loss.backward(); of_mixer.step(); of_guess.step()
    print(shown.item())
"""
BCE = "binary_cross_entropy_with_logits"


def _told(watching: Watch) -> list[tuple[str, str]]:
    return [(f.code, f.level) for f in watching.findings if f.code == "L108"]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (KITCHEN, {"kind": BCE, "wants": True, "score": "taster(mixed).detach()"}),
        (KITCHEN, {"kind": "mse_loss", "wants": True, "score": "taster(mixed).data"}),
        (KITCHEN, {"kind": BCE, "wants": False, "score": "taster(mixed.detach())"}),
        (VIEWS, {"other": "guess(two).detach()"}),
    ],
)
def test_a_term_that_was_cut_is_told_among_others(
    text: str, given: dict[str, object], run: Callable[[str], Watch]
) -> None:
    """The same helper, and the same line, hold losses with a graph."""
    assert _told(run(text.format(**given))) == [("L108", "error")]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (KITCHEN, {"kind": BCE, "wants": True, "score": "taster(mixed)"}),
        (KITCHEN, {"kind": BCE, "wants": False, "score": "taster(mixed)"}),
        (CODES, {"learned": True}),
        (CODES, {"learned": False}),
        (EXCESS, {"reference": "old"}),
        (EXCESS, {"reference": "mixer"}),
        (ACTOR, {}),
        (VIEWS, {"other": "guess(two)"}),
    ],
)
def test_what_is_cut_on_purpose_is_fine(
    text: str, given: dict[str, object], run: Callable[[str], Watch]
) -> None:
    """Targets, baselines, quantised codes, an old network's loss or the value of the loss itself."""
    assert _told(run(text.format(**given))) == []
