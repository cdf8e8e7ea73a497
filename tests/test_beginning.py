"""What is said before a training begins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.training.test_compiling import Heard
from torch import nn
from torch.utils.data import TensorDataset

import lamplighter as lamp


def heard_of(kind: str, out: Path) -> str:
    """What a short training by `kind` says."""
    heard = Heard()
    if kind == "train":
        lamp.train("digits", model="tutorial_cnn", epochs=1, checks="off", out=out, listener=heard)
    else:
        data = TensorDataset(torch.zeros(8, 4), torch.arange(8) % 2)
        lamp.fit(nn.Linear(4, 2), data, epochs=1, checks="off", out=out, listener=heard)
    return " ".join(heard.said)


@pytest.mark.parametrize("kind", ["train", "fit"])
@pytest.mark.parametrize(
    ("count", "rank", "told"), [("2", "0", True), ("2", "1", False), ("1", "0", False)]
)
def test_torchrun_with_several_processes_is_told_once(
    kind: str, count: str, rank: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would train alone, which nobody means who starts them."""
    monkeypatch.setenv("WORLD_SIZE", count)
    monkeypatch.setenv("RANK", rank)
    said = heard_of(kind, tmp_path)
    assert ("torchrun has started 2 processes" in said) == told
    assert ("Start it once, with python" in said) == told
