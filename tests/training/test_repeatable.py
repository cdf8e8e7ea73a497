"""Equal numbers: what cannot promise them is named once; nothing changes where nothing has to."""

from __future__ import annotations

import os
import warnings

import pytest
import torch
from torch import nn

from lamplighter import machine
from lamplighter.listener import Listener
from lamplighter.training.repeatable import repeatable


class Heard(Listener):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, text: str) -> None:
        self.said.append(text)


def unpool() -> torch.Tensor:
    """An operation for which torch has no repeatable form, on any device."""
    values, places = nn.MaxPool2d(2, return_indices=True)(torch.rand(1, 1, 4, 4))
    return nn.MaxUnpool2d(2)(values, places)


def test_the_operation_is_named_once() -> None:
    """torch's own knowledge becomes one sentence with the operation's name; all is put back after."""
    heard = Heard()
    before = torch.backends.cudnn.deterministic
    with repeatable(True, torch.device("cuda", 0), heard):
        assert torch.are_deterministic_algorithms_enabled()
        for _ in range(3):
            unpool()
        with pytest.warns(UserWarning, match="something else"):
            warnings.warn("something else", UserWarning, stacklevel=1)
    assert len(heard.said) == 1
    assert heard.said[0].startswith(
        "max_unpooling2d_forward_out cannot promise equal numbers on cuda:0"
    )
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.deterministic == before


@pytest.mark.parametrize(("asked", "device"), [(True, "cpu"), (False, "cuda")])
def test_nothing_is_switched(asked: bool, device: str) -> None:
    """On the CPU, or without the promise, torch stays as it is; only cuDNN may look for the quickest."""
    heard = Heard()
    assert not torch.backends.cudnn.benchmark
    with repeatable(asked, torch.device(device), heard):
        assert torch.backends.cudnn.benchmark == (device == "cuda")
        assert not torch.are_deterministic_algorithms_enabled()
        unpool()
    assert heard.said == []
    assert not torch.backends.cudnn.benchmark


@pytest.mark.parametrize(("wanted", "told"), [(True, ":4096:8"), (False, None)])
def test_cublas_is_told_before_its_first_product(
    monkeypatch: pytest.MonkeyPatch, wanted: bool, told: str | None
) -> None:
    """With the choice of the device, since the checks compute on it before the training does."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "as it was before")  # which comes back after
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(machine, "pick_device", lambda asked: torch.device(asked))
    machine.training_device("cpu", repeatable=True)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    machine.training_device("cuda", repeatable=wanted)
    assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == told
