"""Y104: the same class name under two numbers, wherever names and numbers are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch

HEAD = """
import numpy as np
import torch
from sklearn.preprocessing import LabelEncoder
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
numbers = rng.permutation(np.arange(240) % 3)
kinds = np.array(["oak", "elm", "ash"])[numbers]
rows = torch.tensor(np.eye(3)[numbers] + 0.1 * rng.normal(size=(240, 3)), dtype=torch.float32)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


class Trees(Dataset):
    def __init__(self, rows, kinds, table=None):
        self.rows, self.kinds = rows, list(kinds)
        self.seen = {f"{i} {kind}": i for i, kind in enumerate(kinds)}
        self.counts = {kind: self.kinds.count(kind) for kind in self.kinds}
        self.table = table or {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i], self.table[self.kinds[i]]


def fit(batches):
    net.train()
    for x, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()


def score(batches):
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(1) == y).sum().item() for x, y in batches)
    print(f"right {right}")


train_rows, test_rows = rows[:160], rows[160:]
kinds[160], kinds[0] = "ash", "oak"
"""
ENCODERS = """
known = kinds[160:] != "ash"
encoder = LabelEncoder()
y_train = torch.from_numpy(encoder.fit_transform(kinds[:160]))
y_test = torch.from_numpy(encoder.{again}(kinds[160:][known]))
x_test = test_rows[torch.from_numpy(known)]
for _ in range(4):
    fit(zip(train_rows.split(16), y_train.split(16)))
score([(x_test, y_test)])
"""
TABLES = """
train_set = Trees(train_rows, kinds[:160])
test_set = Trees(test_rows, kinds[160:]{given})
for _ in range(15):
    fit(DataLoader(train_set, 16, shuffle=True))
score(DataLoader(test_set, 40))
"""
RECORDS = """
def prepared(records, classes):
    for record in records:
        if record["kind"] not in classes:
            classes.append(record["kind"])
    numbers = [classes.index(record["kind"]) for record in records]
    return TensorDataset(torch.stack([r["row"] for r in records]), torch.tensor(numbers))


records = [{{"row": rows[i], "kind": str(kinds[i])}} for i in range(240)]
train_records, test_records = records[:160], records[160:]
classes = []
train_loader = DataLoader(prepared(train_records, classes), 16, shuffle=True)
test_loader = DataLoader(prepared(test_records, {second}), 40)
fit(train_loader)
score(test_loader)
"""
DIRTY = {
    "an encoder fitted twice": ENCODERS.format(again="fit_transform"),
    "a table in each data set": TABLES.format(given=""),
    "numbers by order of appearance": RECORDS.format(second="[]"),
}
CLEAN = {
    "an encoder fitted once": ENCODERS.format(again="transform"),
    "one table": TABLES.format(given=", train_set.table"),
    "one list of classes": RECORDS.format(second="classes"),
}


@pytest.mark.parametrize("name", DIRTY)
def test_two_numbers_of_one_name_are_told(
    name: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """By tables of the data sets, by an encoder's calls, or by lists that lie side by side."""
    path = tmp_path / "program.py"
    path.write_text(HEAD + DIRTY[name])
    watching = observe(path)
    assert watching.faults == []
    (found,) = watching.findings
    assert (found.code, found.level) == ("Y104", "error")
    assert "classes have another number than in train, such as" in found.message


@pytest.mark.parametrize("name", CLEAN)
def test_one_numbering_stays_silent(
    name: str, tmp_path: Path, observe: Callable[[Path], Watch]
) -> None:
    """Counts and caches under names are no numbering of classes."""
    path = tmp_path / "program.py"
    path.write_text(HEAD + CLEAN[name])
    watching = observe(path)
    assert watching.faults == []
    assert watching.findings == []
