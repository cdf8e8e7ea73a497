"""A102: a network takes the weights of another one of its class, and computes something else."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lamplighter.watch import Watch, watch


class Body(nn.Module):
    """Two layers with a bend between."""

    def __init__(self, bend: Any = torch.tanh, drop: float = 0.0, scale: float = 1.0) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 16), nn.Linear(16, 8)
        self.bend, self.scale, self.drop = bend, scale, nn.Dropout(drop)

    def forward(self, x: Tensor) -> Any:
        return self.two(self.drop(self.bend(self.one(x)))) * self.scale


class Classifier(nn.Module):
    """A body within a larger network."""

    def __init__(self, bend: Any = torch.tanh) -> None:
        super().__init__()
        self.body, self.head = Body(bend), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.body(x))


def _train(net: nn.Module) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(5):
        x = torch.randn(32, 6)
        optimizer.zero_grad()
        F.cross_entropy(net(x), (x[:, 0] > 0).long()).backward()
        optimizer.step()


def _sequence(bend: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 16), bend, nn.Linear(16, 8))


def _transformer(**settings: Any) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        6, settings.pop("heads", 2), 16, 0.0, batch_first=True, **settings
    )
    return nn.Sequential(nn.Unflatten(1, (1, 6)), layer, nn.Flatten(), nn.Linear(6, 2))


def _codes(old: nn.Module, new: nn.Module, *, mend: Callable[[], None] | None = None) -> list[Any]:
    """What is found where a new network takes the state of a trained one."""
    torch.manual_seed(0)
    with watch() as watching:
        _train(old)
        new.load_state_dict(old.state_dict())
        if mend is not None:
            mend()
        with torch.no_grad():
            new.eval()(torch.randn(16, 6))
    assert watching.faults == []
    return [(f.level, f.message) for f in watching.findings if f.code == "A102"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (lambda: Body(torch.tanh), lambda: Body(torch.relu), "`bend` is relu and was tanh"),
        (lambda: Body(F.elu), lambda: Body(partial(F.elu, alpha=0.3)), "`bend` is elu(alpha=0.3) and was elu"),
        (lambda: Body(lambda x: x.tanh()), lambda: Body(lambda x: x.sin()), "`bend` is the lambda of line"),
        (lambda: Body(nn.Tanh()), lambda: Body(nn.GELU()), "`bend` is GELU and was Tanh"),
        (lambda: _sequence(nn.ReLU()), lambda: _sequence(nn.Sigmoid()), "`1` is Sigmoid and was ReLU"),
        (
            lambda: _sequence(nn.LeakyReLU(0.2)), lambda: _sequence(nn.LeakyReLU(0.01)),
            "`1.negative_slope` is 0.01 and was 0.2",
        ),
        (
            lambda: _transformer(norm_first=True), lambda: _transformer(),
            "`1.norm_first` is False and was True",
        ),
        (lambda: Classifier(torch.tanh), lambda: Classifier(torch.sin), "`body.bend` is sin and was tanh"),
    ],
)  # fmt: skip
def test_the_same_weights_with_other_answers_are_told(
    old: Callable[[], nn.Module], new: Callable[[], nn.Module], told: str
) -> None:
    """Functions, layers without weights, and settings of torch's own layers."""
    ((level, message),) = _codes(old(), new())
    assert level == "warning"
    assert told in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (lambda: Body(), lambda: Body()),
        (lambda: Body(lambda x: x.tanh()), lambda: Body(lambda x: x.tanh())),
        (lambda: Body(drop=0.5), lambda: Body(drop=0.1)),
        (
            lambda: Body(partial(F.prelu, weight=torch.full((16,), 0.3))),
            lambda: Body(partial(F.prelu, weight=torch.full((16,), 0.3))),
        ),
        (lambda: Body(scale=1.0), lambda: Body(scale=0.5)),
        (lambda: _sequence(nn.ReLU()), lambda: _sequence(nn.ReLU(inplace=True))),
    ],
)
def test_networks_that_answer_alike_are_silent(
    old: Callable[[], nn.Module], new: Callable[[], nn.Module]
) -> None:
    """Equal ones, other dropout, and numbers of the user's own, which may be meant."""
    assert _codes(old(), new()) == []


def test_what_is_set_after_loading_is_silent() -> None:
    """The function may be put in once the weights are there."""
    new = Body(torch.relu)
    assert _codes(Body(), new, mend=lambda: setattr(new, "bend", torch.tanh)) == []


def _through(take: Callable[[nn.Module], Any], part: bool) -> Watch:
    torch.manual_seed(0)
    net = Classifier()
    with watch() as watching:
        _train(net)
        state = take(net.body if part else net)
        new = Classifier(torch.relu)
        (new.body if part else new).load_state_dict(state)
        with torch.no_grad():
            new(torch.randn(8, 6))
    assert watching.faults == []
    return watching


def _file(net: nn.Module) -> Any:
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    return torch.load(file)


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize(
    "take", [_file, lambda net: copy.deepcopy(net.state_dict())], ids=["file", "copy"]
)
def test_the_state_may_come_through_a_file(take: Callable[[nn.Module], Any], part: bool) -> None:
    """Of the whole network, or of one part that is taken into another network."""
    assert [f.code for f in _through(take, part).findings if f.code == "A102"] == ["A102"]


def test_nothing_of_the_two_is_changed_by_the_trial() -> None:
    """Weights, modes, hooks and the generator are what they were."""
    torch.manual_seed(0)
    old, new = Body(drop=0.5), Body(torch.relu, drop=0.5)
    with watch():
        optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
        old(torch.randn(4, 6)).sum().backward()
        optimizer.step()
        state, before = torch.get_rng_state(), copy.deepcopy(old.state_dict())
        new.load_state_dict(old.state_dict())
        assert torch.equal(state, torch.get_rng_state())
        assert all(torch.equal(before[k], v) for k, v in old.state_dict().items())
        assert all(net.training and not net._forward_pre_hooks for net in (old, new))
