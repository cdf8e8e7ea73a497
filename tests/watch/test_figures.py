"""Figures that the program computes by hand, however it reports them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.checks.tallies import Counted
from lamplighter.watch import watch
from lamplighter.watch.score.tallies import Tallies, Tally
from lamplighter.watch.source.figures import Figure
from lamplighter.watch.world import World

Score = Callable[[nn.Module, Tensor, Tensor], Any]


def _scored(score: Score, outputs: int, loss: Any, label: Any) -> list[str]:
    """Codes for an evaluation that follows four steps, both without a loader."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, outputs))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.randn(200, 4)
    y = label(x)
    with watch() as watching:
        for step in range(4):
            optimizer.zero_grad()
            loss(model(x[step::4]), y[step::4]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = score(model, x, y)
        print(f"{accuracy}")
    assert watching.faults == []
    return [f.code for f in watching.findings]


def _two(x: Tensor) -> Tensor:
    return (x[:, 0] > 0).long()


def _column(x: Tensor) -> Tensor:
    return (x[:, :1] > 0).float()


def _many(x: Tensor) -> Tensor:
    return (x[:, :3] > 0).float()


def _binary(out: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(out, y)


def _entropy(out: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(out, y, ignore_index=1)


@pytest.mark.parametrize(
    ("score", "outputs", "loss", "label", "expected"),
    [
        (lambda m, x, y: (m(x).argmax(1) == y).float().mean(), 2, F.cross_entropy, _two, []),
        (
            lambda m, x, y: (m(x).argmax(1, keepdim=True) == y).float().mean(),
            2,
            F.cross_entropy,
            _two,
            ["E101"],
        ),
        (lambda m, x, y: (m(x).argmax() == y).float().mean(), 2, F.cross_entropy, _two, ["E101"]),
        (lambda m, x, y: m(x).max(1)[1].eq(y).float().mean(), 2, _entropy, _two, ["E101"]),
        (lambda m, x, y: (m(x).argmax(1) == y)[y != 1].float().mean(), 2, _entropy, _two, []),
        (
            lambda m, x, y: ((m(x) > 0.5) == y).float().mean(),
            1,
            _binary,
            _column,
            ["E101"],
        ),
        (
            lambda m, x, y: ((m(x).sigmoid() > 0.5) == y).float().mean(),
            1,
            _binary,
            _column,
            [],
        ),
        (
            lambda m, x, y: ((torch.sigmoid(m(x)) > 0) == y).float().mean(),
            1,
            _binary,
            _column,
            ["E101"],
        ),
        (
            lambda m, x, y: (m(x).argmax(1) == y.argmax(1)).float().mean(),
            3,
            _binary,
            _many,
            ["E101"],
        ),
        (lambda m, x, y: (m(x) == y).float().mean(), 1, F.mse_loss, _column, ["E101"]),
    ],
)
def test_comparisons_are_read_as_they_run(
    score: Score, outputs: int, loss: Any, label: Any, expected: list[str]
) -> None:
    """E101: answers that are compared in a wrong way, whatever the figure and however reported."""
    assert _scored(score, outputs, loss, label) == expected


def _reported(divide: Callable[[Any], float]) -> list[str]:
    """Codes for a mean of batches without a loader; `divide` gets counts, shares and losses."""

    def score(model: nn.Module, x: Tensor, y: Tensor) -> float:
        right, shares, losses = 0, [], []
        for part in range(4):
            out, label = model(x[part * 50 : part * 50 + 50]), y[part * 50 : part * 50 + 50]
            same = out.argmax(1) == label
            right += int(same.sum())
            shares.append(same.float().mean().item())
            losses.append(F.cross_entropy(out, label).item())
        figure = divide({"right": right, "share": sum(shares), "loss": sum(losses)})
        del right, shares, losses
        return figure

    return _scored(score, 2, F.cross_entropy, _two)


def test_figures_in_variables_are_held_against_what_was_scored() -> None:
    """E101: a figure that no print shows with enough digits is read from the variable."""
    assert _reported(lambda s: s["right"] / 200) == []
    assert _reported(lambda s: s["share"] / 4) == []
    assert _reported(lambda s: s["loss"] / 4) == []
    assert _reported(lambda s: s["share"] / 200) == ["E101"]
    assert _reported(lambda s: s["loss"] / 200) == ["E101"]


def test_sums_on_their_way_are_no_figures() -> None:
    """A sum of shares or of losses over 100 samples is a hundred times a wrong figure, and right."""

    def score(model: nn.Module, x: Tensor, y: Tensor) -> str:
        right, shares, total = 0, 0.0, 0.0
        for part in range(4):
            out, label = model(x[part * 25 : part * 25 + 25]), y[part * 25 : part * 25 + 25]
            right += int((out.argmax(1) == label).sum())
            shares += (out.argmax(1) == label).float().mean().item()
            total += F.cross_entropy(out, label).item()
            print(total, shares)
        return f"{right} {shares / 4} {total}"

    assert _scored(score, 2, F.cross_entropy, _two) == []


def test_two_walks_may_have_as_many_right_answers() -> None:
    """E101: a training's accuracy in sight is no accuracy of a test over the wrong length."""
    tested = Tally(("test", 1, True), Counted(sizes=[64], length=397), [torch.tensor(48)])
    trained = Tally(("train", 2, True), Counted(sizes=[96], length=1400), [torch.tensor(48)])
    figure = Figure("accuracy", 48 / 1400, "train.py")
    for recent, codes in (([tested], ["E101"]), ([tested, trained], [])):
        tallies = Tallies(World())
        tallies.recent = recent
        tallies.compare(tested, [figure], [1400])
        assert [found.code for found in tallies.world.findings.values()] == codes
