"""Programs without a loader: slices of tensors and arrays are judged as a loader's data are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lamplighter.watch import Watch
from lamplighter.watch.data.fed import is_conditioned

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
rng = np.random.default_rng(0)
inputs = rng.normal(size=(300, 10)).astype("float32")
labels = (inputs[:, 0] + inputs[:, 1] > 0).astype("int64")
model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)


def step(x, y):
    model.train()
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


def accuracy(x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def train(x, y, epochs=3, shuffle=True):
    for _ in range(epochs):
        order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
        for rows in order.split(20):
            step(x[rows], y[rows])

"""
SPLIT = """
x_train, y_train = torch.tensor(inputs[:200]), torch.tensor(labels[:200])
x_test, y_test = torch.tensor(inputs[{start}:]), torch.tensor(labels[{start}:])
"""


def codes(watching: Watch) -> list[tuple[str, int | None]]:
    """Each finding's code and the step at which it was told."""
    return [(finding.code, finding.step) for finding in watching.findings]


def test_samples_in_both_arrays_are_told_before_the_first_step(run: Callable[[str], Watch]) -> None:
    """S101: rows of `x_test` that are in `x_train` are told at step 0, at the line that slices them."""
    watching = run(
        SPLIT.format(start=150) + "train(x_train, y_train)\nprint(accuracy(x_test, y_test))\n"
    )
    assert codes(watching) == [("S101", 0)]
    assert watching.findings[0].line == HEAD.count("\n") + 3


def test_samples_in_both_are_told_in_the_end_whatever_they_are_called(
    run: Callable[[str], Watch],
) -> None:
    """S101: without telling names the evaluated rows are compared with those trained on."""
    watching = run(
        SPLIT.format(start=150).replace("x_train", "a").replace("x_test", "b")
        + "train(a, y_train)\nprint(accuracy(b, y_test))\n"
    )
    assert [code for code, _ in codes(watching)] == ["S101"]
    assert "50 of the 150 samples that are evaluated" in watching.findings[0].message


def test_sorted_slices_are_told_before_the_first_step(run: Callable[[str], Watch]) -> None:
    """D106: batches cut in order from rows that lie sorted by class."""
    watching = run(
        "order = np.argsort(labels, kind='stable')\n"
        "x, y = torch.tensor(inputs[order]), torch.tensor(labels[order])\n"
        "train(x, y, shuffle=False)\n"
    )
    assert codes(watching) == [("D106", 0)]
    assert "torch.randperm" in watching.findings[0].fix


def test_test_part_in_other_units_is_told(run: Callable[[str], Watch]) -> None:
    """T102: rows of a test array that were not scaled like those of train."""
    watching = run(
        SPLIT.format(start=200)
        + "x_test = x_test * 40 + 100\ntrain(x_train, y_train)\nprint(accuracy(x_test, y_test))\n"
    )
    assert codes(watching) == [("T102", 0)]


def test_shuffled_labels_are_told(run: Callable[[str], Watch]) -> None:
    """Y101: labels that were shuffled apart from their inputs carry no signal."""
    watching = run(
        "big = torch.randn(700, 10)\nmarks = (big[:, 0] > 0).long()[torch.randperm(700)]\n"
        "train(big, marks)\n"
    )
    assert codes(watching) == [("Y101", 0)]


@pytest.mark.parametrize(
    "rest",
    [
        SPLIT.format(start=200)
        + "train(x_train, y_train)\n"
        + "for x, y in [(x_train, y_train), (x_test, y_test)]:\n    accuracy(x, y)\n"
        + "accuracy(torch.cat([x_train, x_test]), torch.cat([y_train, y_test]))\n"
        + "accuracy(x_train[:90], y_train[:90])\n",
        SPLIT.format(start=200)
        + "for _ in range(9):\n    step(x_train, y_train)\nprint(accuracy(x_test, y_test))\n",
        "start = {k: v.clone() for k, v in model.state_dict().items()}\n"
        "x, y = torch.tensor(inputs), torch.tensor(labels)\n"
        "for fold in torch.arange(300).chunk(3):\n"
        "    model.load_state_dict(start)\n"
        "    rest = torch.tensor([i for i in range(300) if i not in set(fold.tolist())])\n"
        "    train(x[rest], y[rest])\n    accuracy(x[fold], y[fold])\n",
        "order = np.argsort(labels)\nx, y = torch.tensor(inputs[order]), torch.tensor(labels[order])\n"
        "for _ in range(9):\n    step(x, y)\n",
    ],
    ids=["a score on train and on everything", "whole batches", "folds", "sorted whole batches"],
)
def test_healthy_program_without_a_loader_stays_silent(
    rest: str, run: Callable[[str], Watch]
) -> None:
    """A score on train, a look at all samples, folds of one network and whole batches are no fault."""
    assert run(rest).findings == []


def test_column_that_is_one_number_in_each_call_is_a_question() -> None:
    """T102: a sampler asks for one noise level after the other; a data column varies within a call."""
    rows = torch.randn(2, 40, 3)

    def asked(*levels: float) -> list[torch.Tensor]:
        calls = zip(rows, levels, strict=True)
        return [torch.cat([part, torch.full((40, 1), level)], 1) for part, level in calls]

    assert is_conditioned(asked(0.9, 0.8))
    assert not is_conditioned(asked(0.9, 0.9))
    assert not is_conditioned(list(rows))
    assert not is_conditioned(asked(0.9, 0.8)[:1])
