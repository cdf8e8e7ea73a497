"""E101, E104, O111, R103, R106, Q106 where the program computes by itself what a function of torch would."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(330, 6)
y = (x[:, 0] > x[:, 1]).long()
z = x[:, :1] * 2 - x[:, 1:2]
train = DataLoader(TensorDataset(x[:200], y[:200]), batch_size=25, shuffle=True)
held = DataLoader(TensorDataset(x[200:], y[200:]), batch_size=20)


def network(outputs):
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, outputs))


def fit(net, optimizer):
    net.train()
    for part, label in train:
        optimizer.zero_grad()
        F.cross_entropy(net(part), label).backward()
        optimizer.step()
    net.eval()
"""
LENGTH = """
net = network(2)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(3):
    fit(net, optimizer)
    loss = right = count = 0
    with torch.no_grad():
        for pair in held:
            scores = net(pair[0])
            loss += F.cross_entropy(scores, pair[1]).item() * {weight}
            right += (scores.argmax(1) == pair[1]).sum().item()
            count += {step}
    print("loss", loss / len(held.dataset), "right", right / count)
"""
FIRST = """
net = network(2)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
held = DataLoader(held.dataset, batch_size=20, shuffle={shuffle})
for epoch in range(4):
    fit(net, optimizer)
    good = total = 0
    with torch.no_grad():
        for part, label in held:
            good += int((net(part).argmax(1) == label).sum())
            total += len(label)
            {then}
    print(f"epoch {{epoch}}, accuracy on held-out data {{good / total:.3f}}")
"""
BY_HAND = """
net = network(1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(4):
    for rows in torch.randperm(200).split(25):
        optimizer.zero_grad()
        F.mse_loss(net(x[rows]), z[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        sums = [F.mse_loss(net(x[i : i + 26]), z[i : i + 26]).item() for i in range(200, 330, 26)]
    print(f"after {{epoch}}: {{sum(sums) / {count}:.6f}}")
"""
PLATEAU = """
net = network(1)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
plan = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="{mode}")
for epoch in range(3):
    for rows in torch.randperm(200).split(25):
        optimizer.zero_grad()
        off = net(x[rows]) - z[rows]
        off.abs().mean().backward()
        optimizer.step()
    with torch.no_grad():
        quantity = (net(x[200:]) - z[200:]).square().mean()
    plan.step(quantity)
"""
PARTS = """
net = network(1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
shelves = [(x[i : i + 25].clone(), z[i : i + 25].clone()) for i in range(0, 200, 25)]
for epoch in range(4):
    optimizer.zero_grad()
    for part, goal in shelves:
        off = (net(part) - goal).pow(2).mean(){divided}
        off.backward()
    optimizer.step()
"""
SMALLER = """
net = network(2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)


def limit():
    for p in net.parameters():
        {limited}


for epoch in range(2):
    for part, label in train:
        optimizer.zero_grad()
        F.cross_entropy(net(part), label).backward()
        {before}
        optimizer.step()
        {after}
"""
POLICY = """
net = network(3)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(12):
    states = x[torch.randint(0, 330, (40,))]
    scores = net(states)
    action = torch.multinomial(scores.detach().softmax(1), 1)[:, 0]
    reward = (action == 1).float() - 0.3
    gained = {logarithms} * reward
    optimizer.zero_grad()
    ({sign}gained.mean()).backward()
    optimizer.step()
"""


def told(watching: Watch, code: str) -> list[str]:
    return [f.level for f in watching.findings if f.code == code]


@pytest.mark.parametrize(
    ("step", "weight", "expected"),
    [
        ("len(pair)", "len(pair[1])", ["error"]),
        ("len(pair[1])", "len(pair)", ["error"]),
        ("len(pair[1])", "len(pair[1])", []),
    ],
)
def test_the_length_of_a_pair(
    run: Callable[[str], Watch], step: str, weight: str, expected: list[str]
) -> None:
    """E101: two for each batch, and not its samples."""
    watching = run(LENGTH.format(step=step, weight=weight))
    assert told(watching, "E101") == expected
    said = [f for f in watching.findings if f.code == "E101"]
    assert all("len() of a batch that is a tuple of 2" in f.message for f in said)
    assert all("take the length of its labels" in f.fix for f in said)


@pytest.mark.parametrize(
    ("then", "shuffle", "expected"),
    [("break", False, ["warning"]), ("break", True, []), ("pass", False, [])],
)
def test_only_the_first_batch(
    run: Callable[[str], Watch], then: str, shuffle: bool, expected: list[str]
) -> None:
    """E101: a loader in order always begins with the same batch."""
    watching = run(FIRST.format(then=then, shuffle=shuffle))
    assert told(watching, "E101") == expected
    said = [f.message for f in watching.findings if f.code == "E101"]
    assert all("is that of the first of 7 batches" in m for m in said)


@pytest.mark.parametrize(("count", "expected"), [("130", ["error"]), ("len(sums)", [])])
def test_means_divided_by_samples(
    run: Callable[[str], Watch], count: str, expected: list[str]
) -> None:
    """E101 without a loader, and in figures of a few digits."""
    assert told(run(BY_HAND.format(count=count)), "E101") == expected


@pytest.mark.parametrize(("mode", "expected"), [("max", ["error"]), ("min", [])])
def test_a_plateau_of_the_programs_own_loss(
    run: Callable[[str], Watch], mode: str, expected: list[str]
) -> None:
    """O111 by the value of the figure, whatever it is called."""
    assert told(run(PLATEAU.format(mode=mode)), "O111") == expected


@pytest.mark.parametrize(("divided", "expected"), [("", ["warning"]), (" / len(shelves)", [])])
def test_batches_that_lie_in_a_list(
    run: Callable[[str], Watch], divided: str, expected: list[str]
) -> None:
    """R106 where neither the batches nor the losses come from torch."""
    assert told(run(PARTS.format(divided=divided)), "R106") == expected


@pytest.mark.parametrize(
    "limited",
    [
        "p.grad.clamp_(-0.01, 0.01)",
        "p.grad.data.clamp_(-0.01, 0.01)",
        "p.grad = p.grad.clamp(-0.01, 0.01)",
        "p.grad.detach().mul_(0.1 / (p.grad.norm() + 1e-6))",
    ],
)
@pytest.mark.parametrize(
    ("before", "after", "expected"), [("pass", "limit()", ["error"]), ("limit()", "pass", [])]
)
def test_clipped_by_hand(
    run: Callable[[str], Watch], limited: str, before: str, after: str, expected: list[str]
) -> None:
    """R106: the gradients are made smaller when nobody needs them any more."""
    watching = run(SMALLER.format(before=before, after=after, limited=limited))
    assert told(watching, "R106") == expected
    said = [f.message for f in watching.findings if f.code == "R106"]
    assert all("made smaller after step() has used them" in m for m in said)


@pytest.mark.parametrize(
    ("logarithms", "wrong", "right"),
    [
        ("scores.log_softmax(1)[torch.arange(40), action]", "", "-"),
        ("F.cross_entropy(scores, action, reduction='none')", "-", ""),
    ],
)
def test_logarithms_picked_by_an_index(
    run: Callable[[str], Watch], logarithms: str, wrong: str, right: str
) -> None:
    """Q106 without `gather`."""
    assert told(run(POLICY.format(logarithms=logarithms, sign=wrong)), "Q106") == ["warning"]
    assert told(run(POLICY.format(logarithms=logarithms, sign=right)), "Q106") == []


SENTENCES = """
words = torch.randint(0, 9, (96, 8))
words[:, 4:] = words[:, :4]
net = nn.Sequential(nn.Embedding(9, 12), nn.Linear(12, 9))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)


def loss(part):
    return F.cross_entropy(net(part[:, :-1]).flatten(0, 1), part[:, 1:].flatten())


for epoch in range(2):
    for part in words[:64].split(16):
        optimizer.zero_grad()
        loss(part).backward()
        optimizer.step()
    with torch.no_grad():
        held = torch.stack([loss(part) for part in words[64:].split(4)])
    print("perplexity of the rest:", {perplexity}.item())
"""


@pytest.mark.parametrize(
    ("perplexity", "found"), [("held.exp().mean()", True), ("held.mean().exp()", False)]
)
def test_a_mean_of_perplexities(run: Callable[[str], Watch], perplexity: str, found: bool) -> None:
    """E104: the mean of exponentials lies above the exponential of the mean."""
    watching = run(SENTENCES.format(perplexity=perplexity))
    assert bool(told(watching, "E104")) is found
    said = [f.message for f in watching.findings if f.code == "E104"]
    assert all("the mean of perplexity over 8 batches" in m for m in said)


OUTSIDE = """
import numpy as np

net = network(2)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
table, truth = x.numpy(), y.numpy()
rest = np.arange(200, 330)
for epoch in range(3):
    fit(net, optimizer)
    good = 0
    with torch.no_grad():
        for rows in np.array_split(rest, 5):
            said = np.argmax(net(torch.from_numpy(table[rows])).numpy(), axis=1)
            good += np.count_nonzero(said == truth[rows])
    print(f"{{epoch}}: {{100 * good / len({what}):.1f}} % right")
"""


@pytest.mark.parametrize(("what", "expected"), [("table", ["error"]), ("rest", [])])
def test_hits_that_numpy_counts(
    run: Callable[[str], Watch], what: str, expected: list[str]
) -> None:
    """E101 where answers and labels never meet in torch."""
    watching = run(OUTSIDE.format(what=what))
    assert told(watching, "E101") == expected
    said = [f.message for f in watching.findings if f.code == "E101"]
    assert all("answered 130 samples" in m and "divided by 330" in m for m in said)


PAIR = """
first = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2))
second = nn.Sequential(nn.Dropout(0.3), nn.Linear(16, 1))
optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=1e-2)
for epoch in range(3):
    first.train(), second.train()
    for rows in torch.randperm(200).split(25):
        optimizer.zero_grad()
        F.mse_loss(second(first(x[rows])), z[rows]).backward()
        optimizer.step()
    first.eval()
    {then}
    with torch.no_grad():
        held_out = F.mse_loss(second(first(x[200:])), z[200:]).item()
"""


@pytest.mark.parametrize(("then", "expected"), [("pass", ["error"]), ("second.eval()", [])])
def test_one_of_two_networks_in_training_mode(
    run: Callable[[str], Watch], then: str, expected: list[str]
) -> None:
    """R103 where the second network's inputs are new tensors at old addresses."""
    assert told(run(PAIR.format(then=then)), "R103") == expected
