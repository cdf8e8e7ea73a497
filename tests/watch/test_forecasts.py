"""E101 where real numbers are forecast: truth and answers that changed places, and two units."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from sklearn.metrics import explained_variance_score, r2_score
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x = torch.randn(300, 4)
sold = 900 + 120 * x[:, 0] + 30 * torch.randn(300)
mean, spread = sold[:200].mean(), sold[:200].std()
units = (sold - mean) / spread
order = torch.randperm(200)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(3):
    for part in order.split(20):
        optimizer.zero_grad()
        F.mse_loss(net(x[part])[:, 0], units[part]).backward()
        optimizer.step()
net.eval()
right = units[200:].clone()
with torch.no_grad():
    said = net(x[200:])[:, 0]
"""
# a line → the message, where it is wrong
SWAPPED = {
    "print(r2_score(said, right))": "against the answers' own spread",
    "print(explained_variance_score(y_pred=right, y_true=said))": "labels as answers",
}
IN_PLACE = (
    "print(r2_score(right, said), explained_variance_score(right, said))",
    # how well another forecast follows the network's
    "other = (x[200:, 0] * 0.9).numpy()\nprint(r2_score(said, other))",
)
MIXED = {
    "sales = said * spread + mean\nprint(f'off by {(sales - right).abs().mean():,.2f} pieces')": (
        "is the mean distance of the differences"
    ),
    "truth = sold[200:].numpy()\nprint('MSE', float(np.mean((said.numpy() - truth) ** 2)))": (
        "one of them was scaled, the other was not"
    ),
}
OF_ONE_UNIT = (
    "sales = said * spread + mean\ntruth = right * spread + mean\n"
    "print(f'off by {(sales - truth).abs().mean():,.2f} pieces, "
    "{F.mse_loss(said, right).item():.4f} in units')",
    "sales, truth = said * spread + mean, sold[200:]\nprint((sales - truth).pow(2).mean().sqrt())",
)


def errors(watching: Watch) -> list[tuple[str, str, str]]:
    """Code, level and message of what is more than information."""
    return [(f.code, f.level, f.message) for f in watching.findings if f.level != "info"]


@pytest.mark.parametrize(("last", "message"), [*SWAPPED.items(), *MIXED.items()])
def test_wrong_figure_of_a_forecast_is_told(
    last: str, message: str, run: Callable[[str], Watch]
) -> None:
    """By the values alone: nothing here is called truth or forecast by its type."""
    ((code, level, text),) = errors(run(last))
    assert (code, level) == ("E101", "error")
    assert message in text


@pytest.mark.parametrize("last", [*IN_PLACE, *OF_ONE_UNIT])
def test_right_figure_of_a_forecast_is_silent(last: str, run: Callable[[str], Watch]) -> None:
    """The truth first, and both in pieces or both in units."""
    assert errors(run(last)) == []


def test_line_is_where_the_figure_is_computed(run: Callable[[str], Watch]) -> None:
    """Not where it is printed, two lines further on."""
    rest = "sales = said * spread + mean\nrmse = (sales - right).pow(2).mean().sqrt()\n\n"
    (found,) = run(rest + "print(f'{rmse:.2f}')").findings
    assert found.line == HEAD.count("\n") + 2
