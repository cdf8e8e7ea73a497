"""Model files judged from outside: real ones of each format, and hostile ones that must not run."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lamplighter.errors import ModelError
from lamplighter.explain.model_files import examine_file
from lamplighter.explain.pickles import read_pickle

SHARED = Path(os.environ.get("LAMPLIGHTER_TEST_DATA", "/nonexistent")) / "weights"


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU())


class Touch:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def test_weights_are_safe_in_torchs_new_and_old_format(tmp_path: Path) -> None:
    """A state dict needs no code, and a `module.` prefix is pointed out."""
    wrapped = OrderedDict((f"module.{k}", v) for k, v in net().state_dict().items())
    torch.save(net().state_dict(), tmp_path / "new.pt")
    torch.save(wrapped, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    new, old = examine_file(tmp_path / "new.pt"), examine_file(tmp_path / "old.pth")
    assert (new.kind, new.runs_code, new.imports != ()) == ("torch", False, True)
    assert (old.kind, old.runs_code) == ("torch-legacy", False)
    assert "2 tensors" in new.says
    assert "'module.'" in old.says


@pytest.mark.parametrize("new_format", [True, False])
def test_a_whole_model_names_the_classes_that_it_would_import(
    tmp_path: Path, new_format: bool
) -> None:
    """A pickled module is told apart from weights, with the classes by name."""
    torch.save(net(), tmp_path / "whole.pt", _use_new_zipfile_serialization=new_format)
    found = examine_file(tmp_path / "whole.pt")
    assert found.runs_code is True
    assert "torch.nn.modules.linear.Linear" in found.imports
    assert found.dangerous == ()
    assert "weights_only=False" in found.says


def test_a_checkpoint_with_optimizer_and_numbers_is_safe(tmp_path: Path) -> None:
    """The usual dictionary of model, optimizer, epoch and best score needs no code."""
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "lr": 0.1,
    }
    torch.save(state, tmp_path / "c.pt")
    found = examine_file(tmp_path / "c.pt")
    assert found.runs_code is False
    torch.load(tmp_path / "c.pt", weights_only=True)


def hostile(folder: Path) -> dict[str, Path]:
    """Files that would leave a mark if anything in them ran."""
    mark = folder / "mark"
    bomb = Touch(mark)
    files = {
        name: folder / name
        for name in ("new.pt", "old.pth", "bare.pkl", "proto0.pkl", "deep.pt", "memo.pkl")
    }
    torch.save({"weight": torch.ones(2), "x": bomb}, files["new.pt"])
    torch.save(bomb, files["old.pth"], _use_new_zipfile_serialization=False)
    files["bare.pkl"].write_bytes(pickle.dumps(bomb))
    files["proto0.pkl"].write_bytes(pickle.dumps(bomb, protocol=0))
    inner = io.BytesIO()
    torch.save(bomb, inner)
    with zipfile.ZipFile(files["deep.pt"], "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}))
        archive.writestr("a/data/sample_inputs/model.pt", inner.getvalue())
    # the texts come from the memo, far from the import
    files["memo.pkl"].write_bytes(
        b"\x80\x04\x8c\x06system\x94\x8c\x05posix\x940h\x01h\x00\x93\x8c\x04true\x85R."
    )
    return files


def test_no_hostile_file_runs_and_each_is_called_one(tmp_path: Path) -> None:
    """Files that would start a program are named as such, and nothing of them runs."""
    for name, path in hostile(tmp_path).items():
        found = examine_file(path)
        assert found.runs_code is True, name
        assert any(d in ("posix.system", "os.system", "nt.system") for d in found.dangerous), name
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "tricky",
    [
        # the real machine drops the harmless texts with the list that takes them; a reader that
        # does not count the stack exactly would see them as the import
        b"\x80\x04\x8c\x05posix\x8c\x06system](\x8c\x0bcollections\x8c\x0bOrderedDicte0\x93.",
        b"\x80\x04\x8c\x05posix\x8c\x06system(\x8c\x0bcollections\x8c\x0bOrderedDict1\x93.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x8c\x0bcollections\x8c\x0bOrderedDict\x860\x93.",
    ],
    ids=["appends", "pop to mark", "tuple"],
)
def test_the_stack_is_followed_exactly(tricky: bytes) -> None:
    """Harmless names put beside the real ones do not hide the import."""
    assert pickle.loads(tricky) is os.system
    assert read_pickle(tricky).imports == ("posix.system",)


def test_an_import_that_cannot_be_read_is_not_called_safe() -> None:
    """A name put together while loading, or an extension number, counts as dangerous."""
    computed = b"\x80\x04\x8c\x05posix\x8c\x06system\x86\x86K\x01\x93."
    assert read_pickle(computed).dangerous or not read_pickle(computed).complete
    assert read_pickle(b"\x80\x02\x82\x01.").dangerous


def test_a_broken_pickle_is_unknown_not_safe(tmp_path: Path) -> None:
    """Where a pickle cannot be read to its end, nothing is promised."""
    torch.save(net().state_dict(), tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[:150])
    assert examine_file(tmp_path / "cut.pth").runs_code is None


def test_safetensors_and_the_own_artifact(tmp_path: Path) -> None:
    """Plain weights and a model of ours are told apart by the metadata."""
    save_file(net().state_dict(), tmp_path / "w.safetensors")
    ours = {"format": 1, "architecture": {"name": "resnet18"}, "classes": ["ants", "bees"]}
    save_file(net().state_dict(), tmp_path / "m.safetensors", {"lamplighter": json.dumps(ours)})
    plain, artifact = (
        examine_file(tmp_path / "w.safetensors"),
        examine_file(tmp_path / "m.safetensors"),
    )
    assert (plain.kind, plain.runs_code) == ("safetensors", False)
    assert "2 tensors with 9 values" in plain.says
    assert (artifact.kind, artifact.runs_code) == ("artifact", False)
    assert "resnet18 for 2 classes" in artifact.says


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 10**12) + b"{",
        struct.pack("<Q", 50) + b'{"a"' + b" " * 46,
        struct.pack("<Q", 2) + b"{}" + b"surplus",
        struct.pack("<Q", 40_000) + b'{"a":' + b"[" * 39_995,
    ],
    ids=["huge header", "no JSON", "appended", "deep"],
)
def test_a_forged_safetensors_header_is_refused(tmp_path: Path, content: bytes) -> None:
    """A header that lies about sizes or is no JSON ends in one clear error."""
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"header|cut off"):
        examine_file(tmp_path / "x.safetensors")


def test_torchscript_exported_program_and_onnx(tmp_path: Path) -> None:
    """Formats made by torch itself are recognised from real files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(net()).save(str(tmp_path / "s.pt"))
        torch.export.save(torch.export.export(net(), (torch.zeros(1, 2),)), tmp_path / "p.pt2")
    assert examine_file(tmp_path / "s.pt").kind == "torchscript"
    program = examine_file(tmp_path / "p.pt2")
    assert (program.kind, program.runs_code) == ("program", False)


def test_onnx_is_recognised(tmp_path: Path) -> None:
    """A real ONNX file is told with its maker."""
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info("x", 1, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [])
    onnx.save(onnx.helper.make_model(graph, producer_name="test"), tmp_path / "m.onnx")
    found = examine_file(tmp_path / "m.onnx")
    assert (found.kind, found.runs_code) == ("onnx", False)
    assert "made by test" in found.title


def test_a_distributed_checkpoint_folder_runs_code(tmp_path: Path) -> None:
    """Its .metadata is a pickle that loading opens without restriction."""
    (tmp_path / ".metadata").write_bytes(pickle.dumps(Touch(tmp_path / "mark")))
    (tmp_path / "__0_0.distcp").write_bytes(b"\0" * 10)
    found = examine_file(tmp_path)
    assert (found.kind, found.runs_code) == ("distributed-checkpoint", True)
    assert found.dangerous
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "lfs-pointer"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "web-page"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "hdf5"),
        (b"GGUF\x03\0\0\0", "gguf"),
        (b"\x1f\x8b\x08\0", "compressed"),
        (b"just a text about cats", "unknown"),
    ],
)
def test_other_files_are_recognised_by_their_first_bytes(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    """What is often found in the place of a model is called by its name."""
    (tmp_path / "model.pth").write_bytes(content)
    assert examine_file(tmp_path / "model.pth").kind == kind


def test_numpy_and_keras_archives(tmp_path: Path) -> None:
    """Zip archives of other libraries are not taken for torch's."""
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with zipfile.ZipFile(tmp_path / "k.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"\x89HDF")
    assert examine_file(tmp_path / "a.npz").kind == "npz"
    assert examine_file(tmp_path / "k.keras").kind == "keras"


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A pickle that would unpack to more than the bound is unknown, and read no further."""
    with (
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("b/data.pkl", "w", force_zip64=True) as file,
    ):
        for _ in range(80):
            file.write(b"N" * 2**20)
    found = examine_file(tmp_path / "b.pt")
    assert found.runs_code is None
    assert "too large" in found.says


def test_a_cut_off_archive_is_an_error(tmp_path: Path) -> None:
    """An interrupted download of a torch file is said to be cut off."""
    torch.save({"x": torch.ones(1000)}, tmp_path / "a.pt")
    whole = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="cut off"):
        examine_file(tmp_path / "a.pt")


def test_a_forged_table_of_contents_is_refused(tmp_path: Path) -> None:
    """A zip whose directory claims gigabytes is not read."""
    torch.save({"x": torch.ones(3)}, tmp_path / "a.pt")
    content = bytearray((tmp_path / "a.pt").read_bytes())
    at = content.rfind(b"PK\x05\x06")
    content[at + 12 : at + 16] = struct.pack("<I", 2**31)
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(ModelError, match="fill the memory"):
        examine_file(tmp_path / "a.pt")


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A missing path and an empty folder end in one message with the path."""
    with pytest.raises(ModelError, match="no such file"):
        examine_file(tmp_path / "gone.pt")
    with pytest.raises(ModelError, match="no model file"):
        examine_file(tmp_path)


def test_mutated_files_never_crash(tmp_path: Path) -> None:
    """Any flipped byte gives an answer or a ModelError, and never a promise that a bomb is safe."""
    mark = tmp_path / "mark"
    originals = []
    for new_format in (True, False):
        torch.save(Touch(mark), tmp_path / "x", _use_new_zipfile_serialization=new_format)
        originals.append((tmp_path / "x").read_bytes())
    save_file(net().state_dict(), tmp_path / "x")
    originals.append((tmp_path / "x").read_bytes())
    random = np.random.default_rng(0)
    for original in originals:
        for _ in range(150):
            content = bytearray(original)
            for at in random.integers(0, len(content), 3):
                content[at] = random.integers(0, 256)
            (tmp_path / "y.pt").write_bytes(content)
            try:
                examine_file(tmp_path / "y.pt")
            except ModelError:
                continue
    assert not mark.exists()


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real weight files here")
def test_real_weight_files_are_safe() -> None:
    """Weights as people publish them are recognised."""
    kinds = {path.name: examine_file(path) for path in SHARED.iterdir()}
    assert all(found.runs_code is False for found in kinds.values())
    assert kinds["resnet20-12fca82f.th"].kind == "torch-legacy"
