"""The file that `lamp eject` writes: short, sound and well formed for every kind of run."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision import models

from lamplighter.artifact import Artifact
from lamplighter.errors import UsageError
from lamplighter.export.eject import MOST_LINES, Script, eject
from lamplighter.export.ejected.head import REPEATED, WITHOUT_EFFECT
from lamplighter.export.ejected.past import Origin, Past
from lamplighter.export.ejected.speed import AUGMENT, OPTIMIZER
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.recipe import AUGMENTS, FIELDS, OPTIMIZERS, SCHEDULES, make_recipe
from lamplighter.tasks.task import TASKS

ROOT = Path(__file__).parents[2]
COUNTS = {"train": 100, "val": 20, "test": 20}
PLAIN: dict[str, Any] = {
    "data": "photos", "task": "classification", "model": "resnet18", "weights": "none",
    "augment": "none", "freeze": "none", "epochs": 3, "batch": 8, "lr": 0.003, "backbone_lr": 1.0,
    "optimizer": "AdamW", "weight_decay": 0.05, "schedule": "one-cycle", "warmup": 0.0,
    "loss": "auto", "device": "cpu", "precision": "fp32", "size": 32,
}  # fmt: skip
WRITTEN = [name for name in AUGMENTS if name not in ("auto", AUGMENT)]


def script(
    *,
    task: str = "classification",
    network: str = "resnet18",
    size: int = 32,
    fit: Any = "crop",
    channels: int = 3,
    origin: Origin | None = None,
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> Script:
    """The file of a run with these settings that was never made."""
    small = network in ("small_resnet", "tutorial_cnn", "speed_net")
    source = "own" if ":" in network else "lamplighter" if small else "torchvision"
    recipe = make_recipe({**PLAIN, "task": task, "size": size, "model": network, **settings})
    architecture = Architecture(
        source, network, 1 if task == "regression" else 3, channels, options or {}
    )
    mean, std = (0.485, 0.456, 0.406)[:channels], (0.229, 0.224, 0.225)[:channels]
    preprocess = Preprocess(size, fit, size, channels, mean, std)
    classes = () if task == "regression" else ("a", "b", "c")
    past = Past("a-run", recipe, {"threads": 1, "torch": torch.__version__})
    return eject(
        past,
        Artifact(architecture, task, classes, preprocess),
        origin or Origin("files", "/photos", COUNTS),
    )


def settings_of_all_kinds() -> Iterator[dict[str, Any]]:
    """Each value of each choice beside all others at their longest."""
    rich: dict[str, Any] = {
        "accumulate": 2, "clip": 1.0, "patience": 3, "smoothing": 0.1, "class_weights": "balanced",
        "precision": "bf16", "schedule": "cosine", "warmup": 0.3,
    }  # fmt: skip
    for network, augment, size in itertools.product(
        ("small_resnet", "tutorial_cnn", "resnet18"), WRITTEN, (32, 96)
    ):
        yield {"network": network, "augment": augment, "size": size}
        yield {"network": network, "augment": augment, "size": size, **rich}
        yield {"network": network, "augment": augment, "size": size, "fit": "pad", **rich}
    for schedule, warmup in itertools.product(SCHEDULES, (0.0, 0.5)):
        yield {"schedule": schedule, "warmup": warmup, "augment": "light"}
    for optimizer, decay in itertools.product(
        [n for n in OPTIMIZERS if n != OPTIMIZER], (0.0, 0.01)
    ):
        yield {"optimizer": optimizer, "weight_decay": decay, "schedule": "constant"}
    for task, network in itertools.product(
        ("multilabel", "regression"), ("small_resnet", "resnet18")
    ):
        for loss in TASKS[task].losses:
            yield {"task": task, "network": network, "loss": loss, "augment": "light"}
            yield {"task": task, "network": network, "loss": loss, "size": 96, **rich, "augment": "strong"}  # fmt: skip
    for init, freeze in itertools.product(("default", "xavier", "kaiming", "normal"), ("none", "first", "backbone")):  # fmt: skip
        yield {"init": init, "freeze": freeze, "weights": "default", "backbone_lr": 0.1, "size": 96, "augment": "light", **rich}  # fmt: skip
    for fit, channels in itertools.product(("crop", "squash", "pad"), (1, 3)):
        yield {
            "fit": fit,
            "channels": channels,
            "size": 96,
            "augment": "strong",
            "weights": "default",
        }
    for precision, device in (("fp16", "cuda"), ("bf16", "cuda:1"), ("fp32", "mps")):
        yield {"precision": precision, "device": device, "accumulate": 2, "clip": 0.5}
    yield {"tensorboard": False, "epochs": 0}
    for counts in ({"train": 9}, {"train": 9, "val": 2}):
        yield {"origin": Origin("files", "/photos", counts), "patience": 2, "schedule": "plateau"}
    for kind, name, set_class in (
        ("digits", "", ""), ("torchvision", "mnist", "MNIST"), ("torchvision", "svhn", "SVHN"),
        ("torchvision", "fashion_mnist", "FashionMNIST"), ("own", "mysets.pictures:make", ""),
    ):  # fmt: skip
        origin = Origin(kind, "/sets", COUNTS, name=name, set_class=set_class)
        yield {"origin": origin, "network": "small_resnet", "augment": "light"}
    many = {"train": 10**6, "val": 10**5}
    yield {"origin": Origin("files", "/photos", many, wide=True, surrogates=True), "size": 96}
    yield {"network": "mynets:Net", "options": {"called_with": "num_classes"}, "init": "xavier"}
    yield {"network": "vit_b_16", "options": {"size": 96}, "size": 96, "weights": "default"}
    yield {"network": "googlenet", "size": 96}


def test_every_kind_of_run_gives_a_short_file_that_ruff_leaves_alone(tmp_path: Path) -> None:
    """Under 200 lines, formatted, without an unused or unknown name, for each choice there is."""
    assert_well_formed(settings_of_all_kinds(), MOST_LINES, tmp_path)


def assert_well_formed(kinds: Iterator[dict[str, Any]], most: int, folder: Path) -> None:
    """The file of each kind of run has no more lines than that, and nothing for ruff to say."""
    too_long = {}
    for number, settings in enumerate(kinds):
        text = script(**settings).text
        ast.parse(text)
        (folder / f"train_{number:03}.py").write_text(text, encoding="utf-8")
        if len(text.splitlines()) > most:
            too_long[str(settings)] = len(text.splitlines())
    assert too_long == {}
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", str(folder)]
    ruff = str(Path(sys.executable).with_name("ruff"))
    for command in (["format", "--diff"], ["check", "--ignore", "T20"]):
        done = subprocess.run([ruff, *command, *config], capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_every_setting_is_repeated_or_changes_no_figure() -> None:
    """A new setting has to be given its place in the ejected file, or to be told in its head."""
    assert set() == REPEATED & WITHOUT_EFFECT
    assert set(FIELDS) == REPEATED | WITHOUT_EFFECT


def test_hostile_texts_stay_texts() -> None:
    """Names of folders, runs and weights can neither end the docstring nor run as code."""
    evil = '"""\nimport os; os.system("x")\n"""\\ \' {{ 7 * 7 }} \u202e'
    origin = Origin("files", evil, COUNTS, split_file=evil.replace("\n", ""))
    text = script(origin=origin, data=evil, weights=evil).text
    tree = ast.parse(text)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all("os" not in ast.unparse(node).split() for node in found)
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert evil in strings
    assert "\u202e" not in text


def test_what_cannot_be_equal_is_told_in_the_head() -> None:
    """Other devices, other versions and what could not be looked at are reasons; a plain run has none."""
    assert script().reasons == ()
    assert "to the last digit, on the CPU" in " ".join(script().text.split('"""')[1].split())
    for settings, told in (
        ({"device": "cuda"}, "trained on cuda"),
        ({"weights": "/nowhere/weights.pth"}, "weights cannot be looked at"),
        ({"origin": Origin("files", "/p", COUNTS, reasons=("a lion",))}, "a lion"),
        ({"network": "small_resnet", "size": 96, "augment": "strong"}, "longer than 200 lines"),
    ):
        made = script(**settings)  # type: ignore[arg-type]
        assert any(told in reason for reason in made.reasons)
        assert told in " ".join(made.text.split('"""')[1].split())


def test_only_what_the_run_used_is_in_the_file() -> None:
    """No augmentation, schedule, freezing or TensorBoard where the run had none."""
    text = script(schedule="constant", tensorboard=False, freeze="none").text
    for word in ("augment", "factor", "frozen", "SummaryWriter", "accumulate", "autocast", "clip"):
        assert word not in text.replace("factor in", "").replace(") * factor", ""), word


def test_labels_that_cannot_be_told_apart_are_refused() -> None:
    """split.csv joins several labels by |, so a class with that letter cannot be read back."""
    artifact = Artifact(
        Architecture("torchvision", "resnet18", 2), "multilabel", ("a|b", "c"), Preprocess(32)
    )
    with pytest.raises(UsageError, match=r"parts a picture's labels by \|"):
        eject(Past("x", make_recipe(PLAIN), {}), artifact, Origin("files", "/p", COUNTS))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(models.list_models(module=models)))
def test_every_torchvision_network_has_its_lines(name: str) -> None:
    """Its head is found and its parameters are parted as in the run, without a reason not to be equal."""
    if name in ("vit_h_14", "regnet_y_128gf"):
        pytest.skip("gigabytes of weights where they cannot be built without memory")
    made = script(network=name, size=224, freeze="first", weights="default", backbone_lr=0.1)
    assert made.reasons == ()
    assert len(made.text.splitlines()) <= MOST_LINES
    ast.parse(made.text)
