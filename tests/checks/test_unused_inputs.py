"""Inputs that change no answer, and those that change none yet: M114."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from lamplighter.checks.check import check


class Two(nn.Module):
    """Takes two inputs.

    Args:
        how: "both", "ignored", or what begins at zero: the "last" layer or the "condition".
    """

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.one, self.other = nn.Linear(6, 16), nn.Linear(4, 16)
        self.out = nn.Linear(16, 2)
        begins = {"last": self.out, "condition": self.other}.get(how)
        for parameter in begins.parameters() if begins is not None else ():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        h = self.one(x)
        if self.how != "ignored":
            h = h + self.other(z)
        answer: Tensor = self.out(torch.tanh(h))
        return answer


@pytest.mark.parametrize("how", ["both", "ignored", "last", "condition"])
def test_an_input_without_influence_is_told(how: str) -> None:
    """A layer that begins at zero lets no input through before it has learned."""
    torch.manual_seed(0)
    x, z = torch.randn(128, 6), torch.randn(128, 4)
    data = TensorDataset(x, z, x[:, :2] * z[:, :2])
    net = Two(how)
    report = check(net, data, loss=nn.MSELoss(), optimizer=torch.optim.Adam(net.parameters()))
    ignored = [f.where for f in report if f.code == "M114"]
    assert ignored == (["input 2"] if how == "ignored" else [])
    assert not report.skipped
