"""A105 where the optimizer remembers nothing, and the schedule is what gets lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import io

import torch
from torch import nn
from torch.optim import lr_scheduler

generator = torch.Generator().manual_seed(8)
x = torch.randn(160, 5, generator=generator)
y = (x[:, 0] > x[:, 1]).float()
"""

PROGRAM = """

class Job:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(5, 20), nn.Tanh(), nn.Linear(20, 1))
        self.descent = torch.optim.SGD(self.net.parameters(), lr=0.8)
        self.rates = {schedule}

    def work(self, epochs):
        for _ in range(epochs):
            for rows in torch.randperm(160).split(20):
                self.net.zero_grad()
                logits = self.net(x[rows]).squeeze(1)
                nn.functional.binary_cross_entropy_with_logits(logits, y[rows]).backward()
                self.descent.step()
            self.rates.step()


first = Job()
first.work(4)
file = io.BytesIO()
torch.save({saved}, file)
file.seek(0)
kept = torch.load(file)
then = Job()
then.net.load_state_dict(kept["weights"])
{loaded}
then.work(2)
"""

COSINE = "lr_scheduler.CosineAnnealingLR(self.descent, 8)"
SHRINKING = "lr_scheduler.ExponentialLR(self.descent, 0.7)"
WEIGHTS = '"weights": first.net.state_dict()'
RATES = '{"rates": first.rates.state_dict(), ' + WEIGHTS + "}"
DESCENT = '{"inner": {"descent": first.descent.state_dict()}, ' + WEIGHTS + "}"
BOTH = 'then.rates.load_state_dict(kept["rates"])'


@pytest.mark.parametrize(
    ("schedule", "saved", "loaded", "expected"),
    [
        (COSINE, RATES, "", ["A105 warning"]),
        (COSINE, DESCENT, "", ["A105 warning"]),
        (COSINE, RATES, BOTH, []),
        # weights alone are a beginning, of whatever comes then
        (COSINE, "{" + WEIGHTS + "}", "", []),
        (SHRINKING, DESCENT, "", ["A105 warning"]),
        # this schedule multiplies the rate that was loaded: nothing is missing
        (SHRINKING, DESCENT, 'then.descent.load_state_dict(kept["inner"]["descent"])', []),
    ],
)
def test_the_rate_goes_on(
    run: Callable[[str], Watch],
    schedule: str,
    saved: str,
    loaded: str,
    expected: list[str],
) -> None:
    """Plain SGD has no running averages; its rate is all that is there to be taken up."""
    watching = run(PROGRAM.format(schedule=schedule, saved=saved, loaded=loaded))
    assert [f"{f.code} {f.level}" for f in watching.findings if f.code == "A105"] == expected
    assert all("running averages" not in f.message for f in watching.findings)
