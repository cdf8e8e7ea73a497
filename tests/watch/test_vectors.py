"""T105 of ready-made vectors that stand one row beside the number of their word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
vectors, empty = torch.randn(50, 8), torch.zeros(1, 8)
lengths = torch.randint(3, 11, (200, 1))
words = torch.randint(1, 51, (200, 10)) * (torch.arange(10) < lengths)
kinds = words[:, 0] % 2


class Mean(nn.Module):
    def __init__(self, table):
        super().__init__()
        self.words = nn.Embedding.from_pretrained(table, freeze=False)
        self.head = nn.Linear(8, 2)

    def forward(self, words):
        said = (words > 0).float()[:, :, None]
        return self.head((self.words(words) * said).sum(1) / said.sum(1))


def fit(net):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for part in torch.randperm(200).split(20):
        optimizer.zero_grad()
        F.cross_entropy(net(words[part]), kinds[part]).backward()
        optimizer.step()
"""


def test_vectors_before_the_row_of_the_padding_are_told(run: Callable[[str], Watch]) -> None:
    """The rows that end in 0 say which number fills up."""
    (found,) = run("fit(Mean(torch.cat([vectors, empty])))\n").findings
    assert (found.code, found.level, found.where) == ("T105", "warning", "words")
    assert "row 50 of 51 is empty and the padding is number 0" in found.message


@pytest.mark.parametrize(
    "table", ["[empty, vectors]", "[torch.randn(1, 8), vectors]", "[empty, vectors[1:], empty]"]
)
def test_padding_in_its_place_is_right(table: str, run: Callable[[str], Watch]) -> None:
    """Also where no row, or more than one, is empty."""
    assert run(f"fit(Mean(torch.cat({table})))\n").findings == []
