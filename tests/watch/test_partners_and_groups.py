"""What data are made of before the network gets them: T102, T109, S103, S105, Y109, Y114."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.watch import Watch
from lamplighter.watch.data.groups import columns_of

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)


def network(width, classes):
    net = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, classes))
    return net, torch.optim.Adam(net.parameters(), lr=1e-2)


def fit(net, optimizer, train, held_out, loss=F.cross_entropy, epochs=2):
    for _ in range(epochs):
        net.train()
        for x, y in train:
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        for x, y in held_out:
            net(x)


def loaders(x, y, cut):
    x, y = torch.tensor(np.asarray(x), dtype=torch.float32), torch.tensor(y)
    parts = TensorDataset(x[:cut], y[:cut]), TensorDataset(x[cut:], y[cut:])
    return DataLoader(parts[0], 25, shuffle=True), DataLoader(parts[1], 25)

"""

TOWNS = """
from sklearn.preprocessing import LabelEncoder, OrdinalEncoder
town = np.r_[rng.choice(["Ulm", "Kiel", "Bonn", "Jena"], 200), rng.choice(["Kiel", "Jena"], 60)]
garden = rng.choice(["no", "yes"], 260)
y = ((town == "Kiel") ^ (garden == "yes")).astype(int)
size = rng.normal(size=(260, 3))
"""
CODES = """
encoder = OrdinalEncoder()
names = np.stack([town, garden], 1)
parts = encoder.fit_transform(names[:200]), encoder.{again}(names[200:])
net, optimizer = network(5, 2)
fit(net, optimizer, *loaders(np.c_[np.concatenate(parts), size], y, 200))
"""
ONE_FOR_ALL = """
encoder = LabelEncoder()
codes = np.stack([encoder.fit_transform(column) for column in (garden, town)], 1)
net, optimizer = network(5, 2)
fit(net, optimizer, *loaders(np.c_[codes, size], y, 200))
"""
TEXTS = """
from sklearn.feature_extraction.text import CountVectorizer
words = np.array([f"w{i:02}" for i in range(40)])
texts = [" ".join(rng.choice(words[:30] if i < 160 else words[10:], 12)) for i in range(220)]
counter = CountVectorizer(max_features=24)
train = counter.fit_transform(texts[:160]).toarray()
test = counter.{again}(texts[160:]).toarray()
net, optimizer = network(24, 2)
fit(net, optimizer, *loaders(np.concatenate([train, test]), rng.integers(0, 2, 220), 160))
"""
PATIENTS = """
ill, own = rng.integers(0, 2, 30), rng.normal(size=(30, 12))
patient = np.repeat(np.arange(30), 8)
signals = own[patient] + rng.normal(0, 0.3, (240, 12))
order = {order}
patient, signals = patient[order], signals[order]
net, optimizer = network(12, 2)
fit(net, optimizer, *loaders(signals, {target}, 160), epochs=1)
"""
RECORDS = """
class Visits(Dataset):
    def __init__(self):
        own = rng.normal(size=(30, 12))
        self.rows = [
            {"subject": f"p{p}", "x": own[p] + rng.normal(0, 0.3, 12), "y": p % 2}
            for p in range(30)
            for _ in range(8)
        ]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return torch.tensor(self.rows[i]["x"], dtype=torch.float32), self.rows[i]["y"]


visits, order = Visits(), torch.randperm(240).tolist()
train = DataLoader(Subset(visits, order[:160]), 25, shuffle=True)
test = DataLoader(Subset(visits, order[160:]), 25)
net, optimizer = network(12, 2)
fit(net, optimizer, train, test)
"""
POINTS = """
class Points(Dataset):
    def __init__(self, count, mirrored):
        self.mirrored = mirrored
        self.places = torch.tensor(rng.uniform(2, 13, (count, 2)), dtype=torch.float32)
        rows, columns = torch.arange(16.0)[:, None], torch.arange(16.0)
        x, y = self.places[:, 0, None, None], self.places[:, 1, None, None]
        spot = torch.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4)
        self.pictures = (spot + 0.1 * torch.randn(count, 16, 16))[:, None]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, i):
        picture, goal = self.pictures[i], {goal}
        if self.mirrored and torch.rand(()) < 0.5:
            picture = picture.flip(-1)
            {then}
        return picture, goal


net = nn.Sequential(nn.Flatten(), nn.Linear(256, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
fit(net, optimizer, DataLoader(Points(120, True), 30, shuffle=True),
    DataLoader(Points(160, False), 40), F.mse_loss, 1)
"""
MIXED = """
x, y = torch.randn(160, 8), torch.arange(160) % 3
net, optimizer = network(8, 3)
net.train()
for rows in torch.arange(160).split(20):
    own, labels = x[rows], y[rows]
    lam = 0.3
    partner, other = torch.randperm(20), torch.randperm(20)
    hot = F.one_hot(labels, 3).float()
    answers = net(lam * own + (1 - lam) * own[partner])
    optimizer.zero_grad()
    {loss}.backward()
    optimizer.step()
"""
FRAMES = """
class Frames(Dataset):
    def __init__(self):
        self.first = rng.integers(40, 200, (120, 10, 10)).astype(np.uint8)
        self.move = rng.integers(-30, 30, 120)
        self.later = (self.first + self.move[:, None, None]).astype(np.uint8)

    def __len__(self):
        return 120

    def __getitem__(self, i):
        first, later = self.first[i], self.later[i]
        change = {change}
        return torch.from_numpy(change.astype(np.float32) / 64).flatten(), int(self.move[i] > 0)


net, optimizer = network(100, 2)
fit(net, optimizer, DataLoader(Frames(), 20, shuffle=True), [], epochs=1)
"""
BYTES = """
first = torch.randint(40, 200, (160, 9, 9), dtype=torch.uint8)
move = torch.randint(-30, 30, (160,))
later = (first.int() + move[:, None, None]).to(torch.uint8)
x = ({change}).float().flatten(1) / 64
net, optimizer = network(81, 2)
fit(net, optimizer, *loaders(x, (move > 0).long().numpy(), 100), epochs=1)
"""
ARRAYS = """
first = rng.integers(40, 200, (160, 9, 9)).astype(np.uint8)
move = rng.integers(-30, 30, 160)
later = (first + move[:, None, None]).astype(np.uint8)
x_train = torch.from_numpy(({change}).astype(np.float32) / 255).flatten(1)
net, optimizer = network(81, 2)
for rows in torch.randperm(160).split(20):
    optimizer.zero_grad()
    F.cross_entropy(net(x_train[rows]), torch.from_numpy(move > 0).long()[rows]).backward()
    optimizer.step()
"""
EDGES = """
from sklearn.metrics import roc_auc_score


class Links(nn.Module):
    def __init__(self, pairs):
        super().__init__()
        self.register_buffer("matrix", torch.eye(40))
        self.matrix[pairs[:, 0], pairs[:, 1]] = self.matrix[pairs[:, 1], pairs[:, 0]] = 1
        self.nodes = nn.Embedding(40, 8)

    def forward(self, pairs):
        h = self.matrix @ self.nodes.weight
        return (h[pairs[:, 0]] * h[pairs[:, 1]]).sum(1)


every = torch.combinations(torch.arange(40))[torch.randperm(780)]
edges, others = every[:150], every[150:]
net = Links({known})
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(6):
    net.train()
    answers = net(torch.cat([edges[40:], others[40:150]]))
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(answers, torch.arange(220).lt(110).float()).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    answers = net(torch.cat([edges[:40], others[:40]]))
print(roc_auc_score(np.arange(80) < 40, answers.numpy()))
"""
FLIPPED = POINTS.replace("{goal}", "self.places[i] / 15")
SOFT = "F.cross_entropy(answers, {own} * hot + {rest} * hot[{who}])"
TWO = "(lam * F.cross_entropy(answers, labels) + 0.7 * F.cross_entropy(answers, labels[{who}]))"


def soft(own: str, rest: str, who: str) -> str:
    return MIXED.replace("{loss}", SOFT.format(own=own, rest=rest, who=who))


DIRTY = {
    "names numbered anew": (
        TOWNS + CODES.replace("{again}", "fit_transform"),
        "T102",
        "such as 'Jena': 1 in training, 0 here",
    ),
    "words counted anew": (
        TEXTS.replace("{again}", "fit_transform"),
        "T102",
        "the CountVectorizer was fitted on these 60 held-out rows again",
    ),
    "patients on both sides": (
        PATIENTS.format(order="rng.permutation(240)", target="ill[patient]"),
        "S105",
        "are of a group (`patient`) that was trained on, and every group has one target",
    ),
    "records of subjects": (RECORDS, "S105", "are of a group (`subject`)"),
    "a point stays": (
        FLIPPED.replace("{then}", "pass"),
        "Y109",
        "what differs between the two sides of a picture tells number 0 of the target",
    ),
    "mixed with strangers": (
        soft("lam", "(1 - lam)", "other"),
        "Y114",
        "targets with the target of yet another one: the order was drawn twice",
    ),
    "two losses": (MIXED.replace("{loss}", TWO.format(who="other")), "Y114", "drawn twice"),
    "shares exchanged": (
        soft("(1 - lam)", "lam", "partner"),
        "Y114",
        "the inputs keep 30% of the sample itself and the targets 70%",
    ),
    "frames of a data set": (
        FRAMES.replace("{change}", "later - first"),
        "T109",
        "of the numbers leave the range 0 to 255 of their type and come in again",
    ),
    "frames in torch": (BYTES.replace("{change}", "later - first"), "T109", "leave the range"),
    "frames by hand": (ARRAYS.replace("{change}", "later - first"), "T109", "leave the range"),
    "edges known": (
        EDGES.replace("{known}", "edges"),
        "S103",
        "it joins the 40 held-out pairs that are edges and not the 40 others",
    ),
}
CLEAN = {
    "names numbered once": TOWNS + CODES.replace("{again}", "transform"),
    "one encoder for all columns": TOWNS + ONE_FOR_ALL,
    "words counted once": TEXTS.replace("{again}", "transform"),
    "split by patient": PATIENTS.format(order="np.arange(240)", target="ill[patient]"),
    "answers that vary within a patient": PATIENTS.format(
        order="rng.permutation(240)", target="rng.integers(0, 2, 240)"
    ),
    "the point follows": FLIPPED.replace("{then}", "goal = torch.stack([1 - goal[0], goal[1]])"),
    "the height alone": POINTS.replace("{goal}", "self.places[i, 1:].repeat(2) / 15").replace(
        "{then}", "pass"
    ),
    "mixed with partners": soft("lam", "(1 - lam)", "partner"),
    "two losses": MIXED.replace("{loss}", TWO.format(who="partner")),
    "frames with a sign": FRAMES.replace("{change}", "later.astype(np.int16) - first"),
    "the smaller way round": FRAMES.replace("{change}", "np.minimum(later - first, first - later)"),
    "the overflow is mended": FRAMES.replace("{change}", "np.where(first > 195, 255, first + 60)"),
    "a class that is ignored": FRAMES.replace("{change}", "first // 50 - 1"),
    "frames in torch": BYTES.replace("{change}", "later.int() - first"),
    "frames by hand": ARRAYS.replace("{change}", "later.astype(int) - first"),
    "edges held out": EDGES.replace("{known}", "edges[40:]"),
}


@pytest.fixture
def run(tmp_path: Path, observe: Callable[[Path], Watch]) -> Callable[[str], Watch]:
    """A function: what follows the head of a program → the watch over the whole."""

    def ran(rest: str) -> Watch:
        path = tmp_path / "program.py"
        path.write_text(HEAD + rest)
        watching = observe(path)
        assert watching.faults == []
        return watching

    return ran


@pytest.mark.parametrize("name", DIRTY)
def test_a_mistake_in_the_making_of_data_is_told(name: str, run: Callable[[str], Watch]) -> None:
    """Nothing but the mistake is told, with the figures that show it and a line of the program."""
    program, code, words = DIRTY[name]
    findings = run(program).findings
    assert {f.code for f in findings} == {code}, findings
    (told,) = [f for f in findings if words in f.message]
    assert told.line
    assert told.fix


@pytest.mark.parametrize("name", CLEAN)
def test_data_that_are_made_rightly_stay_silent(name: str, run: Callable[[str], Watch]) -> None:
    """The same programs without the mistake."""
    assert [f for f in run(CLEAN[name]).findings if f.code in CODES_HERE] == []


CODES_HERE = {"T102", "T109", "S103", "S105", "Y109", "Y114"}


def test_names_with_a_number_say_themselves_what_they_are() -> None:
    """Whatever the list is called; classes and files are none."""
    speakers = [f"speaker{number % 5:02d}" for number in range(40)]
    assert [column.groups for column in columns_of("who", speakers)] == [speakers]
    for others in ([f"class{n % 5}" for n in range(40)], [f"{n % 5}.png" for n in range(40)]):
        assert list(columns_of("who", others)) == []
