"""E108: a state is kept for beating the figure before, and replaces a better one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lamplighter.watch import Watch

HEAD = """
import copy
import io

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x = torch.randn(120, 8)
y = torch.sin(2 * x[:, :1]) + 0.5 * torch.randn(120, 1)


def make():
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
    return net, torch.optim.Adam(net.parameters(), lr=0.02)


def epoch(net, optimizer):
    for part in torch.randperm(80).split(16):
        loss = F.mse_loss(net(x[part]), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def error(net):
    with torch.no_grad():
        return F.mse_loss(net(x[80:]), y[80:]).item()


net, optimizer = make()
"""
LISTED = """
{begin}
for number in range(30):
    epoch(net, optimizer)
    {note}
    if {condition}:
        {keep}
"""
BEFORE = """
last = {begin}
for number in range(30):
    epoch(net, optimizer)
    now = {figure}
    if {condition}:
        {keep}
    {after}
"""
CLASS = """
class Keeper:
    def __init__(self):
        self.score, self.state, self.rounds = None, None, 0

    def __call__(self, value, model):
        if self.score is None or value < self.score:
            self.state = copy.deepcopy(model.state_dict())
            {inside}
        else:
            self.rounds += 1
        {outside}


keeper = Keeper()
for number in range(30):
    epoch(net, optimizer)
    keeper(error(net), net)
net.load_state_dict(keeper.state)
"""
FOLDS = """
for fold in range(3):
    net, optimizer = make()
    losses = []
    for number in range(8):
        epoch(net, optimizer)
        losses.append(error(net) - 1.0 * (fold == 0))
        if number == 0 or losses[-1] < {against}:
            state = copy.deepcopy(net.state_dict())
    net.load_state_dict(state)
"""
KEEP = "kept = copy.deepcopy(net.state_dict())"
SAVE = "torch.save(net.state_dict(), path)"
PATH = "path = '/dev/null'"


def told(watching: Watch) -> list[str]:
    return [f.level for f in watching.findings if f.code == "E108"]


@pytest.mark.parametrize(
    ("begin", "note", "condition", "keep"),
    [
        ("seen = []", "seen.append(error(net))", "len(seen) < 2 or seen[-1] < seen[-2]", KEEP),
        (
            "log = {'held': []}",
            "log['held'].append(error(net))",
            "number == 0 or log['held'][number] < log['held'][number - 1]",
            KEEP,
        ),
        (
            "seen = np.zeros(30)",
            "seen[number] = error(net)",
            "number < 1 or not seen[number] >= seen[number - 1]",
            KEEP,
        ),
        (
            f"seen = []; {PATH}",
            "seen.append(-error(net))",
            "len(seen) == 1 or seen[-2] < seen[-1]",
            SAVE,
        ),
    ],
)
def test_an_entry_and_the_one_before(
    run: Callable[[str], Watch], begin: str, note: str, condition: str, keep: str
) -> None:
    """Two neighbours of a list are compared, in whatever spelling."""
    watching = run(LISTED.format(begin=begin, note=note, condition=condition, keep=keep))
    assert told(watching) == ["error"]


@pytest.mark.parametrize(
    ("begin", "figure", "condition", "keep", "after"),
    [
        ("float('inf')", "error(net)", "now < last", KEEP, "last = now"),
        ("1e9", "torch.tensor(error(net))", "last > now", KEEP, "last = now.item()"),
        ("-1e9", "-error(net)", "now > last", SAVE.replace("path", "'/dev/null'"), "last = now"),
    ],
)
def test_a_variable_that_each_round_sets(
    run: Callable[[str], Watch], begin: str, figure: str, condition: str, keep: str, after: str
) -> None:
    """The figure of the round before is kept, whatever became of the state."""
    program = BEFORE.format(begin=begin, figure=figure, condition=condition, keep=keep, after=after)
    assert told(run(program)) == ["error"]


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        ("self.rounds = 0", "self.score = value", ["error"]),
        ("self.score = value", "self.rounds += 0", []),
    ],
)
def test_a_class_that_keeps(
    run: Callable[[str], Watch], inside: str, outside: str, expected: list[str]
) -> None:
    """The same in an object of the program's own, and beside it one that remembers its best."""
    assert told(run(CLASS.format(inside=inside, outside=outside))) == expected


@pytest.mark.parametrize(
    ("begin", "note", "condition", "keep"),
    [
        ("seen = []", "seen.append(error(net))", "seen[-1] <= min(seen)", KEEP),
        (
            "seen = []",
            "seen.append(error(net))",
            "len(seen) == 1 or seen[-1] < min(seen[:-1])",
            KEEP,
        ),
        # each state in a file of its own, or in a list
        (
            "seen = []",
            "seen.append(error(net))",
            "len(seen) < 2 or seen[-1] < seen[-2]",
            "torch.save(net.state_dict(), io.BytesIO())",
        ),
        (
            "seen, states = [], []",
            "seen.append(error(net))",
            "len(seen) < 2 or seen[-1] < seen[-2]",
            "states.append(copy.deepcopy(net.state_dict()))",
        ),
        (
            "seen, states = [], {}",
            "seen.append(error(net))",
            "len(seen) < 2 or seen[-1] < seen[-2]",
            "states[number] = copy.deepcopy(net.state_dict())",
        ),
    ],
)
def test_the_best_or_all_of_them(
    run: Callable[[str], Watch], begin: str, note: str, condition: str, keep: str
) -> None:
    """The best of the list, or states that replace none."""
    assert told(run(LISTED.format(begin=begin, note=note, condition=condition, keep=keep))) == []


def test_another_part_of_the_condition_has_decided(run: Callable[[str], Watch]) -> None:
    """A state that is kept in a round of its own is not kept for beating the one before."""
    figures = "seen, told = [], [1.0, 0.5, 0.8, *(0.9 + 0.1 * n for n in range(27))]"
    condition = (
        "number == 5 or (len(seen) > 1 and seen[-1] < seen[-2] and seen[-1] < min(seen[:-1]))"
    )
    note = "seen.append(told[number])"
    watching = run(LISTED.format(begin=figures, note=note, condition=condition, keep=KEEP))
    assert told(watching) == []


def test_a_best_that_is_set_where_the_state_is_kept(run: Callable[[str], Watch]) -> None:
    """The plain form, under a name that says nothing."""
    program = BEFORE.format(
        begin="float('inf')",
        figure="error(net)",
        condition="now < last",
        keep=f"last = now; {KEEP}",
        after="pass",
    )
    assert told(run(program)) == []


@pytest.mark.parametrize("against", ["min(losses[:-1])", "min(losses[:number])"])
def test_a_training_for_each_fold(run: Callable[[str], Watch], against: str) -> None:
    """The first fold is the easiest; the others have a best of their own."""
    assert told(run(FOLDS.format(against=against))) == []
