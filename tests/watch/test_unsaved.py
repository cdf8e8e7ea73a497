"""A102: files that hold the parameters of a model and not its statistics."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lamplighter.watch import Watch, watch


def _net(norm: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), norm, nn.ReLU(), nn.Linear(8, 2))


def _train(net: nn.Module) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(4):
        optimizer.zero_grad()
        F.cross_entropy(net(torch.randn(16, 4)), torch.tensor([0, 1] * 8)).backward()
        optimizer.step()


def _saved(*make: Callable[[nn.Module], Any], norm: nn.Module | None = None) -> Watch:
    net = _net(norm or nn.BatchNorm1d(8))
    with watch() as watching:
        _train(net)
        for one in make:
            torch.save(one(net), io.BytesIO())
    assert watching.faults == []
    return watching


@pytest.mark.parametrize(
    "make",
    [
        lambda net: list(net.parameters()),
        lambda net: dict(net.named_parameters()),
        lambda net: {"epoch": 1, "weights": [p.data for p in net.parameters()]},
    ],
    ids=["list", "by name", "within a checkpoint"],
)
def test_parameters_without_statistics_are_told(make: Callable[[nn.Module], Any]) -> None:
    """The message says what begins anew, and the line is that of the save."""
    (finding,) = (f for f in _saved(make).findings if f.code == "A102")
    assert (finding.level, finding.where, finding.file) == ("warning", "`net`", __file__)
    assert finding.message == (
        "all 6 parameters are saved and no buffer is: in a new model the running mean and variance "
        "of 1 begin at 0 and 1 again, so that in eval mode it answers otherwise than this one"
    )
    assert finding.fix == (
        "save the whole state, which has the buffers: torch.save(model.state_dict(), file)"
    )


def test_it_is_true_that_the_reloaded_model_answers_differently() -> None:
    """What the message claims: the same parameters in a new model give other answers."""
    net, new = _net(nn.BatchNorm1d(8)), _net(nn.BatchNorm1d(8))
    _train(net)
    rows = torch.randn(8, 4)
    with torch.no_grad():
        for mine, theirs in zip(new.parameters(), net.parameters(), strict=True):
            mine.copy_(theirs)
        assert not torch.allclose(net.eval()(rows), new.eval()(rows), atol=1e-3)
        new.load_state_dict(net.state_dict())
        assert torch.equal(net(rows), new(rows))


@pytest.mark.parametrize(
    ("make", "norm"),
    [
        ([lambda net: net.state_dict()], None),
        ([lambda net: {"model": net.state_dict(), "epoch": 3}], None),
        ([lambda net: list(net.parameters()), lambda net: net.state_dict()], None),
        ([lambda net: list(net.parameters()), lambda net: dict(net.named_buffers())], None),
        ([lambda net: list(net.parameters()), lambda net: net], None),
        ([lambda net: list(net[3].parameters())], None),
        ([lambda net: list(net.parameters())], nn.LayerNorm(8)),
        ([lambda net: list(net.parameters())], nn.BatchNorm1d(8, track_running_stats=False)),
    ],
    ids=[
        "state", "checkpoint", "state too", "buffers in a file of their own", "module",
        "a part", "LayerNorm", "no statistics",
    ],
)  # fmt: skip
def test_what_is_whole_or_has_no_statistics_is_silent(
    make: list[Callable[[nn.Module], Any]], norm: nn.Module | None
) -> None:
    """Whole states, statistics saved elsewhere, parts, and networks that need none."""
    assert [f for f in _saved(*make, norm=norm).findings if f.code == "A102"] == []
