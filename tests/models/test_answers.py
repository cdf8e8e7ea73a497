"""What a network of one's own gives is asked before the training, and said in words where it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from lamplighter.errors import ModelError
from lamplighter.models.answers import check_answers
from lamplighter.models.copying import copied

SHAPE = (3, 8, 8)


class Named(NamedTuple):
    logits: Tensor
    aux_logits: Tensor


class Giving(nn.Module):
    """A layer, and what is made of its numbers."""

    def __init__(self, made: Callable[[Tensor, bool], Any], outputs: int = 2) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 8, outputs)
        self.made = made

    def forward(self, images: Tensor) -> Any:
        return self.made(self.layer(images.flatten(1)), self.training)


REFUSED: list[tuple[Giving, str, str]] = [
    (Giving(lambda x, _: x, 1000), "1,000 numbers per picture, and the data have 2", "num_classes"),
    (Giving(lambda x, _: x, 1), "1 number per picture, and the data have 2 classes", "BCE"),
    (Giving(lambda x, _: x.squeeze()), "for a batch of one picture it gives 2;", "x.squeeze()"),
    (Giving(lambda x, _: x[:, :, None, None]), "it gives 1×2×1×1; expected 1×2", "flatten(1)"),
    (Giving(lambda x, _: (x, x)), "it gives a tuple of 2", "`logits`"),
    (Giving(lambda x, _: {"out": x}), "it gives a dict with 'out'", "`logits`"),
    (Giving(lambda x, t: (x, x) if t else x), "while it trains it gives a tuple", "aux_logits"),
    (Giving(lambda _, __: None), "it gives nothing", "return x"),
]


@pytest.mark.parametrize(("network", "told", "fix"), REFUSED)
def test_what_no_loss_could_take_is_refused(network: Giving, told: str, fix: str) -> None:
    """Each of them would have raised at the first batch, or trained to its end without a report."""
    with pytest.raises(ModelError) as caught:
        check_answers(network, SHAPE, 2, "classification")
    assert told in caught.value.message
    assert fix in caught.value.fix
    assert caught.value.where == "Giving"


@pytest.mark.parametrize(
    ("network", "task"),
    [
        (Giving(lambda x, _: x), "classification"),
        (Giving(lambda x, _: Named(x, x)), "classification"),
        (Giving(lambda x, t: Named(x, x) if t else x), "classification"),
        (Giving(lambda x, _: x.flatten()), "regression"),
    ],
)
def test_what_fits_is_left_as_it_is(network: Giving, task: str) -> None:
    """No weight, mode or random number moves."""
    before, state = network.layer.weight.clone(), torch.get_rng_state()
    check_answers(network, SHAPE, 2, task)
    assert torch.equal(network.layer.weight, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training


def test_a_network_that_keeps_what_it_computed_is_copied() -> None:
    """Torch alone refuses to copy it; the copy's weights are its own."""
    network = Giving(lambda x, _: x)
    network.kept = network.layer(torch.ones(1, 192))  # has a graph
    double: Any = copied(network)
    assert torch.equal(double.kept, network.kept.detach())
    assert double.layer.weight is not network.layer.weight
    assert torch.equal(double.layer.weight, network.layer.weight)
