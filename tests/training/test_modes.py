"""What a network is told when an epoch begins."""

from __future__ import annotations

import pytest
import torch

from lamplighter.models.build import build
from lamplighter.training.prepare import mode_setter


@pytest.mark.parametrize(
    ("pretrained", "learning"), [(False, [True] * 3 + [False] * 5), (True, [True] * 8)]
)
def test_a_network_from_scratch_has_a_word_in_it(pretrained: bool, learning: list[bool]) -> None:
    """speed_net keeps its whitening after three of eight epochs; with weights of its own it learns on."""
    network = build("speed_net", 4, channels=3)
    network.pretrained = pretrained
    set_mode = mode_setter(network, "none")
    found = []
    for epoch in range(1, 9):
        set_mode(epoch, (epoch - 1) / 8)
        assert network.module.training
        found.append(network.module.whitening.bias.requires_grad)
    assert found == learning
    assert isinstance(network.module.whitening.bias, torch.nn.Parameter)
