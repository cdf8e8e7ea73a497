"""What a step will hold is foreseen, and a batch that is too large goes through in parts."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from lamplighter.data.batches import Batch
from lamplighter.listener import Listener
from lamplighter.training import space


class Heard(Listener):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


def _batch(count: int) -> Batch:
    return Batch(torch.randn(count, 1, 8, 8), torch.arange(count) % 3, count)


def test_saved_bytes_are_those_of_the_layers(parts: Any, net: Any) -> None:
    """For a network that can be reckoned by hand: inputs of convolution, ReLU and linear layer, and
    what the loss keeps; a second example doubles them."""
    made = parts(module=net(norm=False, dropout=0.0))
    planes = 4 * 6 * 6  # out of ReLU, which the linear layer takes as well
    each = 4 * (8 * 8 + planes + 3)  # and the three logarithms of the loss
    two, four = (space.saved_bytes(made, _batch(n)) for n in (2, 4))
    assert (four - two) / 2 == pytest.approx(each, abs=16)  # the loss keeps its targets as well


def test_counting_leaves_no_trace(parts: Any) -> None:
    """Weights and running statistics stay as they are, and no gradient is left."""
    made = parts()
    before = copy.deepcopy(made.module.state_dict())
    numbers = torch.get_rng_state()
    space.fit_to_memory(made, Heard())
    assert all(torch.equal(v, before[k]) for k, v in made.module.state_dict().items())
    assert all(p.grad is None for p in made.module.parameters())
    assert torch.equal(torch.get_rng_state(), numbers)


def test_a_batch_that_fits_stays_whole(parts: Any) -> None:
    """With memory enough nothing is cut and nothing said."""
    made, heard = parts(), Heard()
    space.fit_to_memory(made, heard)
    assert made.micro == 0
    assert heard.warned == []


def test_a_batch_that_does_not_fit_is_cut_and_that_is_said(
    parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts are as large as the memory allows, and the message gives both amounts."""
    made, heard = parts(batch=16), Heard()
    each = space.saved_bytes(made, _batch(2)) / 2
    own = 4 * sum(p.numel() for p in made.module.parameters())
    free = int((5.5 * each * space.HEIGHT + space.BESIDE * own) / space.SHARE)
    monkeypatch.setattr(space, "memory", lambda: (2 * free, free))
    space.fit_to_memory(made, heard)
    assert made.micro == 5
    (told,) = heard.warned
    assert "a step on 16 examples would hold some" in told
    assert "each step works on 5 at a time and adds up their gradients" in told
    assert "only batch normalisation sees smaller batches" in told


def test_there_is_always_room_for_one() -> None:
    """However little is free, one example at a time is tried."""
    assert space.examples_at_once(1e9, nn.Linear(2, 2), 1) == 1


def test_a_network_that_cannot_answer_for_two_is_left_alone(
    parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fault is for the checks to tell."""

    class OnlyAll(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise ValueError("wants a batch of 4")

    monkeypatch.setattr(space, "memory", lambda: (1, 1))
    made, heard = parts(module=OnlyAll()), Heard()
    space.fit_to_memory(made, heard)
    assert (made.micro, heard.warned) == (0, [])
