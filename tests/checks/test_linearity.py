"""M109 asks of three samples whether a network is a linear map."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from lamplighter.checks.check import check
from lamplighter.checks.observed import observed


class Remembering(nn.Module):
    """A recurrent layer over one step, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.head = nn.GRU(20, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.recurrent(x.unsqueeze(1))[1][-1])


@pytest.mark.parametrize("between", [nn.Identity, nn.Dropout, nn.ReLU])
@pytest.mark.parametrize("training", [True, False])
def test_what_is_handed_on_as_it_is_parts_no_layers(
    between: type[nn.Module], training: bool
) -> None:
    """M109: an identity, and a dropout at evaluation, hand on the very tensor that they are given."""
    net = nn.Sequential(
        nn.Linear(20, 32), between(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3)
    )
    with observed(net.train(training)) as forward:
        net(torch.randn(8, 20))
    assert forward.adjacent == ([] if between is nn.ReLU else [("0", "2")])


def test_repeated_samples_say_nothing_about_linearity() -> None:
    """M109: with a as c, a + b − c is b, and any network would pass for a linear one."""
    torch.manual_seed(0)
    for run in (1, 2, 3, 5, 7):  # which samples come first is drawn, and not by this seed
        kinds = torch.arange(64) // run % 2
        rows = torch.randn(2, 20)[kinds]
        model, data = Remembering(), TensorDataset(rows, kinds)
        optimizer = torch.optim.Adam(model.parameters())
        assert "M109" not in [f.code for f in check(model, data, optimizer=optimizer)]
