"""Targets beside inputs given another way: by hand, as masks, as series, in one loop of two phases."""

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

ALIKE = """
x = torch.stack([{window} for i in range(200)])
y = torch.randn(200)
net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for part in torch.randperm(200).split(40):
    optimizer.zero_grad()
    F.mse_loss(net(x[part]).squeeze(1), {target}).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("window", "target", "wrong"),
    [
        ("torch.arange(6.0)", "y[part]", True),
        ("torch.zeros(6)", "y[part]", True),
        ("torch.arange(6.0) + i", "y[part]", False),
    ],
)
def test_one_input_beside_many_targets(
    window: str, target: str, wrong: bool, run: Callable[[str], Watch]
) -> None:
    assert run(ALIKE.format(window=window, target=target)).world.found("D101") == wrong


MASKS = """
x = torch.randn(60, 2, 8, 8)
regions = (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long(){offset}
net = nn.Conv2d(2, {outputs}, 3, padding=1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for inputs, masks in DataLoader(TensorDataset(x, regions), 12, shuffle=True):
    optimizer.zero_grad()
    F.cross_entropy(net(inputs), masks, ignore_index={ignore}).backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("offset", "outputs", "ignore", "wrong"),
    [
        (" + 1", 4, -100, True),
        ("", 3, -100, False),
        (" + 1", 4, 0, False),
        (" + 1", 6, -100, False),
    ],
)
def test_masks_that_begin_at_one(
    offset: str, outputs: int, ignore: int, wrong: bool, run: Callable[[str], Watch]
) -> None:
    program = MASKS.format(offset=offset, outputs=outputs, ignore=ignore)
    assert run(program).world.found("Y102") == wrong


DECODER = """
def pad(rows):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def collate(batch):
    return pad([s for s, _ in batch]), pad([t for _, t in batch])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.source, self.target = nn.Embedding(30, 8, padding_idx=0), nn.Embedding(30, 8)
        self.encoder, self.decoder = nn.GRU(8, 8, batch_first=True), nn.GRU(8, 8, batch_first=True)
        self.out = nn.Linear(8, 30)

    def forward(self, source, target):
        _, state = self.encoder(self.source(source))
        return self.out(self.decoder(self.target(target), state)[0])


pairs = []
for i in range(120):
    source = [random.randrange(3, 30) for _ in range(2 + i % 9)]
    pairs.append((source, [1] + source[::-1] + [2]))
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for source, target in DataLoader(pairs, 20, shuffle=True, collate_fn=collate):
    optimizer.zero_grad()
    scores = net(source, target[:, :-1])
    F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(){ignore}).backward()
    optimizer.step()
"""
SERIES = """
x, y = torch.zeros(160, 20, 2), torch.zeros(160, 20)
lengths = torch.randint(4, 21, (160,))
for i, n in enumerate(lengths.tolist()):
    x[i, :n] = torch.randn(n, 2)
    y[i, :n] = x[i, :n].sum(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.GRU(2, 8, batch_first=True), nn.Linear(8, 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0]).squeeze(-1)


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for inputs, targets, long in DataLoader(TensorDataset(x, y, lengths), 20, shuffle=True):
    real = torch.arange(20) < long.unsqueeze(1)
    optimizer.zero_grad()
    {loss}.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        (DECODER.format(ignore=""), True),
        (DECODER.format(ignore=", ignore_index=0"), False),
        (SERIES.format(loss="F.mse_loss(net(inputs), targets)"), True),
        (SERIES.format(loss="(net(inputs) - targets).abs().mean()"), True),
        (SERIES.format(loss="F.mse_loss(net(inputs)[real], targets[real])"), False),
        (SERIES.format(loss="((net(inputs) - targets) ** 2 * real).sum()"), False),
    ],
)
def test_padding_that_counts(program: str, wrong: bool, run: Callable[[str], Watch]) -> None:
    assert run(program).world.found("Y107") == wrong


PHASES = """
x = torch.randn(190, 5)
y = (x[:, 0] + x[:, 1] > 0).long()
sets = {{"train": TensorDataset(x[:130], y[:130]), "val": TensorDataset(x[130:], y[130:])}}
loaders = {{name: DataLoader(part, 20, shuffle=name == "train") for name, part in sets.items()}}
net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
n = 130
for epoch in range(4):
    for phase in ("train", "val"):
        net.train(phase == "train")
        hits = 0
        for inputs, labels in loaders[phase]:
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                answers = net(inputs)
                if phase == "train":
                    F.cross_entropy(answers, labels).backward()
                    optimizer.step()
            hits += torch.sum(answers.argmax(1) == labels).item()
        {size}
        print(f"{{phase}} {{hits / n:.4f}}")
"""


@pytest.mark.parametrize(("size", "wrong"), [("n = len(sets[phase])", False), ("pass", True)])
def test_a_length_taken_after_the_loop(size: str, wrong: bool, run: Callable[[str], Watch]) -> None:
    assert run(PHASES.format(size=size)).world.found("E101") == wrong


FILES = """
import csv, os, tempfile

folder = tempfile.mkdtemp()
names = ["".join(random.choices("abcdefgh", k=8)) + ".bin" for i in range(80)]
with open(os.path.join(folder, "labels.csv"), "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["number", "file", "kind"])
    for i, name in enumerate(names):
        kind = random.choice(["cat", "dog"])
        values = torch.randn(6) + (kind == "dog")
        values.numpy().tofile(os.path.join(folder, name))
        table.writerow([i, name, kind])


class Files(torch.utils.data.Dataset):
    def __init__(self):
        with open(os.path.join(folder, "labels.csv")) as file:
            rows = list(csv.DictReader(file))
        self.folder = folder
        self.files = {files}
        self.labels = {labels}

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        values = torch.from_file(os.path.join(self.folder, self.files[i]), size=6)
        return values.clone(), self.labels[i]


fit(nn.Linear(6, 2), DataLoader(Files(), 16, shuffle=True))
"""
LISTED = "sorted(n for n in os.listdir(folder) if n.endswith('.bin'))"
IN_ROWS = "[int(row['kind'] == 'dog') for row in rows]"
BY_NAME = "[int({row['file']: row['kind'] for row in rows}[n] == 'dog') for n in self.files]"
OTHERS = "[int(n[0] in 'abcd') for n in self.files]"


@pytest.mark.parametrize(
    ("files", "labels", "wrong"),
    [
        (LISTED, IN_ROWS, True),
        ("os.listdir(folder)[:-1] and " + LISTED, IN_ROWS, True),
        ("[row['file'] for row in rows]", IN_ROWS, False),
        (LISTED, BY_NAME, False),
        (LISTED, OTHERS, False),
    ],
    ids=["listed", "listed otherwise", "from the rows", "by name", "labels of their own"],
)
def test_labels_in_the_order_of_a_table(
    files: str, labels: str, wrong: bool, run: Callable[[str], Watch]
) -> None:
    program = FILES.format(files=files, labels=labels)
    found = [f for f in run(program).findings if f.code == "Y101"]
    assert bool(found) == wrong
    lines = (HEAD + program).splitlines()
    assert all("self.files = " in lines[(f.line or 0) - 1] for f in found)
