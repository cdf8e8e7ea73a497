"""`lamp bench --try` measures torch.compile, and `lamp train --compile auto` goes by what it found."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.test_compiling import Heard
from torch import nn

import lamplighter as lamp
from lamplighter.bench import advice, trying
from lamplighter.bench.report import Bench
from lamplighter.benching import bench_data
from lamplighter.cli.bench import _about_building
from lamplighter.recipe import make_recipe, read_recipe
from lamplighter.training import compiling

ASKED: dict[str, Any] = {"data": "digits", "model": "tutorial_cnn", "size": 8, "batch": 128}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is remembered at first, and no other advice takes time."""
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(advice, "has_bfloat16", lambda: False)
    monkeypatch.setattr(advice, "WAITING", 2.0)
    monkeypatch.setattr(advice, "STEPPING", 2.0)


@pytest.fixture
def as_fast(monkeypatch: pytest.MonkeyPatch) -> Any:
    """gains of five turns, change of the answers → a machine on which compiling brings just that."""

    def set_up(gains: list[float], factor: float = 1.0) -> None:
        class Through(nn.Module):
            def __init__(self, inner: nn.Module) -> None:
                super().__init__()
                self.inner = inner

            def forward(self, images: torch.Tensor) -> torch.Tensor:
                return self.inner(images) * factor

        monkeypatch.setattr(torch, "compile", lambda module, **_: Through(module))

        def in_turn(now: Any, changed: Any) -> tuple[list[float], list[float]]:
            now(), changed()
            return [1000.0 * gain for gain in gains], gains

        monkeypatch.setattr(trying, "_in_turn", in_turn)

    return set_up


def tried(heard: Heard | None = None, **settings: Any) -> Bench:
    """A bench with --try, of which only compiling matters."""
    recipe = make_recipe({**ASKED, **settings})
    return bench_data(recipe, seconds=0.1, try_all=True, listener=heard or Heard())


def trained(tmp_path: Path, heard: Heard, **settings: Any) -> Any:
    """A training of the same batches, as `lamp train` makes it."""
    asked = {**ASKED, "epochs": 1, "checks": "off", "out": str(tmp_path / "runs"), **settings}
    return lamp.train(asked.pop("data"), listener=heard, **asked)


def test_what_bench_found_decides_a_training(
    tmp_path: Path, as_fast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gain that outweighs the building turns it on, in the words of the measurement, in recipe.toml."""
    as_fast([2.0] * 5)
    row = tried().tried[-1]
    assert (row["flag"], row["gain"], row["helps"], row["remembered"]) == (
        "--compile on", 2.0, True, True,
    )  # fmt: skip
    assert row["predicted"] is None
    heard = Heard()
    monkeypatch.setattr(compiling, "WORTH", 0.0)
    run = trained(tmp_path, heard)
    (told,) = (said for said in heard.said if said.startswith("compile:"))
    assert told.startswith(
        "compile: on (as lamp bench measured, a step takes 64 ms instead of 128 ms"
    )
    assert "over 9 steps" in told  # 1,259 pictures: the tenth batch is smaller, and stays plain
    assert any(said.startswith("torch.compile: built") for said in heard.said)
    assert read_recipe(run.path / "recipe.toml")["compile"] == "on"
    text = (run.path / "recipe.toml").read_text()
    assert 'compile = "auto"' in text
    assert text.count("instead of 128 ms") == 1


def test_a_building_that_does_not_pay_leaves_it_off(
    tmp_path: Path, as_fast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine steps do not win twice what building takes; the reason is said and written down."""
    as_fast([2.0] * 5)
    monkeypatch.setattr(compiling, "WORTH", 1e6)
    tried()
    heard = Heard()
    run = trained(tmp_path, heard)
    (told,) = (said for said in heard.said if said.startswith("compile:"))
    assert "compile: off (as lamp bench measured" in told
    assert "is not worth it" in told
    assert read_recipe(run.path / "recipe.toml")["compile"] == "off"


def test_a_loss_that_differs_leaves_it_off(tmp_path: Path, as_fast: Any) -> None:
    """However fast, a network that answers otherwise is not taken; bench does not say that it helps."""
    as_fast([9.0] * 5, factor=100.0)
    row = tried().tried[-1]
    assert not row["helps"]
    assert row["pays_from"] is None
    heard = Heard()
    trained(tmp_path, heard)
    assert any("compile: off" in said and "the loss differs by" in said for said in heard.said)


def test_a_disturbed_measurement_is_not_remembered(as_fast: Any) -> None:
    """Gains that differ from turn to turn are the machine's, not the network's."""
    as_fast([0.5, 1.0, 2.0, 3.0, 4.0])
    row = tried().tried[-1]
    assert not row["remembered"]
    assert _about_building(row).endswith("so this is not remembered: try again later")
    assert tried().tried[-1]["predicted"] is None


def test_what_is_remembered_is_advice(as_fast: Any) -> None:
    """The next bench names the gain before it is tried, and measures it anew when asked."""
    as_fast([1.5] * 5)
    tried()
    as_fast([1.6] * 5)
    found = tried()
    assert any("--compile on (1.50 ×" in each.text for each in found.advice)
    rows = [row for row in found.tried if row["flag"] == "--compile on"]
    assert [(row["predicted"], row["gain"]) for row in rows] == [(1.5, 1.6)]


def test_a_network_that_cannot_be_built_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a C++ compiler the reason is said, nothing is remembered and the rest is measured."""

    class Failing(nn.Module):
        def forward(self, *_given: Any) -> Any:
            raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", lambda _module, **_options: Failing())
    heard = Heard()
    found = tried(heard)
    assert all(row["flag"] != "--compile on" for row in found.tried)
    (told,) = (said for said in heard.said if "cannot build" in said)
    assert "No working C++ compiler found); --compile stays off" in told
    assert found.images_per_second > 0


def test_what_building_costs_is_told_in_words() -> None:
    """From how many steps on it pays stands beside how many this training has."""
    row = {
        "building": 41.2, "apart": 2e-5, "pays_from": 1200, "steps": 900,
        "disturbed": False, "remembered": True,
    }  # fmt: skip
    assert _about_building(row) == (
        "building took 41 s, losses within 2e-05; it pays from 1,200 steps on, and this training has "
        "900: --compile auto turns it off"
    )
    assert "turns it on" in _about_building({**row, "steps": 1200})
    never = _about_building({**row, "pays_from": None})
    assert never.endswith("it never pays: --compile auto turns it off")


@pytest.mark.slow
def test_a_real_building_agrees_and_is_remembered(tmp_path: Path) -> None:
    """torch's own compiler: the losses agree, and a training goes by the answer."""
    found = tried(model="tutorial_cnn", epochs=1)
    (row,) = (row for row in found.tried if row["flag"] == "--compile on")
    assert row["apart"] < 1e-3
    assert row["building"] > 0
    assert math.isfinite(row["gain"])
    if row["remembered"]:
        heard = Heard()
        trained(tmp_path, heard)
        assert any("as lamp bench measured" in said for said in heard.said)
