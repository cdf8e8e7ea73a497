"""Files of other libraries and archives get a verdict, and nothing in them is opened or run."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lamplighter.errors import ModelError
from lamplighter.explain.model_files import examine_file

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(100)
KERAS = {"class_name": "Sequential", "module": "keras"}


class Bomb:
    """Unpickled, it would leave a file behind."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol(protocol: int, tmp_path: Path) -> None:
    """Plain values are safe and a bomb is one, whatever the protocol and what stands first."""
    path, mark = tmp_path / "x.pkl", tmp_path / "mark"
    for plain in ({"a": 1}, [1, 2], 5, "hi", 1.5, None, (1, "a"), {1, 2}):
        path.write_bytes(pickle.dumps(plain, protocol=protocol))
        assert examine_file(path).runs_code is False, plain
    for bomb in (Bomb(str(mark)), {"state": {"w": Bomb(str(mark))}}, [1, Bomb(str(mark))]):
        path.write_bytes(pickle.dumps(bomb, protocol=protocol))
        found = examine_file(path)
        assert found.runs_code is True
        assert found.dangerous
    assert not mark.exists()


def packed(config: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", HDF5)
    return buffer.getvalue()


def layers(*found: dict[str, str]) -> dict[str, Any]:
    return {**KERAS, "config": {"layers": list(found)}}


@pytest.mark.parametrize(
    ("name", "content", "kind", "runs", "says"),
    [
        ("a.keras", packed(layers({"module": "keras.layers", "class_name": "Dense"})), "keras", False, "no Lambda"),
        ("b.keras", packed(layers({"module": "keras.layers", "class_name": "Lambda"})), "keras", True, "bytecode"),
        ("c.keras", packed(layers({"module": "os", "class_name": "system"})), "keras", True, "layers from os"),
        ("a.h5", HDF5, "hdf5", False, "arrays and no Keras model"),
        ("b.h5", HDF5 + b'model_config{"class_name": "Sequential"}', "hdf5", False, "no Lambda"),
        ("c.h5", HDF5 + b'model_config{"class_name": "Lambda"}', "hdf5", True, "safe_mode does not stop it"),
        ("saved_model.pb", b"\x08\x01\x12\x20\n\x05serve tensorflow", "saved-model", False, "none that touches files"),
        ("saved_model.pb", b"\x08\x01\x12\x20\n\x05serve \x09WriteFile\x12", "saved-model", True, "WriteFile"),
        ("m.tflite", b"\x1c\0\0\0TFL3" + bytes(20), "tflite", False, "no Python code"),
        ("m.joblib", zlib.compress(pickle.dumps(Bomb("/nowhere"))), "pickle", True, "system"),
        ("m.pkl.gz", gzip.compress(pickle.dumps(Bomb("/nowhere"))), "pickle", True, "system"),
        ("n.pkl.gz", gzip.compress(pickle.dumps({"a": 1})), "pickle", False, "plain values"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)  # fmt: skip
def test_other_libraries(
    name: str, content: bytes, kind: str, runs: bool, says: str, tmp_path: Path
) -> None:
    """Keras, HDF5, TensorFlow and joblib are told by what their text says."""
    (tmp_path / name).write_bytes(content)
    found = examine_file(tmp_path / name)
    assert (found.kind, found.runs_code) == (kind, runs)
    assert says in found.says


def test_arrays_of_objects_hold_pickles(tmp_path: Path) -> None:
    """NumPy's arrays of numbers are safe, those of objects are pickles."""
    bomb = np.array([Bomb(str(tmp_path / "mark"))], dtype=object)
    np.save(tmp_path / "numbers.npy", np.ones(3))
    np.save(tmp_path / "objects.npy", bomb)
    np.savez(tmp_path / "objects.npz", x=bomb)
    assert examine_file(tmp_path / "numbers.npy").runs_code is False
    assert examine_file(tmp_path / "objects.npy").dangerous
    assert examine_file(tmp_path / "objects.npz").runs_code is True
    assert not (tmp_path / "mark").exists()


def tar(path: Path, name: str, content: bytes = b"x", link: str = "", mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo(name)
        if link:
            entry.type, entry.linkname = tarfile.SYMTYPE, link
            archive.addfile(entry)
        else:
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_archives_that_lead_outside(tmp_path: Path) -> None:
    """Names and links that leave the folder are called an attack; others are not."""
    bad = [
        tar(tmp_path / "a.tar", "../../x"), tar(tmp_path / "b.tar.gz", "/etc/x", mode="w:gz"),
        tar(tmp_path / "c.tar.xz", "l", link="/etc", mode="w:xz"), tar(tmp_path / "d.tar", "a/l", link="../../.."),
    ]  # fmt: skip
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("a/../../x", "x")
    for path in (*bad, tmp_path / "e.zip"):
        found = examine_file(path)
        assert found.runs_code is True, path.name
        assert "outside of its folder" in found.title
    good = [tar(tmp_path / "f.tar", "a/b.txt"), tar(tmp_path / "g.tar", "a/l", link="../b")]
    assert [examine_file(path).runs_code for path in good] == [False, False]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar", "b.tar.gz", "c.tar.xz", "d.tar", "e.zip", "f.tar", "g.tar"]  # fmt: skip


def test_a_pickle_within_a_tar(tmp_path: Path) -> None:
    """What is inside of an archive is judged too."""
    bomb = pickle.dumps(Bomb(str(tmp_path / "mark")))
    found = examine_file(tar(tmp_path / "m.tar", "m/data.bin", bomb))
    assert found.runs_code is True
    assert found.dangerous
    assert not (tmp_path / "mark").exists()


class Writes(torch.nn.Module):
    """Its TorchScript writes a file when it is loaded."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return (self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.path = state[0]
        self.training = state[1]
        torch.save(torch.zeros(1), self.path)


def test_torchscript_that_writes_files_when_it_is_opened(tmp_path: Path) -> None:
    """A program that runs at once is told; the same file, opened by torch, does write."""
    mark = tmp_path / "mark"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Writes(str(mark))).save(str(tmp_path / "bad.pt"))
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "good.pt"))
        found, good = examine_file(tmp_path / "bad.pt"), examine_file(tmp_path / "good.pt")
        assert not mark.exists()
        assert (found.kind, found.runs_code) == ("torchscript", True)
        assert "runs while it is opened" in found.says
        assert "torch.save" in found.dangerous
        assert (good.kind, good.runs_code) == ("torchscript", False)
        torch.jit.load(str(tmp_path / "bad.pt"))
    assert mark.exists()


def test_a_keras_file_without_its_configuration(tmp_path: Path) -> None:
    """It is damaged, and no crash."""
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("model.weights.h5", HDF5)
    with pytest.raises(ModelError, match=r"config\.json is missing"):
        examine_file(tmp_path / "m.keras")
