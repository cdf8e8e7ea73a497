"""Planes lie with their channels last wherever a network takes them so, and as usual elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lamplighter.errors import ModelError
from lamplighter.models.build import build
from lamplighter.models.memory_format import FORMATS, fit_memory_format
from lamplighter.models.shape import settle_lazy

SHAPE = (3, 8, 8)


class Viewed(nn.Module):
    """Flattens as many courses do, which goes through in PyTorch's usual format only."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4 * 8 * 8, 2)

    def flat(self, planes: Tensor) -> Tensor:
        return planes.view(-1, 4 * 8 * 8)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.flat(self.conv(images)))


class Flattened(Viewed):
    def flat(self, planes: Tensor) -> Tensor:
        return planes.flatten(1)


class Strided(Viewed):
    """Raises nothing, and reads its numbers in the order in which they happen to lie."""

    def flat(self, planes: Tensor) -> Tensor:
        return planes.as_strided((len(planes), 4 * 8 * 8), (4 * 8 * 8, 1))


def lies_last(module: nn.Module) -> bool:
    weights = next(p for p in module.parameters() if p.ndim == 4)
    return weights.is_contiguous(memory_format=torch.channels_last) and not weights.is_contiguous()


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Flattened, "channels_last"), (Viewed, "contiguous"), (Strided, "contiguous")],
)
def test_the_quicker_format_is_taken_where_answers_stay_the_same(
    kind: type[Viewed], name: str
) -> None:
    """A network that raises, or answers otherwise, keeps PyTorch's usual format."""
    network = kind()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    usual = network(torch.ones(1, *SHAPE))
    assert fit_memory_format(network, "own", SHAPE) == name
    assert lies_last(network) is (name == "channels_last")
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    images = torch.ones(1, *SHAPE).contiguous(memory_format=FORMATS[name])
    torch.testing.assert_close(network(images), usual)


def test_our_own_networks_are_not_tried() -> None:
    """The suite sends each of them through; a training need not."""
    network = build("tutorial_cnn", 2).module
    calls: list[int] = []
    network.register_forward_hook(lambda *_: calls.append(1))
    assert fit_memory_format(network, "lamplighter", (3, 32, 32)) == "channels_last"
    assert not calls
    assert lies_last(network)


def test_what_is_asked_for_is_taken_or_refused_in_words() -> None:
    network = Flattened()
    assert fit_memory_format(network, "own", SHAPE, "contiguous") == "contiguous"
    assert not lies_last(network)
    assert fit_memory_format(network, "own", SHAPE, "channels_last") == "channels_last"
    assert lies_last(network)
    with pytest.raises(
        ModelError, match="does not take planes that lie with their channels last"
    ) as told:
        fit_memory_format(Viewed(), "own", SHAPE, "channels_last")
    assert told.value.where == "Viewed"
    assert "--memory-format auto" in str(told.value.fix)


def test_lazy_layers_take_their_sizes_from_one_sample() -> None:
    """In place, so that optimizer and files see weights."""
    network = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))
    settle_lazy(network, SHAPE)
    assert [tuple(p.shape) for p in network.parameters()] == [(4, 3, 3, 3), (4,), (2, 144), (2,)]
    assert network.training
