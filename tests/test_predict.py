"""File to prediction: every form of a picture, in order, one bad one among many, as validation answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lamplighter.artifact import Artifact, save_artifact
from lamplighter.data.batches import PictureBatches
from lamplighter.errors import DataError, UsageError
from lamplighter.images.pixels import HeldPixels
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild
from lamplighter.predict import Failure, Model, load, picture_files
from lamplighter.tasks.tally import ClassificationTally
from lamplighter.training.validate import validate

CPU = torch.device("cpu")
CLASSES = ("a", "b", "c", "d")


def model(task: str = "classification", *, outputs: int = 4, **more: Any) -> Model:
    architecture = Architecture("lamplighter", "tutorial_cnn", outputs, 3, {"size": 8})
    torch.manual_seed(3)
    module = rebuild(architecture)
    for parameter in module.parameters():
        parameter.data = torch.randn_like(parameter) * 0.3
    classes = CLASSES if task in ("classification", "multilabel") else ()
    defaults: dict[str, Any] = {"preprocess": Preprocess(8, resize=10)}
    return Model(Artifact(architecture, task, classes, **{**defaults, **more}), module, CPU)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    found = []
    for i in range(7):
        path = tmp_path / f"{i} ü.png"
        pixels = rng.integers(0, 256, (12 + i, 20 - i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        found.append(path)
    return found


def test_every_form(files: list[Path]) -> None:
    """A path, a text, bytes, a Pillow picture, an array and tensors give one answer."""
    net, path = model(), files[0]
    pixels = np.asarray(Image.open(path))
    expected = net.predict(path)
    for picture in (
        str(path),
        path.read_bytes(),
        Image.open(path),
        pixels,
        torch.from_numpy(pixels.copy()),
        torch.from_numpy(pixels.copy()).permute(2, 0, 1),
    ):
        found = net.predict(picture)
        assert (found.label, found.probability, found.top) == (
            expected.label,
            expected.probability,
            expected.top,
        )
    assert expected.path == str(path)
    assert net.predict([path])[0] == expected


def test_grey_arrays(files: list[Path]) -> None:
    """A grey array with and without its last dimension is one picture, also one pixel high."""
    net = model()
    grey = np.asarray(Image.open(files[0]).convert("L"))
    assert net.predict(grey).top == net.predict(grey[:, :, None]).top
    row = np.full((1, 9, 3), 200, np.uint8)
    assert net.predict(row).top == net.predict(Image.fromarray(row)).top


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8),
     np.zeros(9, np.uint8), np.zeros((2, 4, 4, 3), np.uint8), torch.zeros(4, 4, 3, dtype=torch.int64),
     None, 3, object(), b"", b"no picture", Image.new("RGB", (0, 5))],
    # the same in every process: xdist's workers must collect the same names
    ids=["floats", "two planes", "no rows", "flat", "a batch", "long", "None", "3", "object", "no bytes",
         "text", "no columns"],
)  # fmt: skip
def test_no_picture(picture: Any, files: list[Path]) -> None:
    """What is no picture is refused alone and fails alone among others; none is lost."""
    net = model()
    with pytest.raises(DataError) as caught:
        net.predict(picture)
    assert "model.predict_each goes on past those that cannot" in caught.value.fix
    found = list(net.predict_each([files[0], picture, files[1]]))
    assert [isinstance(answer, Failure) for answer in found] == [False, True, False]


def test_order_with_one_bad_file(files: list[Path], tmp_path: Path) -> None:
    """Answers come in the order of the files, over many batches, with each bad one in its place."""
    net = model()
    net._inference_batch = lambda: 2  # type: ignore[method-assign]
    bad = tmp_path / "bad.png"
    bad.write_bytes(files[0].read_bytes()[:60])
    given = [files[0], bad, *files[1:4], tmp_path / "none.png", *files[4:]]
    found = list(net.predict_each(given))
    assert [answer.path for answer in found] == [str(path) for path in given]
    failures = [i for i, answer in enumerate(found) if isinstance(answer, Failure)]
    assert failures == [1, 5]
    assert found[5].as_json() == {"path": str(given[5]), "error": "there is no such file"}
    alone = [net.predict(path) for path in files]
    answers = [answer for answer in found if not isinstance(answer, Failure)]
    for left, right in zip(alone, answers, strict=True):
        assert left.label == right.label
        assert left.probability == pytest.approx(right.probability, abs=1e-6)
    with pytest.raises(DataError, match="no such file"):
        net.predict([files[0], tmp_path / "none.png"])


def test_top(files: list[Path]) -> None:
    """The most probable classes come first, as many as asked for; all of them sum to 1."""
    answer = model().predict(files[0], top=99)
    shares = [share for _, share in answer.top]
    assert len(shares) == 4
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert answer.top[0] == (answer.label, answer.probability)
    assert model().predict(files[0], top=2).top == answer.top[:2]


def test_temperature_changes_no_answer(files: list[Path]) -> None:
    """A temperature makes answers less sure and changes none; "unsure" goes by the probability."""
    sharp, flat = model(), model(temperature=50.0, unsure_below=0.5)
    for left, right in zip(sharp.predict(files), flat.predict(files), strict=True):
        assert left.label == right.label
        assert left.probability > right.probability
        assert [label for label, _ in left.top] == [label for label, _ in right.top]
        assert right.unsure == (right.probability < 0.5)
        assert not left.unsure


def test_as_validation(files: list[Path]) -> None:
    """The share of right answers is exactly the accuracy of validation on the same pictures."""
    net = model()
    rng = np.random.default_rng(1)
    pictures = [
        Image.fromarray(rng.integers(0, 256, (11, 13, 3), dtype=np.uint8)) for _ in range(90)
    ]
    labels = torch.from_numpy(rng.integers(0, 4, 90))
    preprocess = net.artifact.preprocess
    assert preprocess is not None
    squares = np.stack([preprocess.square(p).transpose(2, 0, 1) for p in pictures])
    batches = PictureBatches(
        HeldPixels(torch.from_numpy(squares), torch.ones(90)), labels, preprocess,
        batch=preprocess.inference_batch(), device=CPU,
    )  # fmt: skip
    figures = validate(net.module, batches, nn.CrossEntropyLoss(), ClassificationTally())
    right = sum(
        answer.label == CLASSES[label]
        for answer, label in zip(net.predict(pictures), labels.tolist(), strict=True)
    )
    assert figures is not None
    assert figures["accuracy"] == right / 90


def test_several_labels_and_numbers(files: list[Path]) -> None:
    """Several labels are joined, with the least sure decision; regression gives its numbers."""
    many = model("multilabel").predict(files[0])
    said = {label for label, share in many.top if share > 0.5}
    assert set(filter(None, many.label.split("|"))) == said
    assert many.probability == pytest.approx(min(max(s, 1 - s) for _, s in many.top))
    number = model("regression", outputs=1).predict(files[0])
    assert number.probability is None
    assert len(number.values) == 1
    assert number.as_json()["values"] == list(number.values)


def test_classes_without_names() -> None:
    """Where the classes have no names, their numbers are the answer."""
    net = model(preprocess=None)
    net.artifact = Artifact(net.artifact.architecture, "classification", (), None)
    assert net.predict(torch.rand(3, 8, 8)).label in "0123"


def test_own_tensors(tmp_path: Path) -> None:
    """A network of the user's own tensors takes them as they are, whole numbers too; files are refused."""

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 4)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.head(self.embed(tokens).mean(1))

    net = model(preprocess=None)
    assert len(net.predict(torch.rand(5, 3, 8, 8))) == 5
    assert net.predict(torch.rand(3, 8, 8)).label in CLASSES
    net.module = Words()
    assert len(net.predict(torch.randint(0, 9, (3, 6)))) == 3
    with pytest.raises(UsageError, match="trained on your own tensors"):
        net.predict("a.png")


def test_load(tmp_path: Path, files: list[Path]) -> None:
    """A file and the run folder that holds it load to the same answers."""
    net = model()
    save_artifact(tmp_path / "model.safetensors", net.artifact, net.module)
    for path in (tmp_path, tmp_path / "model.safetensors", str(tmp_path)):
        loaded = load(path, device="cpu")
        assert loaded.predict(files) == net.predict(files)
        assert loaded.classes == CLASSES


def test_picture_files(files: list[Path], tmp_path: Path) -> None:
    """Folders are unfolded in order, without hidden files and others; what is not there is told."""
    below = tmp_path / "more" / "deep"
    below.mkdir(parents=True)
    (below / "B.JPG").write_bytes(b"x")
    (below / ".hidden.jpg").write_bytes(b"x")
    (tmp_path / "more" / "notes.txt").write_bytes(b"x")
    odd = tmp_path / "more" / "notes.txt"
    assert picture_files([files[1], tmp_path / "more", odd]) == [files[1], below / "B.JPG", odd]
    with pytest.raises(DataError, match="there is no such file or folder"):
        picture_files([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture below"):
        picture_files([tmp_path / "empty"])
