"""M116: masks that an attention of the program's own lays over its scores."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.watch import watch

Lay = Callable[[Tensor, Tensor], Tensor]


def added(scores: Tensor, leave_out: Tensor) -> Tensor:
    """A large negative number where a key is left out."""
    return scores + leave_out[:, None, :].float() * -10000.0


def filled(scores: Tensor, leave_out: Tensor) -> Tensor:
    """The same by `masked_fill`."""
    return scores.masked_fill(leave_out[:, None, :], float("-inf"))


class Reader(nn.Module):
    """Words, one attention by hand, and the mean over the real words."""

    def __init__(self, lay: Lay, *, turned: bool) -> None:
        super().__init__()
        self.words, self.ask, self.out = nn.Embedding(20, 8), nn.Linear(8, 8), nn.Linear(8, 2)
        self.lay, self.turned = lay, turned

    def forward(self, ids: Tensor, valid: Tensor) -> Tensor:
        """Scores of two classes."""
        x = self.words(ids)
        scores = torch.einsum("bid,bjd->bij", self.ask(x), x)
        shares = self.lay(scores, valid if self.turned else ~valid).softmax(-1)
        x = (x + shares @ x) * valid[..., None]
        return self.out(x.sum(1) / valid.sum(1, keepdim=True))  # type: ignore[no-any-return]


@pytest.mark.parametrize("lay", [added, filled])
@pytest.mark.parametrize("turned", [True, False])
def test_padding_is_what_is_left_out(lay: Lay, *, turned: bool) -> None:
    """Told where the words are left out and the padding takes part."""
    torch.manual_seed(0)
    valid = torch.arange(9) < torch.randint(3, 10, (64,))[:, None]
    ids = torch.randint(1, 20, (64, 9)) * valid
    labels = (ids == 3).any(1).long()
    net = Reader(lay, turned=turned)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    with watch() as watching:
        for words, mask, y in DataLoader(TensorDataset(ids, valid, labels), 16):
            optimizer.zero_grad()
            F.cross_entropy(net(words, mask), y).backward()
            optimizer.step()
    assert watching.faults == []
    found = [(f.code, f.level) for f in watching.findings if f.code in ("M115", "M116")]
    assert found == ([("M116", "error")] if turned else [])
