"""Runs of the recipe `speed`, and of each of its parts: a longer file, and the run's own figures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tests.export.test_eject import COUNTS, assert_well_formed, script
from tests.export.test_eject_runs import assert_same, trained

import lamplighter
from lamplighter.export.eject import MOST_WITH_OURS
from lamplighter.export.ejected import speed
from lamplighter.export.ejected.past import Origin
from lamplighter.listener import SILENT
from lamplighter.models.speed_net import VIEWS
from lamplighter.run import Run
from lamplighter.training import measure_precision, muon

RECIPE: dict[str, Any] = {
    "network": "speed_net", "optimizer": "Muon", "augment": "alternating", "schedule": "linear",
    "weight_decay": 0.0, "smoothing": 0.2, "focus": 0.5, "options": {"views": "mirror", "widths": "64,128,256"},
}  # fmt: skip
RICH: dict[str, Any] = {
    "accumulate": 2, "clip": 1.0, "patience": 3, "smoothing": 0.1, "class_weights": "balanced",
    "precision": "bf16", "schedule": "plateau", "warmup": 0.3, "weight_decay": 0.01,
}  # fmt: skip
AT_ALL = 395  # lines, of rare settings all together


def settings_of_the_recipe() -> Iterator[dict[str, Any]]:
    """The recipe as it is, and with another setting or two."""
    for views in VIEWS:
        yield {**RECIPE, "options": {"views": views}}
    changes: list[dict[str, Any]] = [
        {"grow_from": 0.5}, {"focus": 1.0}, {"focus": 0.3, "augment": "none"}, {"augment": "crop", "channels": 1}, {"size": 96},
        {"weight_decay": 0.1, "clip": 1.0}, {"accumulate": 2, "warmup": 1.0}, {"precision": "bf16"},
        {"freeze": "first", "weights": "/nowhere/weights.pt", "backbone_lr": 0.1}, {"device": "cuda"},
        {"device": "cuda", "precision": "fp16", "clip": 1.0}, {"device": "mps", "init": "xavier"},
        {"task": "multilabel"}, {"task": "regression"}, {"patience": 2, "schedule": "plateau"},
        {"origin": Origin("digits", "", COUNTS)}, {"tensorboard": False, "epochs": 0},
        {"origin": Origin("torchvision", "/sets", COUNTS, "mnist", "MNIST")},
        {"origin": Origin("own", "/sets", COUNTS, "mysets.pictures:make")},
        {"network": "small_resnet"}, {"network": "resnet18"}, {"network": "mobilenet_v2"},
        {"network": "mynets:Net"}, {"optimizer": "AdamW"}, {"optimizer": "SGD", "augment": "light"},
    ]  # fmt: skip
    for changed in changes:
        options = RECIPE["options"] if "network" not in changed else {}
        yield {**RECIPE, "options": options, **changed}


def settings_at_their_longest() -> Iterator[dict[str, Any]]:
    """Each part of the recipe among whatever else makes a file long."""
    for network, optimizer, augment in itertools.product(
        ("speed_net", "small_resnet", "mynets:Net"), ("Muon", "AdamW"), ("alternating", "strong")
    ):
        parts = {**RICH, "network": network, "optimizer": optimizer, "augment": augment}
        for size in (32, 96):
            yield {**parts, "grow_from": 0.5, "size": size}
        yield {**parts, "grow_from": 0.5, "fit": "pad", "freeze": "first", "backbone_lr": 0.1}
    for views, task, augment in itertools.product(
        VIEWS, ("multilabel", "regression"), ("alternating", "strong")
    ):
        parts = {**RECIPE, **RICH, "options": {"views": views, "widths": "32,64,64"}}
        yield {**parts, "task": task, "augment": augment, "size": 96, "grow_from": 0.5}
    many = {"train": 10**6, "val": 10**5}
    origin = Origin("files", "/photos", many, wide=True, surrogates=True)
    yield {**RECIPE, **RICH, "origin": origin, "size": 96, "augment": "strong", "grow_from": 0.5}


def test_the_recipe_gives_a_file_of_less_than_320_lines(tmp_path: Path) -> None:
    """Formatted, without an unused or unknown name, with the comments left in."""
    assert_well_formed(settings_of_the_recipe(), MOST_WITH_OURS, tmp_path)
    assert "# the second half shows what is learnt worst, as often as fits" in script(**RECIPE).text


def test_rare_settings_together_stay_in_bounds_and_equal(tmp_path: Path) -> None:
    """No combination is refused, and none gives up the run's own numbers to be shorter."""
    assert_well_formed(settings_at_their_longest(), AT_ALL, tmp_path)
    longest = [script(**settings) for settings in itertools.islice(settings_at_their_longest(), 6)]
    assert [made.reasons for made in longest] == [()] * 6


def test_only_the_parts_that_the_run_used_are_written_out() -> None:
    """No network, optimizer, averaging or shrinking of ours where the run had another or none."""
    words = {
        "class SpeedNet",
        "class Muon",
        "mirrored",
        "whiten(",
        "shrunk",
        "coins",
        "WEIGHT_DECAY",
    }
    one = {"options": {"views": "one"}, "weight_decay": 0.0}
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"network": "speed_net", **one}, {"class SpeedNet", "whiten("}),
        ({"network": "speed_net", **one, "weights": "/nowhere.pt"}, {"class SpeedNet"}),
        ({"network": "speed_net", "weight_decay": 0.0, "options": {"views": "all"}}, {"class SpeedNet", "whiten(", "mirrored"}),
        ({"optimizer": "Muon", "weight_decay": 0.0}, {"class Muon"}),
        ({"optimizer": "Muon", "weight_decay": 0.1}, {"class Muon", "WEIGHT_DECAY"}),
        ({"augment": "alternating"}, {"coins", "WEIGHT_DECAY"}),
        ({"grow_from": 0.5}, {"shrunk", "WEIGHT_DECAY"}),
    ]  # fmt: skip
    focused = script(**{**RECIPE, "focus": 0.5}).text
    assert "FOCUS" in focused
    assert "argsort" in focused
    assert "argsort" not in script(**{**RECIPE, "focus": 1.0}).text
    for settings, used in cases:
        text = script(**settings).text
        assert {word for word in words if word in text} == used, settings


def test_figures_of_the_optimizer_are_those_of_the_training() -> None:
    """Rates and momenta that the file is given are stated once more in its room, alike."""
    assert muon.REST == speed.REST
    assert speed.MOMENTA == (muon.FILTER_MOMENTUM, muon.REST_MOMENTUM)


@pytest.mark.parametrize("able", ["avx512_bf16", "amx_bf16", "bf16", "avx512_fp16"])
def test_the_file_multiplies_in_16_bits_where_the_training_does(
    able: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks the processor what the training asks it."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {able: True})
    lines = script(optimizer="Muon").text.splitlines()
    asked = [line for line in lines if line.startswith(("SHORT = ", "PRODUCTS = "))]
    found: dict[str, Any] = {"torch": torch}
    exec("\n".join(asked), found)
    assert (found["PRODUCTS"] == torch.bfloat16) is measure_precision.has_bfloat16()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of small colour pictures, of which some are not square."""
    root = tmp_path_factory.mktemp("data") / "stripes"
    generator = np.random.default_rng(5)
    for number, name in enumerate(("lying", "sloping", "standing")):
        (root / name).mkdir(parents=True)
        for index in range(20):
            y, x = np.mgrid[: 16 + index % 3, :18]
            wave = np.sin((y * (2 - number) + x * number) * 0.7 + index)
            colours = 128 + wave[..., None] * generator.uniform(20, 90, 3)
            noisy = (colours + generator.normal(0, 20, colours.shape)).clip(0, 255)
            Image.fromarray(noisy.astype(np.uint8)).save(root / name / f"{index:02}.png")
    return root


def assert_repeated(run: Run, out: Path | None = None) -> None:
    """Every figure of the run, and every weight that it kept, to the last digit."""
    assert_same(run, out)
    kept = torch.load((out or run.path / "train.py").with_name("repeat") / "best.pt", weights_only=True)  # fmt: skip
    own = load_file(run.artifact)
    assert set(kept) == set(own)
    assert [name for name in own if not torch.equal(own[name], kept[name])] == []


def test_the_recipe_is_repeated_to_the_last_digit(tmp_path: Path, pictures: Path) -> None:
    """`--recipe speed` as it is, on colour pictures: figures and weights."""
    run = lamplighter.train(
        pictures, recipe="speed", epochs=3, batch=16, precision="fp32", device="cpu", test_share=0.2,
        tensorboard=False, checks="off", out=str(tmp_path), listener=SILENT,
    )  # fmt: skip
    assert_repeated(run)


OURS: dict[str, Any] = {"model": "speed_net", "optimizer": "Muon", "batch": 16}
KINDS: dict[str, dict[str, Any]] = {
    "another optimizer, all views": {"model": "speed_net", "views": "all", "augment": "none"},
    "moved views, bfloat16": {**OURS, "views": "moved", "precision": "bf16", "augment": "crop"},
    "grey, one view, growing": {**OURS, "channels": "grey", "views": "one", "grow_from": 0.75, "size": 24, "epochs": 4},
    "growing, nothing varied": {"model": "small_resnet", "grow_from": 0.5, "augment": "none", "size": 16, "epochs": 4},
    "accumulated, clipped, decayed": {
        **OURS, "accumulate": 2, "clip": 0.01, "weight_decay": 0.1, "schedule": "cosine",
        "class_weights": "balanced", "init": "kaiming",
    },
    "frozen, slower backbone": {**OURS, "freeze": "first", "backbone_lr": 0.3, "augment": "strong"},
    "Muon for a residual network": {"model": "small_resnet", "optimizer": "Muon", "size": 16, "weight_decay": 0.01},
    "Muon beside grouped convolutions": {"model": "mobilenet_v2", "optimizer": "Muon", "size": 32, "backbone_lr": 0.5},
    "alternating, by another optimizer": {"model": "tutorial_cnn", "augment": "alternating", "size": 16, "epochs": 3},
    "the worst, thrice": {"model": "tutorial_cnn", "focus": 0.3, "augment": "light", "size": 16, "epochs": 4},
    "the worst, nothing varied": {"model": "small_resnet", "focus": 0.5, "augment": "none", "epochs": 4},
    "the worst, strongly varied": {**OURS, "focus": 0.7, "augment": "strong", "epochs": 4, "accumulate": 2},
    "alternating, of larger pictures": {"model": "tutorial_cnn", "augment": "alternating", "size": 72, "batch": 16},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_part_is_repeated_to_the_last_digit(tmp_path: Path, pictures: Path, kind: str) -> None:
    """Parts of the recipe alone, and beside settings that it does not have."""
    assert_repeated(trained(tmp_path, pictures, **KINDS[kind]))


@pytest.mark.slow
def test_digits_are_repeated(tmp_path: Path) -> None:
    """Grey pictures, not mirrored, answered as they are."""
    run = lamplighter.train(
        "digits", recipe="speed", epochs=2, precision="fp32", device="cpu", tensorboard=False,
        out=str(tmp_path), listener=SILENT,
    )  # fmt: skip
    assert_repeated(run)


@pytest.mark.slow
def test_a_run_that_goes_on_from_loaded_weights_is_repeated(tmp_path: Path, pictures: Path) -> None:
    """Filters that came with the weights are not found anew, nor does the file look for them."""
    first = trained(tmp_path, pictures, **OURS, epochs=1, seed=3)
    torch.save(load_file(first.artifact), tmp_path / "weights.pt")
    run = trained(tmp_path, pictures, **OURS, weights=str(tmp_path / "weights.pt"), freeze="none")
    assert_repeated(run)


@pytest.mark.slow
def test_an_own_network_that_muon_moves_is_repeated(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which layer is its head is found by the file as by the run."""
    (tmp_path / "ejectednets.py").write_text(
        "from torch import nn\n\n\ndef make(num_classes):\n"
        "    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), "
        "nn.Linear(1568, 16), nn.Linear(16, num_classes))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    run = trained(tmp_path, pictures, model="ejectednets:make", optimizer="Muon", size=16)
    assert_repeated(run, tmp_path / "mine.py")
