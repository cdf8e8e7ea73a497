"""Where a network or a loss refuses a batch, the finding says what to write."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import lamplighter as lamp

X = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
NUMBERS = torch.arange(32) % 3


@pytest.mark.parametrize(
    ("inputs", "targets", "loss", "outputs", "code", "fix"),
    [
        (X, NUMBERS + 1, nn.CrossEntropyLoss(), 3, "L113", "the labels go from 1 to 3: count them"),
        (X, NUMBERS, nn.CrossEntropyLoss(), 2, "L113", "the network needs 3 outputs"),
        (X, NUMBERS[:, None], nn.CrossEntropyLoss(), 3, "L113", "target.squeeze(1)"),
        (X, NUMBERS.int(), nn.CrossEntropyLoss(), 3, "L113", "target.long()"),
        (X, (NUMBERS > 1).float(), nn.BCEWithLogitsLoss(), 1, "L113", "target.unsqueeze(1)"),
        (X.double(), NUMBERS, nn.CrossEntropyLoss(), 3, "M118", "x.float()"),
        (X.byte(), NUMBERS, nn.CrossEntropyLoss(), 3, "M118", "x.float() / 255"),
    ],
)
def test_the_fix_fits_the_fault(
    inputs: Tensor, targets: Tensor, loss: nn.Module, outputs: int, code: str, fix: str
) -> None:
    """The usual slips of a first data set, each with its own line."""
    found = [
        finding
        for finding in lamp.check(nn.Linear(4, outputs), TensorDataset(inputs, targets), loss=loss)
        if finding.code == code
    ]
    assert len(found) == 1
    assert fix in found[0].fix
