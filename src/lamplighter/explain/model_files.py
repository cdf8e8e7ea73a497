"""What a model file is, and whether opening it would run code: said without opening it.

Formats are told by their first bytes, headers are parsed within bounds, pickles are read opcode by
opcode. Nothing is unpickled, imported, or unpacked to disk.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamplighter.errors import ModelError
from lamplighter.explain import foreign_files
from lamplighter.explain.model_file import ModelFile, worst
from lamplighter.explain.pickles import PickleContents, read_pickle
from lamplighter.explain.zips import MOST_PICKLE, examine_zip, tell_pickle

MOST_HEADER = 100 * 2**20  # the limit of the safetensors library itself
MOST_FILES = 200

_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_TORCH_LEGACY_PICKLES = 5


def examine_file(path: str | Path) -> ModelFile:
    """Says what a model file or checkpoint folder is and whether opening it would run code.

    Args:
        path: a file or folder, from anybody.

    Raises:
        ModelError: there is no such path, or it cannot be read.
    """
    place = Path(path)
    try:
        if place.is_dir():
            return _examine_folder(place)
        if not place.exists():
            raise ModelError("there is no such file or folder", where=place, fix="ls")
        if not place.is_file():
            raise ModelError(
                "this is no ordinary file", where=place, fix="give a file, or a folder with one"
            )
        with place.open("rb") as file:
            start = file.read(512)
        return _examine(place, start)
    except OSError as error:
        raise ModelError(
            f"it cannot be read: {error.strerror or error}",
            where=place,
            fix="give a file that you may read",
        ) from error


def _examine(path: Path, start: bytes) -> ModelFile:
    for belongs, tell in _FORMATS:
        if belongs(start):
            return tell(path, start)
    # before pickles: a header of 128 bytes begins as a pickle does, but the zeros of its length
    # are no opcodes, so that no file can be both
    if _is_safetensors(start):
        return _safetensors(path, start)
    if start[:1] == b"\x80" or _looks_like_old_pickle(start):
        return _pickle(path, start)
    if foreign_files.is_saved_model(path, start):
        return foreign_files.saved_model(path, start)
    if _is_onnx(start):
        return _onnx(path, start)
    return ModelFile(
        str(path),
        "unknown",
        "no model format that is known",
        None,
        f"It begins with {start[:16]!r}. Nothing can be said about what opening it would do.",
        fix="do not open it with torch.load or pickle unless you made it yourself",
        size=path.stat().st_size,
    )


def _examine_folder(folder: Path) -> ModelFile:
    """A checkpoint folder: as dangerous as the most dangerous file in it."""
    files: list[Path] = []
    for found in sorted(folder.rglob("*")):
        if len(files) >= MOST_FILES:
            break
        if found.is_file() and not found.is_symlink() and _may_be_model(found):
            files.append(found)
    parts = [examine_file(file) for file in files]
    if not parts:
        raise ModelError("the folder holds no model file", where=folder, fix="lamp doctor FILE")
    kind, title = next(
        (kind, title) for name, kind, title in _FOLDERS if not name or (folder / name).is_file()
    )
    listed = "; ".join(f"{Path(p.path).name}: {p.title}" for p in parts[:8])
    more = f"; and {len(parts) - 8} more" if len(parts) > 8 else ""
    bad = worst(parts)
    says = f"{len(parts)} model files ({listed}{more})."
    if (folder / ".metadata").is_file():
        says += " Loading unpickles .metadata."
    if bad is not None and bad.runs_code is not False:
        says += f" {Path(bad.path).name}: {bad.says}"
    return ModelFile(
        str(folder),
        kind,
        title,
        bad.runs_code if bad is not None else False,
        says,
        imports=tuple(dict.fromkeys(name for p in parts for name in p.imports)),
        dangerous=tuple(dict.fromkeys(name for p in parts for name in p.dangerous)),
        fix=bad.fix if bad is not None else "",
        size=sum(p.size for p in parts),
    )


# the file that tells which kind of folder it is; the last row is any other
_FOLDERS = (
    (".metadata", "distributed-checkpoint", "a checkpoint folder of torch.distributed.checkpoint"),
    ("recipe.toml", "run", "a run folder of Lamplighter"),
    ("saved_model.pb", "saved-model", "a TensorFlow SavedModel"),
    ("config.json", "model-folder", "a model folder with config.json (Hugging Face)"),
    ("", "folder", "a folder with model files"),
)


def _may_be_model(file: Path) -> bool:
    endings = {
        ".safetensors", ".pt", ".pth", ".th", ".ckpt", ".bin", ".pkl", ".pickle", ".onnx", ".pt2",
        ".h5", ".hdf5", ".keras", ".distcp", ".pb", ".joblib", ".tar", ".model", ".npz", ".gguf",
    }  # fmt: skip
    return file.suffix.lower() in endings or file.name == ".metadata"


def _looks_like_old_pickle(start: bytes) -> bool:
    """Protocol 0 or 1, which has no header: begins with an import, a list or a dictionary."""
    if start[:2] in (b"(d", b"(l", b"(i", b"(t", b"(c"):
        return True
    if start[:1] not in b"c}](IFVSNLKMJGUX)" or not start:
        return False
    found = read_pickle(start)
    return found.imports != () or (found.complete and len(start) < 512)


def _pickle(path: Path, start: bytes) -> ModelFile:
    with path.open("rb") as file:
        data = file.read(MOST_PICKLE)
    legacy = _LEGACY_MAGIC in start[:32]
    found = read_pickle(data, several=_TORCH_LEGACY_PICKLES if legacy else 1)
    if legacy:
        return tell_pickle(path, found, "torch's old format", "torch-legacy")
    if path.name == ".metadata":
        return tell_pickle(path, found, "metadata of torch.distributed.checkpoint", "dcp-metadata")
    return _bare_pickle(path, found)


def _bare_pickle(path: Path, found: PickleContents) -> ModelFile:
    """A pickle that torch did not make: its loaders know no safe mode."""
    told = tell_pickle(path, found, "a Python pickle", "pickle")
    if told.runs_code is False and not found.imports:
        return told
    if told.runs_code is False:
        return ModelFile(
            told.path,
            "pickle",
            "a Python pickle",
            False,
            f"It imports only {', '.join(found.imports[:5])}.",
            imports=found.imports,
            fix="torch.load(path, weights_only=True)",
            size=told.size,
        )
    return told


def _is_safetensors(start: bytes) -> bool:
    if len(start) < 9:
        return False
    (length,) = struct.unpack("<Q", start[:8])
    return 2 <= length <= 2**40 and start[8:].lstrip()[:1] == b"{"


def _safetensors(path: Path, start: bytes) -> ModelFile:
    (length,) = struct.unpack("<Q", start[:8])
    size = path.stat().st_size
    if length > size - 8 or length > MOST_HEADER:
        raise ModelError(
            f"its header claims {length:,} bytes and the file has {size:,}: it is cut off or forged",
            where=path,
            fix="fetch the file again",
        )
    with path.open("rb") as file:
        file.seek(8)
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            "its header is no JSON: the file is damaged", where=path, fix="copy it again"
        ) from error
    if not isinstance(header, dict):
        raise ModelError(
            "its header is no table of tensors: the file is damaged",
            where=path,
            fix="copy it again",
        )
    metadata = header.pop("__metadata__", None)
    ends = [t["data_offsets"][1] for t in header.values() if _is_tensor(t)]
    if len(ends) != len(header) or max(ends, default=0) != size - 8 - length:
        raise ModelError(
            f"its tensors need {max(ends, default=0):,} bytes and {size - 8 - length:,} are there: "
            "the file is cut off or has something appended",
            where=path,
            fix="fetch the file again",
        )
    return _tell_safetensors(path, header, metadata if isinstance(metadata, dict) else {}, size)


def _is_tensor(entry: Any) -> bool:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    return (
        isinstance(offsets, list)
        and len(offsets) == 2
        and all(isinstance(o, int) and o >= 0 for o in offsets)
        and isinstance(entry.get("shape"), list)
    )


def _tell_safetensors(
    path: Path, header: dict[str, Any], metadata: dict[str, Any], size: int
) -> ModelFile:
    numbers = sum(_product(tensor["shape"]) for tensor in header.values())
    plain = f"{len(header)} tensors with {numbers:,} values and no code."
    ours = _own_metadata(metadata)
    if ours is None:
        return ModelFile(
            str(path), "safetensors", "weights (safetensors)", False,
            f"{plain} The network that they belong to is not in the file.",
            fix=f"lamp train … --weights {path.name}", size=size,
        )  # fmt: skip
    classes = ours.get("classes")
    count = len(classes) if isinstance(classes, list) else 0
    network = _network_name(ours.get("architecture"))
    about = f" {network}" if network else ""
    told = f" for {count} classes" if count else ""
    return ModelFile(
        str(path), "artifact", "a model of Lamplighter", False,
        f"{plain[:-1]}:{about}{told}. Loading it runs no code; an own class is imported only where it is named.",
        fix=f"lamp predict {path} PICTURE", size=size,
    )  # fmt: skip


def _own_metadata(metadata: dict[str, Any]) -> dict[str, Any] | None:
    try:
        ours = json.loads(metadata["lamplighter"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return ours if isinstance(ours, dict) else None


def _network_name(architecture: Any) -> str:
    if isinstance(architecture, str):
        return architecture[:80]
    if isinstance(architecture, dict):
        return str(architecture.get("name", architecture.get("class", "")))[:80]
    return ""


def _product(shape: list[Any]) -> int:
    product = 1
    for number in shape:
        product *= number if isinstance(number, int) and number >= 0 else 0
    return product


def _is_onnx(start: bytes) -> bool:
    """A protobuf that begins with ir_version and goes on with producer, graph or operator sets."""
    return (
        len(start) > 4
        and start[0] == 0x08
        and start[1] < 0x20
        and start[2] in (0x12, 0x1A, 0x3A, 0x42)
    )


def _onnx(path: Path, start: bytes) -> ModelFile:
    producer = ""
    if start[2] == 0x12 and start[3] < 0x60:
        producer = start[4 : 4 + start[3]].decode("utf-8", "replace")
    beside = f"{path.name}.data"
    external = (
        f" Its weights lie in {beside} beside it." if (path.parent / beside).is_file() else ""
    )
    made = f", made by {producer}" if producer.isprintable() and producer else ""
    return ModelFile(
        str(path), "onnx", f"an ONNX model{made}", False,
        "It describes a calculation and holds no Python code. It may name data files and "
        f"custom operators; a runtime loads those only where they are given.{external}",
        fix='onnxruntime.InferenceSession("' + path.name + '")', size=path.stat().st_size,
    )  # fmt: skip


def _told(
    kind: str, title: str, runs: bool | None, says: str, fix: str
) -> Callable[[Path, bytes], ModelFile]:
    def tell(path: Path, _start: bytes) -> ModelFile:
        return ModelFile(str(path), kind, title, runs, says, fix=fix, size=path.stat().st_size)

    return tell


def _text_page(start: bytes) -> bool:
    return start.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml"))


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[Path, bytes], ModelFile]], ...] = (
    (
        lambda start: not start,
        _told("empty", "an empty file", False, "It holds nothing: an interrupted save or download.", "fetch the file again"),
    ),
    (lambda start: start[:4] in (b"PK\x03\x04", b"PK\x05\x06"), lambda path, _: examine_zip(path)),
    (lambda start: start.startswith(b"\x89HDF\r\n\x1a\n"), foreign_files.hdf5),
    (lambda start: start.startswith(b"\x93NUMPY"), foreign_files.npy),
    (
        lambda start: start[4:8] == b"TFL3",
        _told("tflite", "a TensorFlow Lite model", False, "A graph of operations with its weights and no Python code.", "tf.lite.Interpreter(path)"),
    ),
    (
        lambda start: start.startswith(b"version https://git-lfs"),
        _told("lfs-pointer", "a Git LFS pointer, not the model itself", False, "The real file was not fetched.", "git lfs pull"),
    ),
    (
        _text_page,
        _told("web-page", "a web page, not a model", False, "The download gave a page (an error, a login) in place of the file.", "download it again, by its direct address"),
    ),
    (
        lambda start: start.startswith(b"GGUF"),
        _told("gguf", "a GGUF model (llama.cpp)", False, "It holds weights and settings and no Python code.", "llama.cpp opens it"),
    ),
    (lambda start: start[257:262] == b"ustar", foreign_files.tar),
    (
        lambda start: start[:2] == b"\x1f\x8b" or start[:6] == b"\xfd7zXZ\x00" or start[:3] == b"BZh",
        foreign_files.tar,
    ),
    (
        lambda start: start[:6] == b"7z\xbc\xaf'\x1c",
        _told("compressed", "a 7z archive", None, "Its contents were not read.", "unpack it, then: lamp doctor FOLDER"),
    ),
    (foreign_files.is_zlib, foreign_files.compressed),
)  # fmt: skip
