"""What the network sees is what torchvision's transforms show it, and strangers cannot bend it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from lamplighter.errors import ArtifactError
from lamplighter.images.geometry import FITS, PAD_GREY
from lamplighter.images.preprocess import Preprocess, statistics

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = [(640, 480), (480, 640), (256, 256), (257, 300), (224, 224), (100, 90), (1000, 225), (3, 9)]


def picture(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_crop_is_torchvisions(size: tuple[int, int], interpolation: str) -> None:
    """Resize(256) and CenterCrop(224) give the same bytes, and normalised the same to 1e-6."""
    image = picture(*size)
    ours = Preprocess(224, resize=256, mean=MEAN, std=STD, interpolation=interpolation)
    geometry = v2.Compose(
        [v2.Resize(256, v2.InterpolationMode(interpolation), antialias=True), v2.CenterCrop(224)]
    )
    assert np.array_equal(ours.square(image), np.asarray(geometry(image)))
    finish = v2.Compose(
        [geometry, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    )
    square = torch.from_numpy(ours.square(image).transpose(2, 0, 1).copy())[None]
    assert torch.allclose(ours.normalise(square)[0], finish(image), atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_squash_is_torchvisions(size: tuple[int, int]) -> None:
    """Squashed pictures are Resize((S, S))'s."""
    image = picture(*size)
    theirs = np.asarray(F.resize(image, [32, 32], antialias=True))
    assert np.array_equal(Preprocess(32, "squash").square(image), theirs)


@pytest.mark.parametrize("size", SIZES)
def test_pad_keeps_everything(size: tuple[int, int]) -> None:
    """A padded picture is the resized one, whole, centred on grey."""
    image = picture(*size)
    found = Preprocess(64, "pad").square(image)
    factor = 64 / max(size)
    width, height = (max(1, round(side * factor)) for side in size)
    theirs = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    top, left = (64 - height) // 2, (64 - width) // 2
    assert np.array_equal(found[top : top + height, left : left + width], theirs)
    rest = found.copy()
    rest[top : top + height, left : left + width] = PAD_GREY
    assert (rest == PAD_GREY).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_shape(fit: str, channels: int) -> None:
    """Any picture, one pixel high or transparent, becomes one square of the channels asked for."""
    preprocess = Preprocess(8, fit, channels=channels)  # type: ignore[arg-type]
    for image in (
        Image.new("RGB", (1, 1)),
        Image.new("L", (500, 1)),
        Image.new("RGBA", (1, 300), (9, 9, 9, 0)),
        Image.new("P", (9, 7)),
        Image.new("1", (8, 8)),
        Image.new("I;16", (20, 10)),
    ):
        assert preprocess.square(image).shape == (8, 8, channels)
        assert preprocess.square(image).dtype == np.uint8


def test_statistics() -> None:
    """Mean and deviation are those of all pixels as fractions, also of pictures all of one colour."""
    pixels = torch.randint(0, 256, (300, 3, 5, 7), dtype=torch.uint8)
    means, stds = statistics(pixels)
    fractions = pixels.double().div(255)
    assert means == pytest.approx(fractions.mean((0, 2, 3)).tolist(), abs=6e-5)
    assert stds == pytest.approx(fractions.std((0, 2, 3), correction=0).tolist(), abs=6e-5)
    assert statistics(torch.full((4, 1, 2, 2), 255, dtype=torch.uint8)) == ([1.0], [0.01])


def test_statistics_of_many() -> None:
    """Of more pictures than asked for at most that many are looked at, over the whole set."""
    pixels = torch.zeros(10, 1, 2, 2, dtype=torch.uint8)
    pixels[1] = 255  # every fourth is looked at: 0, 4, 8
    assert statistics(pixels, most=3)[0] == [0.0]


@pytest.mark.parametrize("fit", FITS)
def test_round_trip(fit: str) -> None:
    """What an artifact carries comes back equal."""
    for preprocess in (
        Preprocess(224, fit, 256, 3, MEAN, STD, "bicubic"),  # type: ignore[arg-type]
        Preprocess(1, fit, channels=1, mean=(0.5,), std=(0.25,)),  # type: ignore[arg-type]
    ):
        assert Preprocess.from_json(json.loads(json.dumps(preprocess.as_json()))) == preprocess


@pytest.mark.parametrize(
    "change",
    [
        {"size": True},
        {"size": 224.0},
        {"size": "224"},
        {"size": math.nan},
        {"size": 0},
        {"size": -1},
        {"size": 10**400},
        {"size": 257},
        {"resize": 20_000},
        {"resize": None},
        {"resize": math.inf},
        {"channels": 2},
        {"channels": True},
        {"mean": "111"},
        {"mean": [0.1, 0.2]},
        {"mean": ["0.1", "0.2", "0.3"]},
        {"mean": [math.nan] * 3},
        {"mean": [10**400, 0, 0]},
        {"mean": [[0.1], [0.2], [0.3]]},
        {"mean": [True] * 3},
        {"mean": {"0": 1, "1": 2, "2": 3}},
        {"std": [0.0, 1, 1]},
        {"std": [-1, 1, 1]},
        {"std": [1e-300, 1, 1]},
        {"std": [math.inf] * 3},
        {"std": [0.1] * 1_000_000},
        {"fit": "stretch"},
        {"fit": ["crop"]},
        {"fit": None},
        {"interpolation": "area"},
        {"interpolation": {}},
        {"extra": 1},
        {"size": None},
        {"__class__": "os.system"},
        {"\x1b[31m": "x" * 100_000},
    ],
    ids=lambda change: str(change)[:40],
)
def test_hostile(change: dict[str, object]) -> None:
    """A value of a wrong kind, out of bounds, unknown or missing is refused in a short sentence."""
    document = Preprocess(224, resize=256, mean=MEAN, std=STD).as_json() | change
    with pytest.raises(ArtifactError) as caught:
        Preprocess.from_json(document)
    assert "the preprocessing it carries" in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).replace("\n", "").isprintable()


def test_missing_and_foreign() -> None:
    """A document without a key, or that is none, is refused."""
    whole = Preprocess(8).as_json()
    for key in whole:
        with pytest.raises(ArtifactError, match="should have"):
            Preprocess.from_json({k: v for k, v in whole.items() if k != key})
    for foreign in ([], "crop", 3, None):
        with pytest.raises(ArtifactError, match="should have"):
            Preprocess.from_json(foreign)  # type: ignore[arg-type]
