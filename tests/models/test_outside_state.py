"""What a training changes outside the state is told before it, not after."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lamplighter.errors import ModelError
from lamplighter.models.outside_state import refuse_outside_state

SHAPE = (3, 8, 8)


class Centred(nn.Module):
    """A mean that moves with each batch, as a batch norm written by hand keeps it."""

    def __init__(self, *, as_buffer: bool, by_mode: bool = True) -> None:
        super().__init__()
        self.layer = nn.Linear(192, 2)
        self.by_mode = by_mode
        if as_buffer:
            self.register_buffer("mean", torch.zeros(192))
        else:
            self.mean = torch.zeros(192)

    def forward(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        # a well-known book asks for the gradients' mode, not for the network's
        if self.training if self.by_mode else torch.is_grad_enabled():
            self.mean = 0.9 * self.mean + 0.1 * flat.mean(0).detach()
        return self.layer(flat - self.mean)


class Drawing(Centred):
    """Answers with random numbers, also in evaluation mode."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images + torch.randn_like(images))


@pytest.mark.parametrize("by_mode", [True, False])
def test_a_plain_attribute_that_moves_is_refused(by_mode: bool) -> None:
    network = Centred(as_buffer=False, by_mode=by_mode)
    with pytest.raises(ModelError, match="not in its state_dict") as caught:
        refuse_outside_state(network, SHAPE)
    assert "register_buffer" in caught.value.fix
    assert not network.mean.any()  # the network itself saw nothing


@pytest.mark.parametrize(
    "network",
    [
        Centred(as_buffer=True),
        Drawing(as_buffer=True),
        nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), nn.Flatten()),
        nn.Sequential(nn.Flatten(), nn.utils.parametrizations.spectral_norm(nn.Linear(192, 2))),
        nn.Sequential(nn.Flatten(), nn.LazyLinear(2)),
    ],
)
def test_state_random_numbers_and_modes_are_no_fault(network: nn.Module) -> None:
    """Buffers, dropout, norms and lazy layers; the random numbers stay where they were."""
    state = torch.get_rng_state()
    refuse_outside_state(network, SHAPE)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
