"""Bidirectional layers of which one end, or one direction, is used: M114."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lamplighter.watch import watch

ROWS, PLACES = 24, 9


class Reader(nn.Module):
    """A layer that reads a sequence both ways, and an answer from what `way` takes of it."""

    def __init__(self, kind: str, way: str, *, first: bool = True, layers: int = 1) -> None:
        super().__init__()
        self.way, self.first = way, first
        self.read = getattr(nn, kind)(
            5, 8, num_layers=layers, batch_first=first, bidirectional=way != "one way"
        )
        self.out = nn.Linear(16 if way != "one way" and "state" not in way[:5] else 8, 3)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Scores of three classes."""
        if "packed" in self.way:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            given, state = self.read(packed)
            output, _ = pad_packed_sequence(given, batch_first=True)
        else:
            output, state = self.read(x if self.first else x.transpose(0, 1))
            output = output if self.first else output.transpose(0, 1)
        h_n = state[0] if isinstance(state, tuple) else state
        rows = torch.arange(len(x))
        taken = {
            "last": lambda: output[:, -1],
            "one way": lambda: output[:, -1],
            "beginning": lambda: output.select(1, 0),
            "packed last": lambda: output[rows, lengths - 1],
            "state alone": lambda: h_n[-1],
            "mean": lambda: output.mean(1),
            "largest": lambda: output.max(1).values,
            "both states": lambda: torch.cat((h_n[-2], h_n[-1]), 1),
            "packed both": lambda: torch.cat((h_n[-2], h_n[-1]), 1),
            "both ends": lambda: torch.cat((output[:, -1, :8], output[:, 0, 8:]), 1),
            "last and all": lambda: output[:, -1] + output.mean(1),
        }[self.way]()
        return self.out(taken)


def _told(model: nn.Module) -> list[tuple[str, str, str]]:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for _ in range(4):
            x, y = torch.randn(ROWS, PLACES, 5), torch.randint(0, 3, (ROWS,))
            lengths = torch.randint(4, PLACES + 1, (ROWS,))
            lengths[0] = PLACES
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x, lengths), y).backward()
            optimizer.step()
    assert watching.faults == []
    return [(f.code, f.level, f.message) for f in watching.findings]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_last_place_of_a_bidirectional_layer(kind: str, layers: int) -> None:
    """There the backward direction of the last layer has read one token."""
    told = _told(Reader(kind, "last", layers=layers))
    assert [t[:2] for t in told] == [("M114", "warning")]
    assert "last place" in told[0][2]
    assert "other 8" in told[0][2]


def test_the_time_may_come_first() -> None:
    """The same of `(T, B, 2H)`."""
    told = _told(Reader("LSTM", "last", first=False))
    assert "last place" in told[0][2]
    assert "other 8" in told[0][2]


def test_first_place() -> None:
    """There it is the forward direction."""
    told = _told(Reader("GRU", "beginning"))
    assert [t[:2] for t in told] == [("M114", "warning")]
    assert "first place" in told[0][2]
    assert "forward direction" in told[0][2]


def test_last_word_of_each_packed_sequence() -> None:
    """Where the place differs from row to row."""
    told = _told(Reader("LSTM", "packed last"))
    assert [t[:2] for t in told] == [("M114", "warning")]
    assert "last place" in told[0][2]


def test_one_final_state() -> None:
    """`h_n[-1]` is that of the backward direction alone."""
    told = [t for t in _told(Reader("GRU", "state alone", layers=2)) if t[0] == "M114"]
    assert len(told) == 1
    assert "forward direction is computed" in told[0][2]


@pytest.mark.parametrize(
    "way",
    ["one way", "mean", "largest", "both states", "packed both", "both ends", "last and all"],
)
def test_what_uses_both_directions_is_left_alone(way: str) -> None:
    """Pooled, both final states, each direction at its own end, or a layer that reads one way."""
    assert _told(Reader("LSTM", way)) == []
