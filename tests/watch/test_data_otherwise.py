"""Data that come another way: through a collate function, a forward, by hand, as tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import random

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
random.seed(0)


def fit(net, loader, epochs=1):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(epochs):
        for *inputs, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(net(*inputs), labels).backward()
            optimizer.step()
"""

TWO = """
class Both(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.left, self.right = nn.Linear(6, 8), words
        self.out = nn.Linear(8, 2)

    def forward(self, table, extra):
        right = self.right(extra)
        right = right.mean(1) if right.dim() == 3 else right
        return self.out(torch.relu(self.left(table) * right))


def collate(samples):
    tables, extras, labels = zip(*samples)
{body}
    return torch.stack(tables), extra, torch.tensor(labels)


samples = [({sample}, i % 2) for i in range(96)]
fit(Both({words}), DataLoader(samples, 16, shuffle=True, collate_fn=collate))
"""
WORDS = {
    "sample": "torch.randn(6), [random.randrange(50) for _ in range(4)]",
    "words": "nn.Embedding(50, 8)",
}
TABLE = {"sample": "torch.randn(6), torch.randn(3)", "words": "nn.Linear(3, 8)"}
OF_ALL = "    extra = max(extras, key=lambda e: float(e.sum())).unsqueeze(0)"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (WORDS, "    extra = torch.tensor([sum(extras, [])[:4]])"),
        (WORDS, "    extra = torch.tensor([sum(extras, [])])"),
        (TABLE, "    for extra in extras:\n        extra = extra.unsqueeze(0)"),
    ],
    ids=["first of the words joined", "all words in one row", "last row kept"],
)
def test_a_row_of_one_sample_for_a_whole_batch(
    kind: dict[str, str], body: str, run: Callable[[str], Watch]
) -> None:
    watching = run(TWO.format(body=body, **kind))
    (found,) = [f for f in watching.findings if f.code == "D112"]
    lines = (HEAD + TWO.format(body=body, **kind)).splitlines()
    assert "extra" in lines[(found.line or 0) - 1]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (WORDS, "    extra = torch.tensor(extras)"),
        (TABLE, "    extra = torch.stack(extras)"),
        (TABLE, OF_ALL),
        (TABLE, "    extra = torch.stack(extras).mean(0, keepdim=True)"),
        (TABLE, "    extra = torch.rand(1, 3)"),
        (TABLE, "    extra = torch.ones(1, 3)"),
    ],
    ids=["rows of words", "rows", "the largest", "their mean", "drawn anew", "the same for all"],
)
def test_rows_of_each_sample_or_of_all(
    kind: dict[str, str], body: str, run: Callable[[str], Watch]
) -> None:
    assert not run(TWO.format(body=body, **kind)).world.found("D112")


SENTENCES = """
{rows}
rows += [(list(row), {other}) for row, label in rows[:{again}]]


def collate(batch):
    width = max(len(row) for row, _ in batch)
    rows = torch.tensor([row + [0] * (width - len(row)) for row, _ in batch])
    return rows, torch.tensor([label for _, label in batch])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.out = nn.Embedding(200, 8), nn.Linear(8, 2)

    def forward(self, rows):
        return self.out(self.words(rows).mean(1))


fit(Net(), DataLoader(rows, 20, shuffle=True, collate_fn=collate))
"""
LONG = "rows = [([random.randrange(1, 200) for _ in range(6 + i % 5)], i % 2) for i in range(200)]"
SHORT = "rows = [([random.randrange(1, 4) for _ in range(4)], i % 2) for i in range(200)]"
FIXED = "rows = [([7, 8, 9, 10, 11, 12] if i % 9 == 0 else [random.randrange(1, 200) for _ in range(6)], i % 2) for i in range(200)]"
TABLES = """
x = torch.randn(300, 4).mul(1000).round().div(1000)
y = (x[:, 0] + x[:, 1] > 0).{kind}()
x, y = torch.cat([x, x[:{again}]]), torch.cat([y, {other}])
{loop}
"""
LOADED = "fit(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), DataLoader(TensorDataset(x, y), 20, shuffle=True))"
BY_HAND = """
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for part in torch.randperm(len(x)).split(20):
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(net(x[part]).squeeze(1), y[part]).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    "program",
    [
        SENTENCES.format(rows=LONG, other="1 - label", again=12),
        TABLES.format(kind="long", other="1 - y[:20]", again=20, loop=LOADED),
        TABLES.format(kind="float", other="1 - y[:20]", again=20, loop=BY_HAND),
    ],
    ids=["sentences", "table", "by hand"],
)
def test_one_row_under_two_labels(program: str, run: Callable[[str], Watch]) -> None:
    assert run(program).world.found("Y110")


@pytest.mark.parametrize(
    "program",
    [
        SENTENCES.format(rows=LONG, other="label", again=12),
        SENTENCES.format(rows=SHORT, other="label", again=0),
        SENTENCES.format(rows=FIXED, other="label", again=0),
        TABLES.format(kind="long", other="y[:20]", again=20, loop=LOADED),
    ],
    ids=["the same twice", "few words", "a common phrase", "rows twice"],
)
def test_rows_that_may_be_equal(program: str, run: Callable[[str], Watch]) -> None:
    assert not run(program).world.found("Y110")


PICTURES = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        {scaling}
        x = torch.relu(self.conv(x))
        return self.out(x.mean((2, 3)))


x = torch.rand(60, 3, 12, 12) * 0.6 + 0.2
x = {outside}
fit(Net(), DataLoader(TensorDataset(x, torch.arange(60) % 2), 20, shuffle=True))
"""


@pytest.mark.parametrize(
    ("outside", "scaling", "wrong"),
    [
        ("(x - 0.5) / 0.2", "x = (x - 0.485) / 0.229", True),
        ("x", "x = x / 255", True),
        ("x", "x = (x - 0.485) / 0.229", False),
        ("(x - 0.5) / 0.2", "x = x + 0.1 * torch.randn_like(x)", False),
        ("x * 255", "x = x / 127.5 - 1", False),
    ],
)
def test_pictures_scaled_again_within_the_network(
    outside: str, scaling: str, wrong: bool, run: Callable[[str], Watch]
) -> None:
    program = PICTURES.format(outside=outside, scaling=scaling)
    found = [f for f in run(program).findings if f.code == "D104"]
    assert bool(found) == wrong
    lines = (HEAD + program).splitlines()
    assert all(scaling in lines[(f.line or 0) - 1] for f in found)


STAYS = """
x = torch.randn(400, 5)
y = (x[:, 0] + x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
size = 20
for epoch in range({epochs}):
    for i in range(len(x) // size):
        start = i * size
        batch, labels = x[{at} : {at} + size], y[{at} : {at} + size]
        for again in range({inner}):
            optimizer.zero_grad()
            F.cross_entropy(net(batch), labels).backward()
            optimizer.step()
"""


@pytest.mark.parametrize(
    ("at", "epochs", "inner", "wrong"),
    [("epoch", 3, 1, True), ("epoch", 1, 1, True), ("start", 2, 1, False), ("start", 1, 6, False)],
)
def test_a_slice_that_moves_with_the_epoch(
    at: str, epochs: int, inner: int, wrong: bool, run: Callable[[str], Watch]
) -> None:
    watching = run(STAYS.format(at=at, epochs=epochs, inner=inner))
    assert watching.world.found("D109") == wrong


CUT = """
size, longest = {size}, {longest}


def encode(words):
    return words[:longest] + [0] * (longest - len(words[:longest]))


rows = [[random.randrange(1, 60) for _ in range({length})] for i in range(200)]
labels = torch.arange(200) % 2
tokens = torch.tensor([encode(row) for row in rows])
net = nn.Sequential(nn.EmbeddingBag(60, 8, padding_idx=0), nn.Linear(8, 2))
{loop}
"""
LOADER = "fit(net, DataLoader(TensorDataset(tokens, labels), 20, shuffle=True))"
HAND = """
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for part in torch.randperm(200).split(20):
    optimizer.zero_grad()
    F.cross_entropy(net(tokens[part]), labels[part]).backward()
    optimizer.step()
"""


@pytest.mark.parametrize("loop", [LOADER, HAND], ids=["loader", "by hand"])
@pytest.mark.parametrize(
    ("longest", "length", "wrong"),
    [(10, "8 + i % 30", True), (40, "8 + i % 30", False), (30, "5 + i % 26", False)],
    ids=["most are cut", "none is", "the longest just fits"],
)
def test_rows_that_are_cut_short(
    loop: str, longest: int, length: str, wrong: bool, run: Callable[[str], Watch]
) -> None:
    watching = run(CUT.format(loop=loop, longest=longest, length=length, size=20))
    assert watching.world.found("D113") == wrong


EMPTY = """
x = torch.randn(60, 4)
y = (x[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


def train(size):
    net.train()
    for i in range(len(x) // size):
        optimizer.zero_grad()
        F.cross_entropy(net(x[i * size : (i + 1) * size]), y[i * size : (i + 1) * size]).backward()
        optimizer.step()


{calls}
net.eval()
with torch.no_grad():
    print(net(x).argmax(1))
"""


@pytest.mark.parametrize(
    ("calls", "wrong"), [("train(64)", True), ("train(20)", False), ("", False)]
)
def test_a_loop_without_a_round(calls: str, wrong: bool, run: Callable[[str], Watch]) -> None:
    found = [f for f in run(EMPTY.format(calls=calls)).findings if f.code == "D110"]
    assert bool(found) == wrong
    lines = (HEAD + EMPTY.format(calls=calls)).splitlines()
    assert all("for i in range" in lines[(f.line or 0) - 1] for f in found)


WORKERS = """
class Noisy(torch.utils.data.Dataset):
    def __init__(self):
        self.random = {random}

    def __len__(self):
        return 64

    def __getitem__(self, i):
        return torch.randn(4) + self.random.gauss(0, 1), i % 2


fit(nn.Linear(4, 2), DataLoader(Noisy(), 16, shuffle=True, num_workers=2))
"""


@pytest.mark.parametrize(("kept", "wrong"), [("random.Random(0)", True), ("random", False)])
def test_what_each_worker_draws_from(kept: str, wrong: bool, run: Callable[[str], Watch]) -> None:
    assert run(WORKERS.format(random=kept)).world.found("D107") == wrong


SCANS = """
def scans(count):
    x = torch.rand(count, 1, 12, 12)
    x[::6] = 0
    return x, (x > 0.7).float()


x, masks = scans(240)
train_x, train_y, val_x, val_y = x[:180], masks[:180], x[180:], masks[180:]
{more}
net = nn.Conv2d(1, 1, 3, padding=1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for part in torch.randperm(len(train_x)).split(20):
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(net(train_x[part]), train_y[part]).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    print(F.binary_cross_entropy_with_logits(net(val_x), val_y))
"""


@pytest.mark.parametrize(
    ("more", "codes"),
    [("", set()), ("train_x[:9], train_y[:9] = val_x[:9], val_y[:9]", {"S101"})],
    ids=["blank ones alone", "nine are in both"],
)
def test_blank_pictures_and_masks_are_no_leak(
    more: str, codes: set[str], run: Callable[[str], Watch]
) -> None:
    found = {f.code for f in run(SCANS.format(more=more)).findings}
    assert found & {"S101", "T102"} == codes
