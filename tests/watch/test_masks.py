"""Masks along the wrong dimension, and decoders that are given the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from lamplighter.checks.padding import padded_features
from lamplighter.watch import watch


class Reader(nn.Module):
    """Attention over token rows, with a mask along the keys or along the queries."""

    def __init__(self, along: int) -> None:
        super().__init__()
        self.along = along
        self.words, self.qkv = nn.Embedding(10, 16), nn.Linear(16, 48)
        self.out = nn.Linear(16, 2)

    def forward(self, tokens: Tensor) -> Any:
        q, k, v = self.qkv(self.words(tokens)).chunk(3, -1)
        pad = (tokens == 0).unsqueeze(self.along)
        weights = (q @ k.transpose(1, 2)).masked_fill(pad, -1e4).softmax(-1)
        return self.out(torch.tanh(weights @ v)[:, 0])


class Decoder(nn.Module):
    """Answers each place from the word that it is given there."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 16)
        self.out = nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 10))

    def forward(self, source: Tensor, target: Tensor) -> Any:
        mixed = torch.cat([self.words(source).mean(1, keepdim=True).expand(-1, 6, -1)], -1)
        return self.out(torch.cat([mixed, self.words(target)], -1))


class Walks(nn.Module):
    """Reads rows of features of different lengths, and answers from the last or the mean of them.

    Args:
        how: "last", "mean", "rightly" or "mean rightly".
    """

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.rnn = nn.GRUCell(2, 8) if "mean" not in how else nn.Linear(2, 8)
        self.out = nn.Linear(8, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        if "mean" in self.how:
            there = torch.arange(x.shape[1]) < lengths.unsqueeze(1)
            states = torch.tanh(self.rnn(x))
            if self.how == "mean":
                return self.out(states.mean(1))
            return self.out((states * there.unsqueeze(2)).sum(1) / lengths.unsqueeze(1))
        state, states = x.new_zeros(len(x), 8), []
        for step in x.unbind(1):
            state = self.rnn(step, state)
            states.append(state)
        at = lengths - 1 if self.how == "rightly" else torch.full_like(lengths, x.shape[1] - 1)
        return self.out(torch.stack(states, 1)[torch.arange(len(x)), at])


def _trained(model: nn.Module, data: TensorDataset, loss: Callable[..., Any]) -> list[str]:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch() as watching:
        for batch in DataLoader(data, batch_size=16, shuffle=True):
            optimizer.zero_grad()
            loss(model, *batch).backward()
            optimizer.step()
    assert watching.faults == []
    return [f.code for f in watching.findings]


@pytest.mark.parametrize(("along", "expected"), [(1, []), (2, ["M116"])])
def test_mask_along_the_queries_is_told(along: int, expected: list[str]) -> None:
    """M116: the mask lies over the queries, and the padding takes part all the same."""
    torch.manual_seed(0)
    tokens = torch.randint(1, 10, (64, 8))
    tokens[torch.arange(8) >= torch.randint(3, 8, (64, 1))] = 0
    data = TensorDataset(tokens, (tokens > 5).sum(1) % 2)

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
        return F.cross_entropy(model(x), y)

    assert _trained(Reader(along), data, loss) == expected


class Bag(nn.Module):
    """Averages its words, or weighs them by attention, with the padding or without.

    Args:
        how: "mean", "attention", "mean rightly", "attention rightly" or "convolution".
    """

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.words = nn.Embedding(10, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True) if "att" in how else None
        self.convolution = nn.Conv1d(16, 16, 3, padding=1) if "conv" in how else None
        self.out = nn.Linear(16, 2)

    def forward(self, tokens: Tensor) -> Any:
        x, pad = self.words(tokens), tokens == 0
        if self.convolution is not None:
            return self.out(torch.relu(self.convolution(x.transpose(1, 2))).amax(2))
        if self.attention is not None:
            x = self.attention(x, x, x, key_padding_mask=pad if "rightly" in self.how else None)[0]
            return self.out(torch.tanh(x[:, 0]))
        if "rightly" in self.how:
            there = (~pad).float().unsqueeze(2)
            return self.out(torch.tanh((x * there).sum(1) / there.sum(1)))
        return self.out(torch.tanh(x.mean(1)))


@pytest.mark.parametrize(
    "how", ["mean", "attention", "mean rightly", "attention rightly", "convolution"]
)
def test_padding_that_nothing_leaves_out_is_told(how: str) -> None:
    """M115: no mask at all, where all words are averaged or weighed against each other."""
    torch.manual_seed(0)
    tokens = torch.randint(1, 10, (64, 8))
    tokens[torch.arange(8) >= torch.randint(3, 8, (64, 1))] = 0
    data = TensorDataset(tokens, (tokens > 5).sum(1) % 2)

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
        return F.cross_entropy(model(x), y)

    expected = ["M115"] if how in ("mean", "attention") else []
    assert _trained(Bag(how), data, loss) == expected


@pytest.mark.parametrize("how", ["last", "mean", "rightly", "mean rightly"])
def test_padded_features_with_lengths_are_cut_short(how: str) -> None:
    """M115: the lengths are given beside rows of features, and the padding is read all the same."""
    torch.manual_seed(0)
    lengths = torch.randint(3, 13, (64,))
    walks = torch.randn(64, 12, 2) * (torch.arange(12) < lengths.unsqueeze(1)).unsqueeze(2)
    data = TensorDataset(walks, lengths, (walks[..., 0].sum(1) > 0).long())

    def loss(model: nn.Module, x: Tensor, lengths: Tensor, y: Tensor) -> Any:
        return F.cross_entropy(model(x, lengths), y)

    expected = [] if "rightly" in how else ["M115"]
    assert _trained(Walks(how), data, loss) == expected


def test_padding_of_features_is_seen() -> None:
    """Rows that end in one number throughout, each at another place, which stands nowhere else."""
    rows = torch.arange(1.0, 61).reshape(4, 5, 3)
    assert padded_features(rows) is None
    for row, length in enumerate((2, 3, 5, 4)):
        rows[row, length:] = -7
    padded = padded_features(rows)
    assert padded is not None
    assert (~padded).sum(1).tolist() == [2, 3, 5, 4]
    rows[2, 0] = -7
    assert padded_features(rows) is None


@pytest.mark.parametrize(("shifted", "expected"), [(True, []), (False, ["M105"])])
def test_decoder_that_is_given_the_answer_is_told(shifted: bool, expected: list[str]) -> None:
    """M105: the decoder's words are those that the loss asks for, at the same places."""
    torch.manual_seed(0)
    source = torch.randint(0, 10, (64, 6))
    target = (3 * source + 1) % 10
    data = TensorDataset(source, target)

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
        begin = torch.zeros_like(y[:, :1])
        given = torch.cat([begin, y[:, :-1]], 1) if shifted else y
        return F.cross_entropy(model(x, given).flatten(0, 1), y.flatten())

    assert _trained(Decoder(), data, loss) == expected


class Translator(nn.Module):
    """A decoder whose words are weighed against each other, with a causal mask or without."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.words, self.out = nn.Embedding(10, 16), nn.Linear(16, 10)
        self.layer = nn.TransformerDecoderLayer(16, 2, 32, dropout=0.0, batch_first=True)

    def forward(self, source: Tensor, target: Tensor) -> Any:
        mask = torch.ones(6, 6, dtype=torch.bool).triu(1) if self.causal else None
        return self.out(self.layer(self.words(target), self.words(source), tgt_mask=mask))


@pytest.mark.parametrize(("causal", "expected"), [(True, []), (False, ["M105"])])
def test_decoder_that_sees_its_next_words_is_told(causal: bool, expected: list[str]) -> None:
    """M105: a further input is the target shifted by one, and each place sees those after it."""
    torch.manual_seed(0)
    source = torch.randint(1, 10, (64, 6))
    data = TensorDataset(source, (3 * source.flip(1) + 1) % 9 + 1)

    def loss(model: nn.Module, x: Tensor, y: Tensor) -> Any:
        given = torch.cat([torch.zeros_like(y[:, :1]), y[:, :-1]], 1)
        return F.cross_entropy(model(x, given).flatten(0, 1), y.flatten())

    assert _trained(Translator(causal), data, loss) == expected
