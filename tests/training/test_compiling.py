"""`--compile on`: the step goes through torch.compile, answers do not, and a failure is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import lamplighter as lamp
from lamplighter.listener import Listener


class Heard(Listener):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.said.append(text)


class Through(nn.Module):
    """Stands in for what torch.compile gives: calls the network and counts."""

    calls = 0

    def __init__(self, inner: nn.Module, change: Callable[[Any], Any]) -> None:
        super().__init__()
        self._orig_mod, self.change = inner, change

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert self._orig_mod.training
        Through.calls += 1
        return self.change(self._orig_mod(images))


def train(tmp_path: Any, heard: Heard, **settings: Any) -> list[dict[str, Any]]:
    run = lamp.train(
        "digits", epochs=2, batch=128, checks="off", out=str(tmp_path), listener=heard, **settings
    )
    return [{k: v for k, v in row.items() if "loss" in k or "accuracy" in k} for row in run.rows]


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], None]:
    def replace(change: Callable[[Any], Any]) -> None:
        Through.calls = 0
        monkeypatch.setattr(torch, "compile", lambda module: Through(module, change))

    return replace


def test_steps_are_compiled_and_answers_are_not(tmp_path: Any, replaced: Any) -> None:
    """Each training step goes through it, validation never, and the numbers are the plain ones."""
    plain = train(tmp_path / "plain", Heard(), compile="off")
    replaced(lambda answer: answer)
    heard = Heard()
    assert train(tmp_path / "compiled", heard, compile="on") == plain
    assert Through.calls == 1 + 2 * 10  # the trial, and two epochs of 1,259 in batches of 128
    assert any(said.startswith("torch.compile: built in") for said in heard.said)


def test_a_network_that_cannot_be_built_trains_plainly(tmp_path: Any, replaced: Any) -> None:
    """The reason is said once and the training goes on."""

    def fail(_answer: Any) -> Any:
        raise RuntimeError("no C++ compiler found")

    replaced(fail)
    heard = Heard()
    assert len(train(tmp_path, heard, compile="on")) == 2
    (told,) = (said for said in heard.said if "torch.compile" in said)
    assert "cannot build this network here (RuntimeError: no C++ compiler found)" in told
    assert "goes on without it" in told


def test_a_network_that_answers_otherwise_trains_plainly(tmp_path: Any, replaced: Any) -> None:
    """A loss that differs by more than one percent is told with both figures."""
    replaced(lambda answer: answer * 3)
    heard = Heard()
    train(tmp_path, heard, compile="on")
    assert any("instead of" in said and "without torch.compile" in said for said in heard.said)
    assert Through.calls == 1


def test_auto_leaves_it_off(tmp_path: Any, replaced: Any) -> None:
    """No network is compiled unless that was asked for."""
    replaced(lambda answer: answer)
    train(tmp_path, Heard())
    assert Through.calls == 0
