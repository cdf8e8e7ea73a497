"""D105: a reshape before a recurrent layer gives time its size, and leaves it where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.checks.steps_cut import is_cut_for_time
from lamplighter.watch import watch

B, C, T, FEATURES = 6, 5, 12, 7
Way = Callable[[Tensor], Tensor]


class Reader(nn.Module):
    """A recurrent layer over what a function makes of a convolution's maps, or of the input."""

    def __init__(
        self, way: Way, layer: nn.Module, *, maps: bool = True, narrow: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.way, self.layer, self.narrow = way, layer, narrow or nn.Identity()
        self.conv = nn.Conv2d(1, C, 3, padding=1) if maps else nn.Identity()
        self.out = nn.LazyLinear(1)

    def forward(self, x: Tensor) -> Any:
        steps = self.narrow(self.way(self.conv(x)))
        return self.out(self.layer(steps)[0].mean((0, 1)))


def told(reader: nn.Module, shape: Sequence[int]) -> list[tuple[str, str]]:
    """Code and level of what is told of the axes in four steps."""
    torch.manual_seed(0)
    reader(torch.randn(*shape))
    optimizer = torch.optim.Adam(reader.parameters())
    with watch() as watching:
        for _ in range(4):
            optimizer.zero_grad()
            F.mse_loss(reader(torch.randn(*shape)), torch.ones(1)).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level) for f in watching.findings if f.code == "D105"]


def gru(width: int, *, batch_first: bool = True) -> nn.Module:
    """A small one."""
    return nn.GRU(width, 4, batch_first=batch_first)


MAPS, SERIES, TABLE = (B, 1, T, FEATURES), (B, T, FEATURES), (B, T)
DIRTY = {
    "time in the middle": (Reader(lambda m: m.reshape(B, T, -1), gru(C * FEATURES)), MAPS),
    "time at the end": (
        Reader(lambda m: m.view(len(m), m.size(3), -1), nn.LSTM(C * FEATURES, 4, batch_first=True)),
        (B, 1, FEATURES, T),
    ),
    "through a layer": (
        Reader(lambda m: m.view(B, T, -1), nn.RNN(8, 4, batch_first=True), narrow=nn.Linear(35, 8)),
        MAPS,
    ),
    "time first": (
        Reader(lambda m: m.reshape(T, B, -1), gru(C * FEATURES, batch_first=False)),
        MAPS,
    ),
    "a series": (
        Reader(lambda x: x.view(T, B, FEATURES), gru(FEATURES, batch_first=False), maps=False),
        SERIES,
    ),
    "single numbers": (
        Reader(lambda x: x.view(T, B, 1), gru(1, batch_first=False), maps=False),
        TABLE,
    ),
}
CLEAN = {
    "moved": (Reader(lambda m: m.transpose(1, 2).reshape(B, T, -1), gru(C * FEATURES)), MAPS),
    "channels as steps": (Reader(lambda m: m.view(B, C, -1), gru(T * FEATURES)), MAPS),
    "maps one after the other": (Reader(lambda m: m.view(B, C * T, -1), gru(FEATURES)), MAPS),
    "as many as together": (
        Reader(lambda m: m.view(B, C * T, -1), gru(C * T)),
        (B, 1, T, C * T),
    ),
    "permuted": (
        Reader(lambda m: m.permute(2, 0, 1, 3).flatten(2), gru(C * FEATURES, batch_first=False)),
        MAPS,
    ),
    "one sample": (
        Reader(lambda x: x.view(T, 1, FEATURES), gru(FEATURES, batch_first=False), maps=False),
        (1, T, FEATURES),
    ),
    "one number each": (
        Reader(lambda x: x.view(B, T, 1), gru(1), maps=False),
        TABLE,
    ),
}


@pytest.mark.parametrize("name", DIRTY)
def test_time_that_was_not_moved_is_told(name: str) -> None:
    """Wherever it lay, whichever axis the layer reads, and through a layer in between."""
    assert told(*DIRTY[name]) == [("D105", "error")]


@pytest.mark.parametrize("name", CLEAN)
def test_time_that_lies_where_it_is_read_is_silent(name: str) -> None:
    """Moved, never moved, or laid together with its neighbour."""
    assert told(*CLEAN[name]) == []


def test_whole_groups_of_channels_may_be_meant() -> None:
    """Of ten channels there are five pairs, as many as steps: that is doubtful, and no error."""
    reader = Reader(lambda m: m.view(B, 5, -1), gru(2 * 5 * FEATURES))
    reader.conv = nn.Conv2d(1, 10, 3, padding=1)
    assert told(reader, (B, 1, 5, FEATURES)) == [("D105", "warning")]


def test_a_cube_tells_nothing() -> None:
    """As many channels as steps: no shape shows which is which."""
    assert not is_cut_for_time((6, 8, 8, 7), (6, 8, 56), batch_first=True)
