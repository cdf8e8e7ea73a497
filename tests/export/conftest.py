"""Small models and real pictures for the tests of export."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from lamplighter.artifact import Artifact, save_artifact
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.predict import Model, load


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Model]:
    """A function that makes a small model file and loads it."""
    return partial(_make_model, tmp_path)


def _make_model(
    path: Path,
    *,
    task: str = "classification",
    classes: tuple[str, ...] = ("cat", "dog", "none of these"),
    outputs: int | None = None,
    preprocess: Preprocess | None = None,
    temperature: float = 1.7,
    network: str = "small_resnet",
) -> Model:
    """A small network with random weights, as an artifact would carry it."""
    preprocess = preprocess or Preprocess(
        32, "crop", 36, 3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), "bilinear"
    )
    outputs = outputs or len(classes)
    architecture = Architecture("lamplighter", network, outputs, preprocess.channels)
    torch.manual_seed(7)
    module = rebuild(architecture)
    with torch.no_grad():
        # untrained, it says nearly the same of everything; these make it opinionated
        module.train()
        for _ in range(20):
            module(torch.randn(8, preprocess.channels, preprocess.size, preprocess.size))
        for name, parameter in module.named_parameters():
            if parameter.ndim == 2:
                parameter.mul_(20)
            elif "bias" not in name:
                parameter.mul_(1 + 0.3 * torch.rand_like(parameter))
    artifact = Artifact(
        architecture, task, classes, preprocess, temperature=temperature, unsure_below=0.4
    )
    save_artifact(path / "model.safetensors", artifact, module)
    return load(path / "model.safetensors", device="cpu")


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs of several shapes as JPEG and PNG, cut from the two that come with scikit-learn."""
    folder = tmp_path_factory.mktemp("photographs")
    files = []
    for name in ("china.jpg", "flower.jpg"):
        whole = Image.fromarray(np.asarray(load_sample_image(name)))
        for n, box in enumerate([(0, 0, 640, 427), (50, 20, 350, 420), (300, 100, 333, 160)]):
            for ending in ("jpg", "png"):
                file = folder / f"{name[:-4]}-{n}.{ending}"
                whole.crop(box).save(file)
                files.append(file)
    turned = Image.fromarray(np.asarray(load_sample_image("china.jpg")))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.jpg", exif=exif)
    return [*files, folder / "turned.jpg"]
