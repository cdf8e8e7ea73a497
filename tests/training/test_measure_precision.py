"""Choosing between fp32 and bf16 by measuring leaves no trace in the training."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lamplighter.listener import Listener
from lamplighter.training import measure_precision as m


class Heard(Listener):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A CPU with bfloat16, trainings always long enough, and a cache of its own."""
    monkeypatch.setattr(m, "has_bfloat16", lambda: True)
    monkeypatch.setattr(m, "WORTH", 0)
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path))
    return tmp_path


def test_measuring_leaves_no_trace(parts: Any) -> None:
    """Weights, buffers, gradients, modes, optimizer and random numbers are the same bits afterwards."""
    made = parts()
    made.module.eval()
    before = copy.deepcopy(made.module.state_dict())
    numbers = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    m.measure(made)
    assert all(torch.equal(v, before[k]) for k, v in made.module.state_dict().items())
    assert all(p.grad is None for p in made.module.parameters())
    assert not made.module.training
    assert not made.optimizer.state
    assert torch.equal(torch.get_rng_state(), numbers[0])
    assert random.getstate() == numbers[1]
    assert (np.random.get_state()[1] == numbers[2]).all()


def test_losses_are_compared_with_the_same_dropout(parts: Any) -> None:
    """Both forms drop the same units, so that only the arithmetic is compared."""
    found = m.measure(parts())
    assert found.apart < 0.05
    assert found.alike > 0.95


class Clock:
    """Passes that take the time of a made-up machine, and what was passed: (precision, pictures)."""

    def __init__(self, each: dict[str, float], whole: dict[str, float]) -> None:
        self.now, self.passed = 0.0, list[tuple[str, int]]()
        self.each, self.whole = each, whole

    def perf_counter(self) -> float:
        """Seconds."""
        return self.now

    def one_pass(self, _parts: Any, module: Any, batch: Any, precision: Any) -> float:
        """A first pass of its kind takes half a second more."""
        kind = (precision.name, batch.size)
        self.now += (
            self.whole[kind[0]] + self.each[kind[0]] * batch.size + 0.5 * (kind not in self.passed)
        )
        self.passed.append(kind)
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        return 1.0

    def measured(
        self, made: Any, monkeypatch: pytest.MonkeyPatch, seconds: float = m.SECONDS
    ) -> m.Choice:
        """What `measure` finds on this machine."""
        monkeypatch.setattr(m, "time", self)
        monkeypatch.setattr(m, "one_pass", self.one_pass)
        return m.measure(made, seconds)


@pytest.mark.parametrize("each", [1e-5, 1e-3, 5e-3])
def test_a_large_batch_is_not_judged_by_a_sliver_of_it(
    each: float, parts: Any, batches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bf16 costs more a pass and half as much a picture: at this batch it wins by far.

    Cut to a few pictures, it would lose to what each pass costs.
    """
    clock = Clock({"fp32": each, "bf16": each / 2}, {"fp32": each, "bf16": 8 * each})
    found = clock.measured(parts(train=batches(600, 512, augment=None)), monkeypatch)
    assert found.gain > 1.4
    assert found.name == "bf16"


def test_one_pass_of_each_is_no_measurement(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even few pictures take seconds, each form still has three turns after its first."""
    clock = Clock({"fp32": 0.5, "bf16": 0.4}, {"fp32": 0.0, "bf16": 0.0})
    clock.measured(parts(), monkeypatch)
    kinds = [name for name, _ in clock.passed]
    assert kinds.count("bf16") == 1 + m.LEAST_ROUNDS


def test_other_work_on_the_machine_does_not_decide(
    parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passes of bf16 that were held up are repeated until its best time has come twice."""

    class Busy(Clock):
        def one_pass(self, *given: Any) -> float:
            held_up = given[-1].name == "bf16" and len(self.passed) < 24
            self.now += len(self.passed) * 0.05 * held_up
            return super().one_pass(*given)

    clock = Busy({"fp32": 1e-3, "bf16": 5e-4}, {"fp32": 0.0, "bf16": 0.0})
    found = clock.measured(parts(), monkeypatch, seconds=60.0)
    assert (found.name, found.settled) == ("bf16", True)
    assert found.gain == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("gain", "apart", "alike", "name"),
    [(0.0, 1.0, -1.0, "bf16"), (1e9, 1.0, -1.0, "fp32"), (0.0, -1.0, -1.0, "fp32"), (0.0, 1.0, 1.1, "fp32")],
)  # fmt: skip
def test_bfloat16_has_to_win_and_to_agree(
    gain: float, apart: float, alike: float, name: str, parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too small a gain, losses too far apart or unlike gradients: fp32 stays."""
    monkeypatch.setattr(m, "GAIN", gain)
    monkeypatch.setattr(m, "LOSS_APART", apart)
    assert m.measure(parts(), least_alike=alike).name == name


@pytest.mark.usefixtures("able")
def test_a_recipe_made_for_half_precision_is_asked_for_speed_alone(
    parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients need not agree there, but a processor whose bf16 is slow stays with fp32."""
    monkeypatch.setattr(m, "ALIKE", 1.1)
    asked: dict[str, Any] = {"model": "speed_net", "keep": False, "listener": Heard()}
    for gain, told in ((0.0, "bf16"), (1e9, "fp32")):
        monkeypatch.setattr(m, "GAIN", gain)
        assert m.choose_precision(parts(), made_for_short=True, **asked) == told
        assert m.choose_precision(parts(), **asked) == "fp32"


def test_the_answer_is_kept(able: Path, parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second training of the same kind takes the first one's answer, and says so."""
    choices = iter([m.Choice("bf16", 1.5, 0.001, 0.999), m.Choice("fp32", 1.0, 0.0, 1.0)])
    monkeypatch.setattr(m, "measure", lambda *_: next(choices))
    heard = Heard()
    told = [m.choose_precision(parts(), model="a", keep=True, listener=heard) for _ in range(2)]
    assert told == ["bf16", "bf16"]
    assert "1.50 × as fast" in heard.said[0]
    assert heard.said[1].endswith("as measured before")
    assert m.choose_precision(parts(), model="b", keep=True, listener=heard) == "fp32"
    assert len(list((able / "precision").iterdir())) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"name": "fp8", "gain": 1, "apart": 0, "alike": 1}'])
def test_a_broken_memory_is_measured_again(
    text: str, able: Path, parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept and cannot be read is not believed."""
    monkeypatch.setattr(m, "measure", lambda *_: m.Choice("bf16", 1.5, 0.001, 0.999))
    m.choose_precision(parts(), model="a", keep=True, listener=Heard())
    (kept,) = (able / "precision").iterdir()
    kept.write_text(text)
    heard = Heard()
    m.choose_precision(parts(), model="a", keep=True, listener=heard)
    assert "before" not in heard.said[0]


def test_a_disturbed_measurement_is_not_kept(
    able: Path, parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each pass takes another time the answer holds for this run alone."""
    unsettled = m.Choice("fp32", 0.1, 0.001, 0.999, settled=False)
    monkeypatch.setattr(m, "measure", lambda *_: unsettled)
    heard = Heard()
    for _ in range(2):
        assert m.choose_precision(parts(), model="a", keep=True, listener=heard) == "fp32"
    assert "before" not in heard.said[1]
    assert not (able / "precision").exists()


def test_nothing_is_kept_unasked(able: Path, parts: Any) -> None:
    """Without a cache nothing is written."""
    m.choose_precision(parts(), model="a", keep=False, listener=Heard())
    assert not (able / "precision").exists()


def test_short_trainings_are_not_measured(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of seconds stays in fp32 without a word."""
    monkeypatch.setattr(m, "has_bfloat16", lambda: True)
    heard = Heard()
    assert m.choose_precision(parts(), model="a", keep=True, listener=heard) == "fp32"
    assert not heard.said
