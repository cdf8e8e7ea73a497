"""Exported files say what their artifact says, and nothing about the machine that made them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lamplighter.errors import AnswerIsNo, ModelError, UsageError
from lamplighter.export import program as program_room
from lamplighter.export.deployed import deploy
from lamplighter.export.formats import FORMATS, Row, export, row_of
from lamplighter.export.parity import agree, insist, made_pictures
from lamplighter.images.preprocess import Preprocess
from lamplighter.predict import Model

Make = Callable[..., Model]
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "a\n```\nimport os\n```",
    '"; rm -rf / #',
    "ßü漢字\u202e",
)
PREPROCESSES = {
    "crop": Preprocess(32, "crop", 36, 3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), "bilinear"),
    "squash": Preprocess(24, "squash", 24, 3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), "bicubic"),
    "pad": Preprocess(32, "pad", 32, 3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), "lanczos"),
    "grey": Preprocess(32, "crop", 40, 1, (0.5,), (0.25,), "nearest"),
}


def exported(model: Model, to: str, folder: Path) -> Path:
    """The file of a model, proved on generated pictures."""
    preprocess = model.artifact.preprocess
    assert preprocess is not None
    squares = made_pictures(preprocess.size, preprocess.channels)
    names = [f"made {i}" for i in range(len(squares))]
    return export(model, to, folder, squares, names, "generated pictures").file


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_each_format_agrees_for_each_task(
    make_model: Make, tmp_path: Path, to: str, task: str
) -> None:
    """The written file gives the model's own figures, for one picture and for batches of any size."""
    classes = () if task == "regression" else ("a", "b", "c")
    model = make_model(task=task, classes=classes, outputs=3)
    file = exported(model, to, tmp_path / "out")
    answer = FORMATS[to].room.opened(file)
    generator = np.random.default_rng(1)
    for count in (1, 2, 7):
        pictures = generator.integers(0, 256, (count, 32, 32, 3), np.uint8)
        logits = model.logits(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()))
        ends = {
            "classification": lambda x: (x / 1.7).softmax(1),
            "multilabel": lambda x: (x / 1.7).sigmoid(),
            "regression": lambda x: x,
        }
        expected = ends[task](logits).numpy()
        np.testing.assert_allclose(answer(pictures), expected, rtol=1e-4, atol=2e-6)


def test_metadata_hold_labels_threshold_and_preprocessing(make_model: Make, tmp_path: Path) -> None:
    """Whoever has only the ONNX file has the labels, the threshold and the preprocessing."""
    import onnxruntime

    model = make_model(classes=HOSTILE)
    file = exported(model, "onnx", tmp_path)
    session = onnxruntime.InferenceSession(str(file))
    metadata = session.get_modelmeta().custom_metadata_map
    told = json.loads(metadata["lamplighter"])
    assert json.loads(metadata["labels"]) == list(HOSTILE) == told["classes"]
    assert (told["temperature"], told["unsure_below"]) == (1.7, 0.4)
    assert model.artifact.preprocess is not None
    assert Preprocess.from_json(told["preprocess"]) == model.artifact.preprocess
    assert session.get_inputs()[0].type == "tensor(uint8)"
    assert session.get_inputs()[0].shape == ["batch", 32, 32, 3]


@pytest.mark.parametrize("to", FORMATS)
def test_no_path_of_the_exporting_machine_is_in_the_file(
    make_model: Make, tmp_path: Path, to: str
) -> None:
    """Neither source lines nor folders of this machine travel in the file."""
    import zipfile

    file = exported(make_model(), to, tmp_path)
    contents = [file.read_bytes()]
    if to == "program":
        with zipfile.ZipFile(file) as archive:
            contents += [archive.read(name) for name in archive.namelist()]
    root = str(Path(importlib.util.find_spec("lamplighter").origin).parent)  # type: ignore[union-attr, arg-type]
    for told in (
        root,
        str(Path(torch.__file__).parent),
        str(tmp_path),
        os.environ.get("HOME", "?"),
    ):
        if len(told) > 5:
            assert not any(told.encode() in content for content in contents), told


def readme_program(readme: Path) -> str:
    """The lines between the first fences."""
    return readme.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


def run_readme(folder: Path, pictures: list[Path], *, without: tuple[str, ...] = ()) -> list[str]:
    """What the README's lines print for each picture, in an interpreter that cannot import some."""
    hook = f"import sys\nfor name in {without!r}: sys.modules[name] = None\n"
    program = readme_program(folder / "README.md")
    loop = (
        f"{hook}import io, contextlib, json\nprogram = compile({program!r}, 'readme', 'exec')\n"
        "said = []\n"
        "for picture in sys.argv[1:]:\n"
        "    sys.argv = ['run.py', picture]\n"
        "    out = io.StringIO()\n"
        "    with contextlib.redirect_stdout(out): exec(program, {})\n"
        "    said.append(out.getvalue())\n"
        "print(json.dumps(said))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", loop, *map(str, pictures)],
        cwd=folder, capture_output=True, text=True, check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize(
    "fit", ["crop", *(pytest.param(f, marks=pytest.mark.slow) for f in PREPROCESSES if f != "crop")]
)
def test_the_readme_runs_without_lamplighter_and_torch(
    make_model: Make, tmp_path: Path, photographs: list[Path], fit: str
) -> None:
    """The lines of README.md, with numpy, Pillow and onnxruntime alone, answer as `predict` does."""
    model = make_model(preprocess=PREPROCESSES[fit])
    file = exported(model, "onnx", tmp_path / "out")
    said = run_readme(file.parent, photographs, without=("torch", "torchvision", "lamplighter"))
    for picture, line in zip(photographs, said, strict=True):
        answer = model.predict(picture)
        words = line.split("(unsure)")[0].split()
        assert " ".join(words[:-1]) == answer.label, picture.name
        # logits of some 90 have a spacing of 7.6e-6: two runtimes that are each two of them off (torch is,
        # against double precision) differ by up to 1.5e-5 in a probability of a half
        assert float(words[-1]) == pytest.approx(answer.probability, abs=1.5e-5), picture.name
        assert ("(unsure)" in line) == answer.unsure


def test_the_readme_of_a_program_runs_without_lamplighter(
    make_model: Make, tmp_path: Path, photographs: list[Path]
) -> None:
    """The lines beside model.pt2, with numpy, Pillow and torch alone, answer as `predict` does."""
    model = make_model()
    file = exported(model, "program", tmp_path / "out")
    said = run_readme(file.parent, photographs[:3], without=("lamplighter",))
    for picture, line in zip(photographs, said, strict=False):
        answer = model.predict(picture)
        assert line.startswith(answer.label)
        assert float(line.split("(unsure)")[0].split()[-1]) == pytest.approx(
            answer.probability, abs=5e-6
        )


@pytest.mark.parametrize("to", FORMATS)
def test_hostile_class_names_stay_out_of_the_readme(
    make_model: Make, tmp_path: Path, to: str
) -> None:
    """No class name reaches the page that people copy and run."""
    exported(make_model(classes=HOSTILE), to, tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert not any(name in text for name in HOSTILE)
    assert "import os" not in text


SPOILED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "classes swapped": lambda p: p[:, ::-1],
    "a thousandth off": lambda p: p + np.float32(0.001),
    "NaN": lambda p: p * np.float32("nan"),
    "a class missing": lambda p: p[:, :2],
    "one picture of a batch": lambda p: np.where(
        np.arange(len(p))[:, None] == len(p) - 1, p[:, ::-1], p
    ),
}


@pytest.mark.parametrize("how", SPOILED)
def test_another_answer_on_any_picture_is_no(make_model: Make, how: str) -> None:
    """Every way of answering otherwise is found, and the message names pictures."""
    model = make_model()
    deployed = deploy(model.module, model.artifact)
    squares = made_pictures(32, 3)
    names = [f"made {i}" for i in range(len(squares))]

    def spoiled(pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return SPOILED[how](deployed(torch.from_numpy(pictures)).numpy())

    with pytest.raises(AnswerIsNo, match=r"does not agree with the model.*First: 'made ") as caught:
        insist(agree(model, spoiled, squares, names, "generated pictures"), "model.onnx")
    assert caught.value.exit_code == 1


class _Wrong:
    """A format whose file answers otherwise."""

    need_packages = staticmethod(program_room.need_packages)
    write = staticmethod(program_room.write)

    def opened(self, file: Path) -> Callable[[np.ndarray], np.ndarray]:
        answer = program_room.opened(file)
        return lambda pictures: answer(pictures)[:, ::-1]


def test_a_file_that_does_not_agree_is_not_kept(
    make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was written and answers otherwise leaves nothing behind."""
    wrong = Row(_Wrong(), "model.pt2", lambda _: "never written")
    monkeypatch.setitem(FORMATS, "program", wrong)
    with pytest.raises(AnswerIsNo):
        exported(make_model(), "program", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_channel_mix_up_is_seen(make_model: Make) -> None:
    """RGB taken for BGR is the mistake that exports die of; the generated pictures show it."""
    model = make_model()
    deployed = deploy(model.module, model.artifact)
    squares = made_pictures(32, 3)
    names = [str(i) for i in range(len(squares))]

    def swapped(pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return deployed(torch.from_numpy(pictures[..., ::-1].copy())).numpy()

    found = agree(model, swapped, squares, names, "generated pictures")
    assert not found.holds
    assert found.largest > 0.01


def test_the_small_model_of_these_tests_has_opinions(
    make_model: Make, photographs: list[Path]
) -> None:
    """Pictures differ in their probabilities, so that agreement here means something."""
    shares = [answer.probability for answer in make_model().predict(photographs)]
    assert max(shares) - min(shares) > 0.05


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the ONNX packages the message says which are missing and what to type."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else found(name)
    )
    with pytest.raises(UsageError, match="not installed: onnxscript") as caught:
        row_of("onnx")
    assert 'pip install "lamplighter[onnx]"' in caught.value.fix
    assert caught.value.exit_code == 2


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    """A mistyped format is told what there is."""
    with pytest.raises(UsageError, match="Did you mean onnx"):
        row_of("onxx")


def test_own_tensors_are_refused_with_a_way_out(make_model: Make) -> None:
    """A network trained on the user's own tensors is not exported, and the message says what to do."""
    model = make_model()
    with pytest.raises(UsageError, match="your own tensors") as caught:
        deploy(model.module, replace(model.artifact, preprocess=None))
    assert "torch.onnx.export" in caught.value.fix


class Branching(nn.Module):
    """Takes another way for bright pictures: no graph can say so."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        flat = images.mean(dim=(1, 2, 3))
        return torch.stack([flat, -flat], 1) if flat.sum() > 0 else torch.stack([-flat, flat], 1)


@pytest.mark.parametrize("to", FORMATS)
def test_a_network_that_branches_on_values_is_named(
    make_model: Make, tmp_path: Path, to: str
) -> None:
    """What cannot be a graph ends in one message with the reason, and no traceback."""
    model = make_model()
    with pytest.raises(ModelError, match="cannot be written as a graph") as caught:
        exported(Model(model.artifact, Branching(), model.device), to, tmp_path / "out")
    assert "forward()" in caught.value.fix
    assert not (tmp_path / "out").exists()


def test_the_model_is_left_as_it_was(make_model: Make, tmp_path: Path) -> None:
    """Exporting copies: weights, modes and gradient flags of the model stay."""
    model = make_model()
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    flags = [parameter.requires_grad for parameter in model.module.parameters()]
    exported(model, "onnx", tmp_path / "out")
    for name, tensor in model.module.state_dict().items():
        assert torch.equal(before[name], tensor)
    assert [parameter.requires_grad for parameter in model.module.parameters()] == flags
