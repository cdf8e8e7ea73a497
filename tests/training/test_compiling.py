"""`--compile on`: the step goes through torch.compile, answers do not, and a failure is told."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import lamplighter as lamp
from lamplighter.listener import Listener
from lamplighter.recipe import Recipe, make_recipe
from lamplighter.training import compiling as room
from lamplighter.training.compiling import Compiling, choose_compile, compile_steps
from lamplighter.training.precision import Bfloat16

QUICK: dict[str, Any] = {"model": "tutorial_cnn", "size": 8, "batch": 128, "checks": "off"}


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
    asked = {**QUICK, "out": str(tmp_path), **settings}
    run = lamp.train("digits", epochs=2, listener=heard, **asked)
    return [{k: v for k, v in row.items() if "loss" in k or "accuracy" in k} for row in run.rows]


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], None]:
    def put(change: Callable[[Any], Any]) -> None:
        Through.calls = 0
        monkeypatch.setattr(torch, "compile", lambda module, **_: Through(module, change))

    return put


def test_steps_are_compiled_and_answers_are_not(tmp_path: Any, replaced: Any) -> None:
    """Each training step goes through it, validation never, and the numbers are the plain ones."""
    plain = train(tmp_path / "plain", Heard(), compile="off")
    replaced(lambda answer: answer)
    heard = Heard()
    assert train(tmp_path / "compiled", heard, compile="on") == plain
    # the trial, and two epochs of 1,259 in batches of 128: the last, smaller one stays plain
    assert Through.calls == 1 + 2 * 9
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
    replaced(lambda answer: answer * 100)
    heard = Heard()
    train(tmp_path, heard, compile="on")
    assert any("instead of" in said and "without torch.compile" in said for said in heard.said)
    assert Through.calls == 1


def test_auto_leaves_it_off(tmp_path: Any, replaced: Any) -> None:
    """No network is compiled where nothing is remembered; a short training hears nothing of it."""
    replaced(lambda answer: answer)
    heard = Heard()
    train(tmp_path, heard)
    assert Through.calls == 0
    assert not any("compile" in said for said in heard.said)
    (recipe,) = tmp_path.glob("*/recipe.toml")
    facts = recipe.read_text().split("[facts]")[1]
    assert 'compile = "off (nothing is remembered' in facts
    assert 'compile = "off"' in recipe.read_text().split("[resolved]")[1]


RECIPE = make_recipe({"data": "photos", "model": "small"})
FASTER = Compiling(plain=0.3, compiled=0.2, building=20.0, apart=1e-5)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Puts a measurement where `auto` looks for it."""
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "cache"))

    def keep(parts: Any, found: Compiling = FASTER, recipe: Recipe = RECIPE) -> None:
        room.remember_compiling(parts, recipe, found)

    return keep


@pytest.mark.parametrize(
    ("epochs", "found", "name", "why"),
    [
        (81, FASTER, "on", "40 s to win over 405 steps; --compile off keeps"),
        (
            78,
            FASTER,
            "off",
            "39 s to win over 390 steps is not worth it, 2 × the building would be",
        ),
        (99999, replace(FASTER, apart=0.02), "off", "the loss differs by 2.0%"),
        (99999, replace(FASTER, apart=math.nan), "off", "the loss differs"),
        (99999, replace(FASTER, compiled=0.29), "off", "290 ms instead of 300 ms"),
        (99999, replace(FASTER, compiled=0.4), "off", "400 ms instead of 300 ms"),
    ],
)
def test_what_later_steps_win_must_outweigh_the_building(
    epochs: int, found: Compiling, name: str, why: str, parts: Any, kept: Any
) -> None:
    """On from twice the building; never with another loss, nor for a gain that may be chance.

    22 pictures in batches of 4: five whole batches an epoch.
    """
    made = parts(epochs=epochs)
    kept(made, found)
    decision = choose_compile(made, RECIPE)
    assert decision.name == name
    assert why in str(decision)
    assert decision.worth_a_line


def test_a_limit_of_time_bounds_what_can_be_won(parts: Any, kept: Any) -> None:
    """60 seconds hold 200 steps, whatever the epochs say."""
    made = parts(epochs=99999, time_limit=60.0)
    kept(made)
    assert "over 200 steps is not worth it" in str(choose_compile(made, RECIPE))


def test_a_frozen_first_epoch_has_the_network_built_twice(parts: Any, kept: Any) -> None:
    """The network whose head alone is trained is another one, so twice as much has to be won."""
    recipe = replace(RECIPE, freeze="first")
    for epochs, name in ((162, "on"), (160, "off")):
        made = parts(epochs=epochs)
        kept(made, recipe=recipe)
        assert choose_compile(made, recipe).name == name


@pytest.mark.usefixtures("kept")
def test_nothing_remembered_is_told_where_the_training_is_long(
    parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short training needs no line; a long one says what to type."""
    assert not choose_compile(parts(), RECIPE).worth_a_line
    monkeypatch.setattr(room, "LONG", 1.0)
    decision = choose_compile(parts(), RECIPE)
    assert decision.name == "off"
    assert decision.worth_a_line
    assert "lamp bench photos --model small --try measures it" in decision.why


@pytest.mark.parametrize(
    "changed",
    [{"freeze": "backbone"}, {"model": "other"}, {"grow_from": 0.5}],
)
def test_another_training_has_another_answer(
    changed: dict[str, Any], parts: Any, kept: Any
) -> None:
    """What was measured counts for that network alone, and not for pictures that grow."""
    made = parts(epochs=99999)
    kept(made)
    assert choose_compile(made, RECIPE).name == "on"
    assert choose_compile(made, replace(RECIPE, **changed)).name == "off"
    assert choose_compile(parts(epochs=99999, batch=8), RECIPE).name == "off"
    made.precision = Bfloat16(made.device)
    assert choose_compile(made, RECIPE).name == "off"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plain": 1, "compiled": 0, "building": 1, "apart": 0}', '{"plain": "x"}'])  # fmt: skip
def test_a_broken_memory_is_none(text: str, parts: Any, kept: Any, tmp_path: Path) -> None:
    """What cannot be read, or cannot be, is not believed."""
    made = parts(epochs=99999)
    kept(made)
    (path,) = (tmp_path / "cache" / "compile").iterdir()
    path.write_text(text)
    assert room.recalled(made, RECIPE) is None


def test_the_longest_building_is_remembered(parts: Any, kept: Any) -> None:
    """torch builds again from its own memory in less time; a machine without it needs the whole."""
    made = parts()
    for building in (40.0, 3.0):
        kept(made, replace(FASTER, building=building))
    found = room.recalled(made, RECIPE)
    assert found is not None
    assert found.building == 40.0


def test_trying_leaves_no_trace(parts: Any, replaced: Any) -> None:
    """Weights, buffers, gradients and random numbers are the same bits afterwards."""
    replaced(lambda answer: answer)
    made = parts()
    before = copy.deepcopy(made.module.state_dict())
    numbers = torch.get_rng_state()
    room.try_compiled(made)
    assert all(torch.equal(v, before[k]) for k, v in made.module.state_dict().items())
    assert all(p.grad is None for p in made.module.parameters())
    assert torch.equal(torch.get_rng_state(), numbers)


def test_a_plain_network_stays_plain_when_its_run_goes_on(parts: Any, replaced: Any) -> None:
    """What the first sitting could not build is not built in the second, whose numbers would differ."""
    replaced(lambda answer: answer)
    made, heard = parts(), Heard()
    compile_steps(made, heard, before=0)
    assert (made.compiled, made.compiled_for, Through.calls) == (None, 0, 0)
    assert heard.said == ["torch.compile: this run's steps were plain, and stay so"]


def test_a_compiled_network_stays_compiled_when_its_run_goes_on(parts: Any, replaced: Any) -> None:
    """The loss was compared where the run began; later weights do not decide again."""
    replaced(lambda answer: answer * 3)
    made, heard = parts(), Heard()
    compile_steps(made, heard, before=4)
    assert made.network(4) is made.compiled is not None
    assert made.network(2) is made.module


def test_a_run_goes_on_as_it_began(tmp_path: Path, replaced: Any) -> None:
    """A run that was compiled, or was not, has the same numbers in two sittings as in one."""

    def half(answer: torch.Tensor) -> torch.Tensor:
        return answer * 1.002  # nearly the same loss: compiled steps can be told by their numbers

    def in_two(name: str, first: Callable[[Any], Any]) -> list[dict[str, Any]]:
        asked = {**QUICK, "compile": "on", "schedule": "constant"}
        replaced(first)
        run = lamp.train("digits", epochs=1, out=str(tmp_path / name), **asked)
        replaced(half)
        run = lamp.train("digits", epochs=2, resume=run.path, **asked)
        return [{k: v for k, v in row.items() if "loss" in k} for row in run.rows]

    def fail(_answer: Any) -> Any:
        raise RuntimeError("no C++ compiler found")

    replaced(half)
    whole = train(tmp_path / "whole", Heard(), compile="on", schedule="constant")
    plain = train(tmp_path / "plain", Heard(), compile="off", schedule="constant")
    losses = [
        [{k: v for k, v in r.items() if "loss" in k} for r in rows] for rows in (whole, plain)
    ]
    assert losses[0] != losses[1]
    assert in_two("compiled", half) == losses[0]
    assert in_two("refused", fail) == losses[1]


@pytest.mark.slow
def test_torchs_own_compiler_drops_what_the_plain_network_drops(parts: Any) -> None:
    """Compiled, a network with dropout has the plain one's loss; else only luck would be compared."""
    made, heard = parts(), Heard()
    trial = room.try_compiled(made)
    assert not trial.fault
    assert trial.apart < 1e-5
    compile_steps(made, heard)
    assert made.compiled is not None
    (batch,) = itertools.islice(made.train.epoch(1), 1)
    made.module.train()
    answers = []
    for network in (made.module, made.compiled):
        torch.manual_seed(3)
        answers.append(network(batch.inputs))
    torch.testing.assert_close(*answers)
