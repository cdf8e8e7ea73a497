"""The one file: what goes in comes out, whatever is changed is found, and nothing in it is run."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from lamplighter import artifact as room
from lamplighter.artifact import Artifact, load_module, read_artifact, save_artifact
from lamplighter.errors import ArtifactError, ModelError, RunFailed
from lamplighter.images.preprocess import Preprocess
from lamplighter.models.architecture import Architecture
from lamplighter.models.build import rebuild

CLASSES = ("cat", "<b>dog</b>", "猫\u202e\x1b[31m")


def made(name: str = "tutorial_cnn", **more: Any) -> Artifact:
    options = {"size": 8} if name == "tutorial_cnn" else {}
    defaults: dict[str, Any] = {
        "architecture": Architecture("lamplighter", name, 3, 1, options),
        "task": "classification",
        "classes": CLASSES,
        "preprocess": Preprocess(8, channels=1, mean=(0.5,), std=(0.25,)),
        "metrics": {"best": {"epoch": 1}},
        "temperature": 1.25,
        "unsure_below": 0.4,
    }
    return Artifact(**{**defaults, **more})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.safetensors"
    save_artifact(file, made(), rebuild(made().architecture))
    return file


def forged(path: Path, change: dict[str, Any]) -> None:
    """A stranger's file: changed, with a SHA-256 that fits."""
    tensors = load_tensors(path.read_bytes())
    header = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])
    document = json.loads(header["__metadata__"][room.DOCUMENT]) | change
    document.pop(room.SHA256)
    document[room.SHA256] = room.content_hash(document, tensors)
    path.write_bytes(save_tensors(tensors, {room.DOCUMENT: json.dumps(document)}))


@pytest.mark.parametrize("name", ["tutorial_cnn", "small_resnet"])
def test_round_trip(name: str, tmp_path: Path) -> None:
    """Description, weights and answers come back the same, in evaluation mode."""
    file, artifact = tmp_path / "m", made(name)
    module = rebuild(artifact.architecture)
    save_artifact(file, artifact, module)
    found, loaded = load_module(file)
    assert found == artifact
    assert not loaded.training
    images = torch.rand(2, 1, 8, 8)
    assert torch.equal(module.eval()(images), loaded(images))
    content = file.read_bytes()
    save_artifact(file, artifact, module)
    assert file.read_bytes() == content


class Tied(nn.Module):
    """A network of the user's own with weights in two places and a view among its buffers."""

    def __init__(self, num_classes: int = 3) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.register_buffer("offset", torch.arange(8.0)[::2])
        self.register_buffer("none", torch.zeros(0), persistent=True)
        self.head = nn.Linear(4, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.b(self.a(x)) + self.offset)


def own(name: str = "nowhere_at_all:Net") -> Artifact:
    architecture = Architecture("own", name, 3, 3, {"called_with": "num_classes"})
    return made(architecture=architecture, preprocess=None)


def test_tied_weights(tmp_path: Path) -> None:
    """Weights that are one in the network are one again after loading."""
    module = Tied()
    save_artifact(tmp_path / "m", own(), module)
    _, loaded = load_module(tmp_path / "m", own=Tied)
    assert loaded.a.weight is loaded.b.weight
    x = torch.rand(2, 4)
    assert torch.equal(loaded(x), module.eval()(x))


def test_own_class_is_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that the file names is not imported; the message names it and what to do."""
    (tmp_path / "trap_module.py").write_text("raise SystemExit('executed')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    save_artifact(tmp_path / "m", own("trap_module:Net"), Tied())
    with pytest.raises(ModelError, match="your own class trap_module:Net") as caught:
        load_module(tmp_path / "m")
    assert "own=Class" in caught.value.fix
    assert "trap_module" not in sys.modules


def test_every_flipped_byte(path: Path) -> None:
    """A byte flipped anywhere is found, or changes nothing that is said."""
    content = path.read_bytes()
    expected = read_artifact(path)[0]
    header = 8 + int.from_bytes(content[:8], "little")
    places = {*range(0, header, 7), *range(header, len(content), len(content) // 60)}
    for place in sorted(places):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        try:
            found, tensors = read_artifact(path)
        except ArtifactError:
            continue
        assert found == expected
        assert room.content_hash({}, tensors) == room.content_hash({}, load_tensors(content))


def test_flipped_class_name(path: Path) -> None:
    """One letter of a class name changed is found."""
    content = path.read_bytes()
    assert content.count(b'"cat') == 1
    path.write_bytes(content.replace(b'"cat', b'"bat'))
    with pytest.raises(ArtifactError, match="does not match its SHA-256") as caught:
        read_artifact(path)
    assert caught.value.exit_code == 4


def test_an_empty_file_is_called_empty(path: Path) -> None:
    """What a full disk or an interrupted copy leaves is told by its size, not by a decoder."""
    path.write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"the file is empty \(0 bytes\)") as caught:
        read_artifact(path)
    assert caught.value.fix == "copy it again from where it was made"


@pytest.mark.parametrize("kept", [1, 7, 8, 9, 100, 5000, -1])
def test_cut_off(kept: int, path: Path) -> None:
    """A file that was cut off anywhere is no whole file."""
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ArtifactError, match="no whole safetensors file"):
        read_artifact(path)


@pytest.mark.parametrize(
    "content",
    [b"\x80\x04pickle", b"PK\x03\x04", b"\xff" * 100, b"\x02" + b"\0" * 7 + b"[]",
     (10**6).to_bytes(8, "little") + b"[" * 10**6, b"\x02" + b"\0" * 7 + b"{}"],
    ids=["pickle", "zip", "ones", "list", "deep", "empty"],
)  # fmt: skip
def test_foreign_files(content: bytes, path: Path) -> None:
    """Other files are named for what they are not, and are not unpickled."""
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        read_artifact(path)
    assert str(path) in caught.value.where
    assert "codec" not in caught.value.message
    assert "line 1" not in caught.value.message


def test_weights_alone(path: Path) -> None:
    """Somebody else's safetensors file is told from a model of ours, with how to use it."""
    path.write_bytes(save_tensors({"w": torch.zeros(2)}))
    with pytest.raises(ArtifactError, match="holds weights alone") as caught:
        read_artifact(path)
    assert "--weights" in caught.value.fix


def test_not_there(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is told."""
    with pytest.raises(ArtifactError, match="there is no such file"):
        read_artifact(tmp_path / "none")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_artifact(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "it has format 2"),
        ({"format": 0}, "it has format 0"),
        ({"format": True}, "it has format True"),
        ({"format": "x" * 10**5}, "it has format"),
        ({"classes": ["a", "b"]}, "2 classes for 3 outputs"),
        ({"classes": ["a", "a", "b"]}, "two classes have one name"),
        ({"classes": [1, 2, 3]}, "the classes are no texts"),
        ({"classes": "abc"}, "the classes are no list"),
        ({"classes": None}, "TypeError"),
        ({"task": "segmentation"}, "there is no task"),
        ({"task": ["classification"]}, "there is no task"),
        ({"temperature": float("nan")}, "a temperature of nan"),
        ({"temperature": float("inf")}, "a temperature of inf"),
        ({"temperature": 0}, "a temperature of 0"),
        ({"temperature": -1}, "a temperature of -1"),
        ({"temperature": 10**400}, "OverflowError"),
        ({"temperature": None}, "TypeError"),
        ({"unsure_below": float("nan")}, "unsure below nan"),
        ({"unsure_below": 1.5}, "unsure below 1.5"),
        ({"preprocess": {"size": 8}}, "the preprocessing it carries"),
        ({"preprocess": Preprocess(8).as_json()}, "pictures of 3 channels for a network of 1"),
        ({"metrics": 3}, "TypeError"),
        ({"recipe": "ab"}, "ValueError"),
        ({"architecture": {}}, "description of the network"),
        ({"architecture": {"source": "own", "name": "os:system", "outputs": 3, "channels": 3,
          "options": {}}}, "your own class os:system"),
        ({"architecture": {"source": "torchvision", "name": "../../x", "outputs": 3,
          "channels": 1, "options": {}}}, "no network called"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_hostile_descriptions(change: dict[str, Any], told: str, path: Path) -> None:
    """A description that is of a later format, contradicts itself or is out of bounds is refused."""
    forged(path, change)
    with pytest.raises(ModelError) as caught:
        load_module(path)
    assert told in str(caught.value)
    assert caught.value.fix
    assert len(str(caught.value)) < 1000


def test_deep_and_endless_json(path: Path) -> None:
    """Nesting without end and numbers of a million digits end in a word."""
    tensors = load_tensors(path.read_bytes())
    for text in ("[" * 10**5, '{"format": ' + "9" * 10**5 + "}", "[]", "3", "", '{"a": 1}'):
        path.write_bytes(save_tensors(tensors, {room.DOCUMENT: text}))
        with pytest.raises(ArtifactError, match="its description cannot be read"):
            read_artifact(path)
    for depth in (100, 300, 600, 900, 990, 5000):
        text = '{"format": 1, "x": ' + "[" * depth + "]" * depth + "}"
        path.write_bytes(save_tensors(tensors, {room.DOCUMENT: text}))
        with pytest.raises(ArtifactError):
            read_artifact(path)


def test_weights_of_another_network(path: Path) -> None:
    """Weights that do not fit the description are refused by name, not loaded in part."""
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    document = json.loads(header["__metadata__"][room.DOCUMENT])
    del document[room.SHA256]
    for change in ("missing", "more", "shape"):
        tensors = load_tensors(content)
        if change == "missing":
            del tensors["head.bias"]
        elif change == "more":
            tensors["extra"] = torch.zeros(1)
        else:
            tensors["head.bias"] = torch.zeros(7)
        whole = document | {room.SHA256: room.content_hash(document, tensors)}
        path.write_bytes(save_tensors(tensors, {room.DOCUMENT: json.dumps(whole)}))
        with pytest.raises(ArtifactError, match="do not fit the network"):
            load_module(path)


def test_state_that_is_no_tensor(tmp_path: Path) -> None:
    """A network whose state holds something else than tensors is refused with what to do."""

    class Odd(nn.Module):
        def get_extra_state(self) -> Any:
            return {"a": 1}

        def set_extra_state(self, state: Any) -> None:
            pass

    with pytest.raises(ModelError, match="an artifact holds tensors only"):
        save_artifact(tmp_path / "m", own(), Odd())
    assert not list(tmp_path.iterdir())


def test_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the earlier file stays, whole."""
    import os

    before = hashlib.sha256(path.read_bytes()).hexdigest()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailed, match="No space left"):
        save_artifact(path, made(), rebuild(made().architecture))
    monkeypatch.undo()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    read_artifact(path)
