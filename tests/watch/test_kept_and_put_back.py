"""A101, A102, A104, E107: what is kept of a network, for which figure, and whether it comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy
import io

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(300, 10)
y = (x[:, 0] + 0.7 * torch.randn(300) > 0).long()
train = DataLoader(TensorDataset(x[:200], y[:200]), batch_size=25, shuffle=True)
held = DataLoader(TensorDataset(x[200:], y[200:]), batch_size=50)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 2))

    def forward(self, x):
        return self.layers(x)


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


def epoch():
    right = seen = 0
    for part, label in train:
        scores = net(part)
        optimizer.zero_grad()
        F.cross_entropy(scores, label).backward()
        optimizer.step()
        right += int((scores.argmax(1) == label).sum())
        seen += len(label)
    return right / seen


@torch.no_grad()
def figure(who):
    who.eval()
    return sum(int((who(part).argmax(1) == label).sum()) for part, label in held) / 100
"""
TURNED = """
seen = []
for _ in range(4):
    epoch()
    seen.append(figure(net))
    if {condition}:
        kept = copy.deepcopy(net.state_dict())
net.load_state_dict(kept)
"""
CHOSEN = """
{name} = 0.0
for _ in range(5):
    ours, theirs = epoch(), figure(net)
    if {which} > {name}:
        {name} = {which}
        kept = copy.deepcopy(net.state_dict())
net.load_state_dict(kept)
"""
ALIAS = """
class Keeper:
    def __init__(self, model):
        self.model, self.high, self.winner = model, 0.0, None

    def go(self):
        for _ in range(6):
            epoch()
            now = figure(self.model)
            if self.winner is None or now > self.high:
                self.high, self.winner = now, {kept}
        return figure(self.winner)


Keeper(net).go()
"""
BACK = """
epoch()
backup = {backup}
epoch()
with torch.no_grad():
    for name, parameter in net.named_parameters():
        parameter.copy_(backup[name])
epoch()
"""
TESTED = """
epoch()
epoch()
file = io.BytesIO()
torch.save({{"epoch": 2, "weights": net.state_dict()}}, file)
file.seek(0)
state = torch.load(file, weights_only=True)
{other}
print(figure(other))
"""
CANDIDATES = """
best = 0.0
for rate in (1e-3, 1e-2):
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    epoch()
    now = figure(net)
    if now > best:
        best = now
        winner = net
print(best)
"""


def codes(watching: Watch) -> list[str]:
    return [f.code for f in watching.findings if f.code[0] in "AE"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("seen[-1] == min(seen)", ["E107"]),
        ("seen[-1] <= min(seen)", ["E107"]),
        ("seen[-1] == max(seen)", []),
        ("not seen[-1] < max(seen)", []),
    ],
)
def test_the_lowest_share_of_right_answers(
    run: Callable[[str], Watch], condition: str, expected: list[str]
) -> None:
    """E107 by the value of the figure, whatever it is called."""
    watching = run(TURNED.format(condition=condition))
    assert codes(watching) == expected
    assert all(f.level == "error" for f in watching.findings if f.code == "E107")


@pytest.mark.parametrize(("which", "expected"), [("ours", ["E107"]), ("theirs", [])])
def test_chosen_by_the_training(
    run: Callable[[str], Watch], which: str, expected: list[str]
) -> None:
    """E107: the figure of the training batches decides, and others are evaluated beside it."""
    watching = run(CHOSEN.format(which=which, name="top"))
    assert codes(watching) == expected
    told = [f for f in watching.findings if f.code == "E107"]
    assert all(f.level == "warning" and "trained on" in f.message for f in told)


@pytest.mark.parametrize(
    ("kept", "expected"), [("self.model", ["A101"]), ("copy.deepcopy(self.model)", [])]
)
def test_the_winner_is_the_model(
    run: Callable[[str], Watch], kept: str, expected: list[str]
) -> None:
    """A101 where attributes are set side by side, under one of two conditions."""
    assert codes(run(ALIAS.format(kept=kept))) == expected


def test_the_best_of_several_networks_is_no_alias(run: Callable[[str], Watch]) -> None:
    """Each round makes its own network, and the best may be the last one made."""
    assert codes(run(CANDIDATES)) == []


@pytest.mark.parametrize(
    ("backup", "expected"),
    [
        ("{n: p.data for n, p in net.named_parameters()}", ["A101"]),
        ("{n: p.detach() for n, p in net.named_parameters()}", ["A101"]),
        ("{n: p.detach().clone() for n, p in net.named_parameters()}", []),
    ],
)
def test_weights_copied_onto_themselves(
    run: Callable[[str], Watch], backup: str, expected: list[str]
) -> None:
    """A101: the backup is the weights themselves."""
    watching = run(BACK.format(backup=backup))
    assert codes(watching) == expected
    told = [f for f in watching.findings if f.code == "A101"]
    assert all("each is copied onto itself, and nothing is put back" in f.message for f in told)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("other = Net()", ["A102"]),
        ("other = Net(); other.load_state_dict(state['weights'])", []),
        ("other = copy.deepcopy(net)", []),
        ("untrained = other = Net()", []),
    ],
)
def test_a_new_network_is_tested(
    run: Callable[[str], Watch], other: str, expected: list[str]
) -> None:
    """A102: the saved state is read and loaded into nothing."""
    watching = run(TESTED.format(other=other))
    assert codes(watching) == expected
    told = [f for f in watching.findings if f.code == "A102"]
    assert all("the random values that its 4 parameters were made with" in f.message for f in told)


@pytest.mark.parametrize(("first", "expected"), [("net", ["A104"]), ("net.state_dict()", [])])
def test_a_module_within_a_list(
    run: Callable[[str], Watch], first: str, expected: list[str]
) -> None:
    """A104: the whole network is pickled beside something else."""
    assert codes(run(f"epoch()\ntorch.save([{first}, 3], io.BytesIO())\n")) == expected
