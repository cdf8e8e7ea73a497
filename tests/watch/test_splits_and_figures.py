"""Splits of two like data sets, figures of held-out data and kept models, each beside its mended twin."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy

import torch
from sklearn.metrics import f1_score, precision_score
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split

torch.manual_seed(0)
x = torch.randn(360, 12)
kind = (x[:, 0] + 0.7 * torch.randn(360) > 0.5).long()
amount = x[:, 0] + 0.3 * torch.randn(360)
train = TensorDataset(x[:240], kind[:240])
held = TensorDataset(x[240:], kind[240:])
train_loader = DataLoader(train, 24, shuffle=True)
val_loader = DataLoader(held, 24)


def network(outputs):
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, outputs))


def fit(net, loader=train_loader, loss=F.cross_entropy, optimizer=None):
    optimizer = optimizer or torch.optim.Adam(net.parameters(), 1e-2)
    net.train()
    for a, b in loader:
        optimizer.zero_grad()
        loss(net(a), b).backward()
        optimizer.step()
    net.eval()
    return net
"""

TWICE = """
class Table(Dataset):
    def __init__(self, noise):
        self.rows, self.noise = list(range(300)), noise

    def __len__(self):
        return 300

    def __getitem__(self, i):
        return x[i] + self.noise * torch.rand(12), kind[i]


noisy, plain = Table(0.1), Table(0.0)
{split}
first, second = DataLoader(one, 24, shuffle=True), DataLoader(other, 30)
net = fit(network(2), first)
with torch.no_grad():
    for a, b in second:
        net(a)
"""
SEEDED = "generator=torch.Generator().manual_seed(0)"
SPLITS = {
    "drawn twice": (
        "one, other = random_split(noisy, [240, 60])[0], random_split(plain, [240, 60])[1]",
        f"one = random_split(noisy, [240, 60], {SEEDED})[0]\n"
        f"other = random_split(plain, [240, 60], {SEEDED})[1]",
    ),
    "ranges": (
        "one, other = Subset(noisy, range(240)), Subset(plain, range(200, 300))",
        "one, other = Subset(noisy, range(240)), Subset(plain, range(240, 300))",
    ),
}


@pytest.mark.parametrize("name", SPLITS)
def test_parts_of_two_like_data_sets_that_meet(name: str, run: Callable[[str], Watch]) -> None:
    """S104: the two are made of the same samples, and each was split by itself."""
    (found,) = run(TWICE.format(split=SPLITS[name][0])).findings
    assert (found.code, found.level) == ("S104", "error")
    assert "another one of the same samples" in found.message


@pytest.mark.parametrize("name", SPLITS)
def test_parts_that_do_not_meet_stay_silent(name: str, run: Callable[[str], Watch]) -> None:
    """The same rows are left out of both."""
    assert run(TWICE.format(split=SPLITS[name][1])).findings == []


REGRESSION = """
goal = amount[:240, None]
net = fit(network(1), DataLoader(TensorDataset(x[:240], goal), 24, shuffle=True), F.mse_loss)
with torch.no_grad():
    said = net(x[240:])
right = amount[240:]
"""
LAST = """
net = fit(network(1), loss=lambda out, b: F.binary_cross_entropy_with_logits(out[:, 0], b.float()))
hits = count = 0
with torch.no_grad():
    for a, b in val_loader:
        said = (net(a)[:, 0] > 0).long()
{inside}hits += (said == b).sum().item()
{inside}count += len(b)
print(hits / count)
"""
MEANS = """
net = fit(network(1), loss=lambda out, b: F.binary_cross_entropy_with_logits(out[:, 0], b.float()))
marks = []
with torch.no_grad():
    for a, b in val_loader:
        said = (net(a)[:, 0] > 0).long()
        marks.append((said == b).float(){mean})
print({figure})
"""
SWAPPED = """
fit(net := network(1), loss=lambda out, b: F.binary_cross_entropy_with_logits(out[:, 0], b.float()))
with torch.no_grad():
    y_pred = (net(x[240:])[:, 0].sigmoid() > 0.4).long().numpy()
y_test = kind[240:].numpy()
"""
PADDED = """
words = torch.randint(1, 30, (200, 12))
tags = (words % 3).masked_fill(torch.arange(12) >= torch.randint(5, 12, (200, 1)), -100)
net = nn.Sequential(nn.Embedding(30, 16), nn.Linear(16, 3))
data = DataLoader(TensorDataset(words[:140], tags[:140]), 20, shuffle=True)
fit(net, data, lambda out, b: F.cross_entropy(out.transpose(1, 2), b))
hits = count = 0
with torch.no_grad():
    for a, b in DataLoader(TensorDataset(words[140:], tags[140:]), 20):
        hits += (net(a).argmax(-1) == b).sum().item()
        count += {counted}
print(hits / count)
"""
SUMMED = """
net, total = fit(network(2)), 0.0
said, right = [], []
with torch.no_grad():
    for a, b in val_loader:
        guess = net(a).argmax(1)
        said.append(guess)
        right.append(b)
        {each}
print({figure})
"""
OLD = """
net = network(2)
hits = 0
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
for a, b in train_loader:
    optimizer.zero_grad()
    F.cross_entropy(net(a), b).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    for rows, labels in val_loader:
        hits += (net({given}).argmax(1) == labels).sum().item()
print(hits / 120)
"""
FIGURES = {
    "distance from (n)": (
        "E101",
        REGRESSION + "print((said - right).abs().mean().item())",
        REGRESSION + "print((said[:, 0] - right).abs().mean().item())",
    ),
    "in its unit, the truth first": (
        "E101",
        REGRESSION + "print(((10 * right - (said * 10.0 + 0.0)) ** 2).mean())",
        REGRESSION + "print(((10 * right - (said.squeeze(1) * 10.0 + 0.0)) ** 2).mean())",
    ),
    "the last batch": ("E101", LAST.format(inside="    "), LAST.format(inside=" " * 8)),
    "the truth second": (
        "E101",
        SWAPPED + "print(precision_score(y_pred, y_test))",
        SWAPPED + "print(precision_score(y_test, y_pred))",
    ),
    "the truth second, by name": (
        "E101",
        SWAPPED + "print(precision_score(y_true=y_pred, y_pred=y_test))",
        SWAPPED + "print(precision_score(y_pred=y_pred, y_true=y_test))",
    ),
    "filled up places": (
        "E101",
        PADDED.format(counted="b.numel()"),
        PADDED.format(counted="(b >= 0).sum().item()"),
    ),
    "filled up places, by shape": (
        "E101",
        PADDED.format(counted="b.size(0) * b.size(1)"),
        PADDED.format(counted="int((b != -100).sum())"),
    ),
    "a score added up": (
        "E104",
        SUMMED.format(
            each="total += f1_score(b, guess, zero_division=0)", figure="total / len(val_loader)"
        ),
        SUMMED.format(each="pass", figure="f1_score(torch.cat(right), torch.cat(said))"),
    ),
    "a score named and added up": (
        "E104",
        SUMMED.format(
            each="score = f1_score(b, guess, zero_division=0)\n        total += score * len(b)",
            figure="total / 120",
        ),
        SUMMED.format(
            each="score = f1_score(b, guess, zero_division=0)\n        print(score)",
            figure="f1_score(torch.cat(right), torch.cat(said))",
        ),
    ),
    "an old batch": ("E105", OLD.format(given="a"), OLD.format(given="rows")),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_held_out_data(name: str, run: Callable[[str], Watch]) -> None:
    """What is told is the one mistake."""
    code, dirty, _ = FIGURES[name]
    assert [f.code for f in run(dirty).findings] == [code]


@pytest.mark.parametrize("name", FIGURES)
def test_mended_figures_stay_silent(name: str, run: Callable[[str], Watch]) -> None:
    """The same program with the one mistake mended."""
    assert run(FIGURES[name][2]).findings == []


def test_rounded_shares_of_filled_up_places(run: Callable[[str], Watch]) -> None:
    """E101: a few digits are enough where each line agrees."""
    begin, hits = PADDED.split("hits =")
    again = "for epoch in range(4):\n    fit(net, data, LOSS)\n    hits ="
    loss = "LOSS = lambda out, b: F.cross_entropy(out.transpose(1, 2), b)\n"
    rest = hits.replace("\n", "\n    ").replace(
        "print(hits / count)", 'print(f"{{hits / count:.3f}}")'
    )
    made = "DataLoader(TensorDataset(words[140:], tags[140:]), 20)"
    program = begin + loss + f"asked = {made}\n" + again + rest.replace(made, "asked")
    assert [f.code for f in run(program.format(counted="b.numel()")).findings] == ["E101"]


@pytest.mark.parametrize("mean", [".mean()", ""])
def test_what_is_counted_in_the_loop_stays_silent(mean: str, run: Callable[[str], Watch]) -> None:
    """Gathered in a list, it may well be averaged behind it."""
    figure = "torch.stack(marks).mean()" if mean else "torch.cat(marks).mean()"
    assert run(MEANS.format(mean=mean, figure=figure)).findings == []


KEEPER = """
class Stopper:
    def __init__(self):
        self.lowest, self.kept = 1e9, None

    def {name}(self, net, loss):
        if {test}:
            self.lowest = loss
            self.kept = {copy}


net, stopper = network(2), Stopper()
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
for epoch in range(3):
    fit(net, optimizer=optimizer)
    with torch.no_grad():
        stopper.{name}(net, sum(F.cross_entropy(net(a), b).item() for a, b in val_loader))
best = stopper.kept
"""


@pytest.mark.parametrize("test", ["loss < self.lowest", "not self.lowest <= loss"])
def test_an_object_that_keeps_the_live_model(test: str, run: Callable[[str], Watch]) -> None:
    """A101: what it keeps as the best goes on training; a copy does not."""
    name = "update" if "not" in test else "__call__"
    (found,) = run(KEEPER.format(name=name, test=test, copy="net")).findings
    assert (found.code, found.where) == ("A101", "`self.kept`")


@pytest.mark.parametrize("name", ["update", "__call__"])
def test_an_object_that_keeps_a_copy_stays_silent(name: str, run: Callable[[str], Watch]) -> None:
    """Then it is the best one."""
    kept = KEEPER.format(name=name, test="loss < self.lowest", copy="copy.deepcopy(net)")
    assert run(kept).findings == []


STATES = """
import tempfile

net, best = network(2), {{"loss": 1e9, "weights": None}}
best_weights = None
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
for epoch in range(3):
    fit(net, optimizer=optimizer)
    loss = 3.0 - epoch if epoch < 2 else 5.0
    if loss < best["loss"]:
        state = {{k: v.{how} for k, v in net.state_dict().items()}}
        {keep}
torch.save({{"model": {saved}, "epoch": 1}}, tempfile.mkdtemp() + "/best.pt")
"""
KEPT = {
    "in a dictionary": ('best = {"loss": loss, "weights": state}', 'best["weights"]'),
    "by its name": ("best_weights, best['loss'] = state, loss", "best_weights"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_state_made_of_the_live_one(name: str, run: Callable[[str], Watch]) -> None:
    """A101: `cpu()` of what lies there already is no copy."""
    keep, saved = KEPT[name]
    dirty = run(STATES.format(how="detach().cpu()", keep=keep, saved=saved)).findings
    assert [f.code for f in dirty] == ["A101"]


@pytest.mark.parametrize("name", KEPT)
def test_a_cloned_state_stays_silent(name: str, run: Callable[[str], Watch]) -> None:
    """`clone()` is a copy."""
    keep, saved = KEPT[name]
    assert run(STATES.format(how="detach().clone()", keep=keep, saved=saved)).findings == []


SCALED = """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        {begin}
        self.net = network(2)

    def forward(self, a):
        return self.net((a - self.{middle}) * 2)


net = Scaled()
net.{middle} = 3 + x[:240].mean(0)
fit(net)
with torch.no_grad():
    net(x[240:])
again = Scaled()
again.load_state_dict(net.state_dict())
again.eval()
with torch.no_grad():
    again(x[240:])
"""


@pytest.mark.parametrize("middle", ["middle", "offset"])
def test_plain_tensors_are_not_in_a_state(middle: str, run: Callable[[str], Watch]) -> None:
    """A102: a network that has taken all weights lacks what the first one had measured."""
    plain = run(SCALED.format(middle=middle, begin=f"self.{middle} = torch.zeros(12)"))
    assert [f.code for f in plain.findings] == ["A102"]
    assert "register_buffer" in plain.findings[0].fix


@pytest.mark.parametrize("middle", ["middle", "offset"])
def test_buffers_are_in_a_state(middle: str, run: Callable[[str], Watch]) -> None:
    """The same numbers, kept as a buffer."""
    buffer = f'self.register_buffer("{middle}", torch.zeros(12))'
    assert run(SCALED.format(middle=middle, begin=buffer)).findings == []


WORDS = """
counts = torch.zeros(360, 80)
for row in range(360):
    length = 2 if row % 3 else 20
    counts[row, torch.randint(0, 80 if row % 3 == 0 else 12, (length,))] = 1.0
first = DataLoader(TensorDataset(counts[:240], kind[:240]), 24, shuffle=True)
second = DataLoader(TensorDataset(counts[{first}:], kind[{first}:]), 30)
net = fit(nn.Sequential(nn.Linear(80, 8), nn.ReLU(), nn.Linear(8, 2)), first)
with torch.no_grad():
    for a, b in second:
        net(a)
"""


def test_short_texts_are_alike_by_chance(run: Callable[[str], Watch]) -> None:
    """S101, Y110: two words of twelve are no copy of a sample."""
    assert run(WORDS.format(first=240)).findings == []


def test_long_texts_are_not(run: Callable[[str], Watch]) -> None:
    """S101: twenty words of eighty are the same text."""
    assert "S101" in [f.code for f in run(WORDS.format(first=210)).findings]
