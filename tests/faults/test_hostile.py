"""Files from strangers: nothing in them is run, nothing is written outside, one message each (R15)."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

PREDICT = ("predict", "FILE", "p.png")
DOCTOR = ("doctor", "FILE")
WEIGHTS = ("train", "digits", "--model", "tutorial_cnn", "--size", "8", "--epochs", "1",
           "--checks", "off", "--weights", "FILE")  # fmt: skip


class Bomb:
    """Unpickled, it would leave a file behind."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return (Path.touch, (self.target,))


def _pickled(place: Path, name: str, protocol: int = 2, *, inside: bool = False) -> Path:
    path = place / name
    bomb: Any = {"state_dict": {"w": Bomb(place / "BOMB")}} if inside else Bomb(place / "BOMB")
    path.write_bytes(pickle.dumps(bomb, protocol=protocol))
    return path


def _torch(place: Path, name: str, *, zipped: bool = True) -> Path:
    path = place / name
    bomb = {"model": torch.zeros(2), "x": Bomb(place / "BOMB")}
    torch.save(bomb, path, _use_new_zipfile_serialization=zipped)
    return path


def _folder(place: Path, name: str, file: str) -> Path:
    path = place / name
    path.mkdir()
    (path / file).write_bytes(pickle.dumps(Bomb(place / "BOMB")))
    return path


def _tensors(place: Path, name: str, header: bytes, rest: bytes = b"") -> Path:
    path = place / name
    path.write_bytes(struct.pack("<Q", len(header)) + header + rest)
    return path


def _artifact(place: Path, change: dict[str, Any]) -> Path:
    """A model file whose description was changed by a stranger who also made its hash fit."""
    from safetensors.torch import save

    from lamplighter.artifact import content_hash

    document: dict[str, Any] = {
        "format": 1, "lamplighter": "1", "task": "classification", "classes": ["a", "b"],
        "architecture": {"source": "torchvision", "name": "resnet18", "outputs": 2, "channels": 3,
                         "options": {}},
        "preprocess": None, "metrics": {}, "data": {}, "recipe": {}, "temperature": 1.0,
        "unsure_below": 0.0, "versions": {},
    }  # fmt: skip
    document |= change
    tensors = {"w": torch.zeros(1)}
    document["sha256"] = content_hash(document, tensors)
    path = place / "m.safetensors"
    path.write_bytes(save(tensors, {"lamplighter": json.dumps(document, sort_keys=True)}))
    return path


def _own(place: Path, name: str) -> Path:
    (place / "evilmod.py").write_text(f"open({str(place / 'BOMB')!r}, 'w')\n\nclass Net: pass\n")
    architecture = {"source": "own", "name": name, "outputs": 2, "channels": 3, "options": {}}
    return _artifact(place, {"architecture": architecture})


def _recipe(place: Path, content: bytes) -> Path:
    path = place / "recipe.toml"
    path.write_bytes(content)
    return path


def _zip(place: Path, name: str, inner: str) -> Path:
    with zipfile.ZipFile(place / name, "w") as file:
        file.writestr(inner, "slipped")
    return place / name


def _tar(place: Path, name: str, *, link: bool = False) -> Path:
    with tarfile.open(place / name, "w:gz") as file:
        if link:
            entry = tarfile.TarInfo("cifar-10-batches-py")
            entry.type, entry.linkname = tarfile.SYMTYPE, str(place)
            file.addfile(entry)
        entry = tarfile.TarInfo("cifar-10-batches-py/../../../BOMB" if not link else "cifar-10-batches-py/BOMB")  # fmt: skip
        entry.size = 4
        file.addfile(entry, io.BytesIO(b"slip"))
    return place / name


def _cifar(place: Path, *, link: bool = False) -> Path:
    (place / "root").mkdir()
    _tar(place, "root/cifar-10-python.tar.gz", link=link)
    return place / "root"


Made = Callable[[Path], Path]
FILES: dict[str, tuple[Made, tuple[str, ...]]] = {}
for _suffix in ("pth", "pt", "th", "ckpt", "bin", "pkl"):
    for _to, _command in (("weights", WEIGHTS), ("predict", PREDICT), ("doctor", DOCTOR)):
        FILES[f"pickle.{_suffix} {_to}"] = (lambda p, s=_suffix: _pickled(p, f"m.{s}"), _command)  # type: ignore[misc]
        FILES[f"torch.{_suffix} {_to}"] = (lambda p, s=_suffix: _torch(p, f"m.{s}"), _command)  # type: ignore[misc]
HEADERS = {
    "huge": b'{"w":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}}',
    "overlap": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    "negative": b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
    "no json": b"{" * 5000, "list": b"[]", "deep": b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "not utf-8": b'{"\xff\xfe":1}', "metadata list": b'{"__metadata__":[1]}',
    "dtype": b'{"a":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,4]}}',
}  # fmt: skip
for _name, _header in HEADERS.items():
    FILES[f"header {_name} predict"] = (
        lambda p, h=_header: _tensors(p, "m.safetensors", h, b"1234"),
        PREDICT,
    )  # type: ignore[misc]
    FILES[f"header {_name} weights"] = (
        lambda p, h=_header: _tensors(p, "m.safetensors", h, b"1234"),
        WEIGHTS,
    )  # type: ignore[misc]
RECIPES = {
    "deep": b"a = " + b"[" * 100_000, "tables": b"[" + b"a." * 20_000 + b"a]\n", "nul": b"\0",
    "number": b"epochs = " + b"9" * 10_000, "huge": b"epochs = 1e999", "twice": b"lr=1\nlr=2",
    "wrong": b'epochs = "__import__(\'os\').system(\'touch BOMB\')"',
}  # fmt: skip
for _name, _content in RECIPES.items():
    FILES[f"recipe {_name}"] = (
        lambda p, c=_content: _recipe(p, c),
        ("train", "digits", "--recipe", "FILE"),
    )  # type: ignore[misc]
OTHERS: dict[str, tuple[Made, tuple[str, ...]]] = {
    "old torch": (lambda p: _torch(p, "m.pth", zipped=False), WEIGHTS),
    "nested": (lambda p: _pickled(p, "m.ckpt", 4, inside=True), WEIGHTS),
    "protocol 0": (lambda p: _pickled(p, "m.pth", 0), WEIGHTS),
    "dcp folder": (lambda p: _folder(p, "ck", ".metadata"), WEIGHTS),
    "dcp folder doctor": (lambda p: _folder(p, "ck", ".metadata"), DOCTOR),
    "dcp folder predict": (lambda p: _folder(p, "ck", ".metadata"), PREDICT),
    "named as ours": (lambda p: _pickled(p, "m.safetensors"), PREDICT),
    "length only": (lambda p: _recipe(p, b"\xff" * 8).rename(p / "m.safetensors"), PREDICT),
    "empty": (lambda p: _recipe(p, b"").rename(p / "m.safetensors"), PREDICT),
    "own module": (lambda p: _own(p, "evilmod:Net"), PREDICT),
    "os.system": (lambda p: _own(p, "os:system"), PREDICT),
    "source": (lambda p: _artifact(p, {"architecture": {"source": "eval", "name": "open('BOMB','w')", "outputs": 2, "channels": 3, "options": {}}}), PREDICT),
    "format": (lambda p: _artifact(p, {"format": 999}), PREDICT),
    "classes": (lambda p: _artifact(p, {"classes": {"a": 1}}), PREDICT),
    "options": (lambda p: _artifact(p, {"architecture": {"source": "torchvision", "name": "resnet18", "outputs": 2, "channels": 3, "options": {"block": "os:system"}}}), PREDICT),
    "outputs": (lambda p: _artifact(p, {"architecture": {"source": "torchvision", "name": "resnet18", "outputs": 10**12, "channels": 3, "options": {}}}), PREDICT),
    "ansi": (lambda p: _artifact(p, {"task": "\x1b]0;owned\x07\x1b[2J"}), PREDICT),
    "tar slip": (_cifar, ("look", "cifar10", "--data-root", "FILE")),
    "tar link": (lambda p: _cifar(p, link=True), ("look", "cifar10", "--data-root", "FILE")),
}  # fmt: skip
FILES |= OTHERS
FEW = [name for name in FILES if name.startswith(("header", "recipe")) or name in OTHERS or ".pth" in name or ".ckpt" in name]  # fmt: skip


def opened(name: str, lamp: Any, place: Path) -> None:
    from PIL import Image

    made, command = FILES[name]
    work = place / "work"
    work.mkdir()
    path = made(place)
    Image.new("RGB", (8, 8)).save(work / "p.png")
    before = {p for p in place.rglob("*") if "work" not in p.parts}
    ended = lamp.run(work, *[str(path) if part == "FILE" else part for part in command])
    assert "Traceback" not in ended.said
    assert "\x1b" not in ended.said
    assert not list(place.rglob("BOMB"))
    after = {p for p in place.rglob("*") if "work" not in p.parts and "__pycache__" not in p.parts}
    assert after == before
    if command[0] == "doctor":
        assert "run" in ended.said
        assert ended.code in (0, 1)
    else:
        assert ended.code in (2, 3, 4), ended.said
        assert ended.said.count("lamp: ") == 1
        assert len(ended.said) < 4000


@pytest.mark.parametrize("name", FEW)
def test_a_stranger(name: str, lamp: Any, tmp_path: Path) -> None:
    """It is refused in one message; no code of it runs and nothing is written beside it."""
    opened(name, lamp, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("name", [name for name in FILES if name not in FEW])
def test_more_strangers(name: str, lamp: Any, tmp_path: Path) -> None:
    """The same for all other endings."""
    opened(name, lamp, tmp_path)


@pytest.mark.parametrize("name", ["pickle.pth weights", "torch.ckpt weights"])
def test_the_bombs_are_live(name: str, tmp_path: Path) -> None:
    """Unpickled by anything else, these files do run their code: the tests above can fail."""
    path = FILES[name][0](tmp_path)
    if name.startswith("torch"):
        torch.load(path, weights_only=False)
    else:
        pickle.loads(path.read_bytes())
    assert (tmp_path / "BOMB").exists()
