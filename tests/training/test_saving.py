"""Checkpoints are copied at once and written while the training goes on."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lamplighter.errors import RunFailed
from lamplighter.machine import seed_everything
from lamplighter.run_folder import RunFolder
from lamplighter.training import checkpoint
from lamplighter.training.journal import RunJournal
from lamplighter.training.session import Session

WRITE = checkpoint.save


def train(folder: Path, parts: Any) -> Session:
    """A session run to its end."""
    folder.mkdir()
    session = Session(RunFolder(folder), parts)
    seed_everything(0)
    session.run(RunJournal(session.folder, tensorboard=False))
    return session


def test_a_write_is_not_waited_for_and_holds_the_moment(
    parts: Any, net: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three steps pass while the first checkpoint waits to be written; it holds the weights before."""
    stepped = threading.Event()
    losses: list[float] = []

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses.append(0.0)
        if len(losses) == 4:
            stepped.set()
        return nn.functional.cross_entropy(outputs, targets)

    def late(folder: Path, step: int, state: Any, *, label: str = "step") -> Path:
        assert stepped.wait(60), "the training waited for its checkpoint"
        return WRITE(folder, step, state, label=label)

    monkeypatch.setattr(checkpoint, "save", late)
    made = parts(epochs=1, loss=loss)
    before = {name: value.clone() for name, value in made.module.state_dict().items()}
    train(tmp_path / "a", made)
    first = checkpoint.saved(tmp_path / "a" / "checkpoints")[-1]
    assert checkpoint.step_of(first) == 0
    monkeypatch.undo()
    found = checkpoint.load_latest(tmp_path / "a" / "checkpoints", most=0)
    assert found is not None
    assert all(torch.equal(found[1]["module"][name], value) for name, value in before.items())
    changed = made.module.state_dict()
    assert not all(torch.equal(changed[name], value) for name, value in before.items())


def test_a_write_that_fails_ends_the_training(
    parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told at the latest with the next save; what was written before is untouched."""

    def full(folder: Path, step: int, state: Any, *, label: str = "step") -> Path:
        if step >= 6:
            raise RunFailed("the checkpoint cannot be written", where=folder)
        return WRITE(folder, step, state, label=label)

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(RunFailed, match="cannot be written"):
        train(tmp_path / "a", parts(epochs=3))
    kept = checkpoint.saved(tmp_path / "a" / "checkpoints")
    assert [checkpoint.step_of(path) for path in kept] == [0]


def test_what_cannot_be_kept_is_told_at_once(parts: Any, tmp_path: Path) -> None:
    """A state that would need a pickle ends the training before its first step."""
    made = parts()
    made.schedule.state_dict = lambda: {"shape": object()}
    with pytest.raises(RunFailed, match=r"state\.schedule\.shape holds a object"):
        train(tmp_path / "a", made)
