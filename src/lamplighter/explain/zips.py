"""Model files that are zip archives: torch's own, TorchScript, exported programs, Keras, NumPy."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from pathlib import Path

from lamplighter.errors import ModelError
from lamplighter.explain.archive_verdicts import LAMBDA, MODULE, outside, tell_keras, tell_slips
from lamplighter.explain.model_file import ModelFile
from lamplighter.explain.pickles import PickleContents, read_pickle

MOST_PICKLE = 64 * 2**20
MOST_TOGETHER = 256 * 2**20
MOST_DIRECTORY = 64 * 2**20
MOST_PICKLES = 1000
SHORTEST_ARCHIVE = 22
_OF_TORCH = ("torch", "torch-legacy", "program")


def examine_zip(path: Path) -> ModelFile:
    """Says which kind of model archive it is and what its pickles would import.

    Raises:
        ModelError: the archive is damaged, or made to fill the memory.
    """
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist()]
            found = _read_pickles(archive, path)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise ModelError(
            f"it begins as a zip archive and is damaged: {error}",
            where=path,
            fix="fetch the file again, or take the checkpoint before it",
        ) from error
    return _tell(path, names, found)


def _check_directory(path: Path) -> None:
    """Refuses a directory of contents too large to be read; zipfile would read it whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 65_557 - 20))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < SHORTEST_ARCHIVE:
        raise ModelError(
            "it begins as a zip archive and its end is missing: it is cut off",
            where=path,
            fix="fetch the file again, or take the checkpoint before it",
        )
    (length,) = struct.unpack("<I", tail[at + 12 : at + 16])
    if length == 0xFFFFFFFF and (far := tail.rfind(b"PK\x06\x07", 0, at)) >= 0:
        (record,) = struct.unpack("<Q", tail[far + 8 : far + 16])
        with path.open("rb") as file:
            file.seek(min(record, size))
            whole = file.read(56)
        if len(whole) == 56:
            (length,) = struct.unpack("<Q", whole[40:48])
    if length > MOST_DIRECTORY:
        raise ModelError(
            f"its table of contents would take {length:,} bytes: it is made to fill the memory",
            where=path,
            fix="do not open it",
        )


def _read_pickles(archive: zipfile.ZipFile, path: Path, depth: int = 0) -> list[PickleContents]:
    """All pickles in the archive, and in archives inside it, each within bounds."""
    found: list[PickleContents] = []
    together = 0
    for entry in archive.infolist():
        with archive.open(entry) as file:
            start = file.read(4)
            is_pickle = entry.filename.endswith((".pkl", ".pickle")) or start[:2] in (
                b"\x80\x02",
                b"\x80\x03",
                b"\x80\x04",
                b"\x80\x05",
            )
            is_zip = start == b"PK\x03\x04" and depth < 2
            if _is_values(entry.filename) or not (is_pickle or is_zip):
                continue
            rest = file.read(MOST_PICKLE + 1)
        together += len(rest)
        if len(rest) > MOST_PICKLE or together > MOST_TOGETHER or len(found) >= MOST_PICKLES:
            found.append(
                PickleContents((), 0, (), False, f"{entry.filename} is too large to be read")
            )
            break
        if is_zip:
            with zipfile.ZipFile(io.BytesIO(start + rest)) as inner:
                found += _read_pickles(inner, path, depth + 1)
        else:
            found.append(read_pickle(start + rest))
    return found


def _is_values(name: str) -> bool:
    """Raw tensor values, "…/data/12": torch reads them as bytes, whatever they begin with."""
    parts = name.split("/")
    return len(parts) >= 2 and parts[-2] == "data" and parts[-1].isdigit()


def _tell(path: Path, names: list[str], found: list[PickleContents]) -> ModelFile:
    tails = {name.partition("/")[2] for name in names} | set(names)
    slips = [name for name in names if outside(name)]
    if slips:
        return tell_slips(path, "zip", slips)
    together = _join(found)
    if "constants.pkl" in tails:
        return _script(path, together)
    if any(tail.startswith("models/") for tail in tails) and "archive_format" in tails:
        return _program(path, together)
    if "data.pkl" in tails:
        return tell_pickle(path, together, "torch", "torch")
    if "model.weights.h5" in tails:
        return _keras(path)
    if names and all(name.endswith(".npy") for name in names):
        return _arrays(path, names)
    if found:
        return tell_pickle(path, together, "a zip archive with pickles", "zip")
    return ModelFile(
        str(path), "zip", "a zip archive, no model format that is known", None,
        f"{len(names)} files, such as {', '.join(names[:3])}.",
        fix="unpack it, then: lamp doctor FOLDER", size=path.stat().st_size,
    )  # fmt: skip


def _join(found: list[PickleContents]) -> PickleContents:
    faults = [one.fault for one in found if one.fault]
    return PickleContents(
        tuple(dict.fromkeys(name for one in found for name in one.imports)),
        sum(one.tensors for one in found),
        tuple(name for one in found for name in one.names),
        not faults,
        faults[0] if faults else "",
        len(found),
    )


def _keras(path: Path) -> ModelFile:
    with zipfile.ZipFile(path) as archive:
        if "config.json" not in archive.namelist():
            raise ModelError(
                "its config.json is missing: the file is damaged",
                where=path,
                fix="fetch the file again",
            )
        with archive.open("config.json") as file:
            config = file.read(MOST_PICKLE)
    modules = list(dict.fromkeys(m[1].decode() for m in MODULE.finditer(config)))
    return tell_keras(path, "keras", bool(LAMBDA.search(config)), modules, True)


def _arrays(path: Path, names: list[str]) -> ModelFile:
    """A .npz; an array of objects in it holds a pickle."""
    objects = []
    with zipfile.ZipFile(path) as archive:
        for name in names:
            with archive.open(name) as file:
                if re.search(rb"'descr':\s*'\|?O", file.read(512)):
                    objects.append(name)
    if objects:
        return ModelFile(
            str(path), "npz", "NumPy arrays of Python objects (.npz)", True,
            f"{', '.join(objects[:5])} hold pickles, which numpy.load(allow_pickle=True) runs.",
            fix="numpy.load(path, allow_pickle=False), which refuses them", size=path.stat().st_size,
        )  # fmt: skip
    return ModelFile(
        str(path), "npz", "NumPy arrays (.npz)", False,
        f"{len(names)} arrays. numpy.load opens arrays of numbers without code; leave allow_pickle off.",
        fix="numpy.load(path, allow_pickle=False)", size=path.stat().st_size,
    )  # fmt: skip


_FILE_OPS = re.compile(
    rb"\btorch\.(?:save|from_file)\(|\bops\.(?!prim\b|aten\b|quantized\b|torchvision\b)\w+"
)


def _script(path: Path, found: PickleContents) -> ModelFile:
    """A TorchScript archive, by its own program's text.

    torch.jit.load runs every `__setstate__` in it (seen with torch 2.14: one that called torch.save
    wrote a file); the rest runs when the model is called.
    """
    dangerous = [n for n in found.dangerous if not n.startswith("__torch__")]
    code = _code_of(path)
    dangerous += sorted({match.decode().rstrip("(") for match in _FILE_OPS.findall(code)})
    at_once = b"def __setstate__(" in code
    told = "It brings a program in TorchScript. " + (
        "Part of it (__setstate__) runs while it is opened. " if at_once else "Opening it runs none of that; calling the model does. "
    )  # fmt: skip
    if dangerous:
        told += f"It uses {', '.join(dangerous[:5])}, which reach beyond tensors: files or other libraries."
    elif at_once:
        told += "TorchScript as it stands there works on tensors only."
    return ModelFile(
        str(path), "torchscript", "a TorchScript model", bool(dangerous) or at_once, told,
        imports=found.imports, dangerous=tuple(dangerous),
        fix="do not open it unless you trust who made it" if dangerous else "torch.jit.load(path)", size=path.stat().st_size,
    )  # fmt: skip


def _code_of(path: Path) -> bytes:
    """The text of the program in a TorchScript archive, within bounds."""
    texts: list[bytes] = []
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if "/code/" in entry.filename and entry.filename.endswith(".py"):
                with archive.open(entry) as file:
                    texts.append(file.read(MOST_PICKLE))
                if sum(map(len, texts)) > MOST_TOGETHER:
                    raise ModelError(
                        "its program is too large to be read", where=path, fix="do not open it"
                    )
    return b"\n".join(texts)


def _program(path: Path, found: PickleContents) -> ModelFile:
    if found.complete and not found.foreign:
        return ModelFile(
            str(path), "program", "an exported program (torch.export, .pt2)", False,
            "A graph of torch operations with its weights. Its pickles hold tensors only.",
            imports=found.imports, fix="torch.export.load(path)", size=path.stat().st_size,
        )  # fmt: skip
    # torch.export.load falls back to full unpickling for what the safe mode refuses
    told = tell_pickle(path, found, "torch", "program")
    return ModelFile(
        str(path), "program", "an exported program (torch.export, .pt2)",
        None if told.runs_code is False else told.runs_code,
        "torch.export.load unpickles parts of it without restriction. " + told.says,
        imports=found.imports, dangerous=found.dangerous,
        fix="do not open it unless you trust who made it", size=path.stat().st_size,
    )  # fmt: skip


def tell_pickle(path: Path, found: PickleContents, by: str, kind: str) -> ModelFile:
    """Judges a pickle by what it would import.

    Args:
        path: the file.
        found: what was read of its pickles.
        by: the format, for people.
        kind: the format, stable.
    """
    size = path.stat().st_size
    of_torch = kind in _OF_TORCH
    if found.dangerous:
        return ModelFile(
            str(path), kind, f"a file that would run programs ({by})", True,
            f"Opening it would call {', '.join(found.dangerous[:5])}: no model needs that. It is an attack, or a bad joke.",
            imports=found.imports, dangerous=found.dangerous,
            fix="delete it; do not open it with torch.load(weights_only=False), pickle or joblib", size=size,
        )  # fmt: skip
    if not found.complete:
        return ModelFile(
            str(path), kind, f"a pickle that cannot be read to its end ({by})", None,
            f"{found.fault}. So it cannot be said what opening it would do.",
            imports=found.imports, fix="torch.load(path, weights_only=True) at most", size=size,
        )  # fmt: skip
    if found.foreign:
        modules = ", ".join(found.foreign[:5]) + (", …" if len(found.foreign) > 5 else "")
        return ModelFile(
            str(path), kind, f"a pickle with objects of classes, not weights alone ({by})", True,
            (
                "torch.load refuses it unless weights_only=False is given (before 2.6 it did not). Then it"
                if of_torch
                else "Opening it"
            )
            + f" imports {modules} and runs their code; its maker could have named any other.",
            imports=found.imports,
            fix="ask its maker for torch.save(model.state_dict()) or safetensors; weights_only=False only if you made it",
            size=size,
        )  # fmt: skip
    return _plain_values(path, found, by, kind)


def _plain_values(path: Path, found: PickleContents, by: str, kind: str) -> ModelFile:
    of_torch = kind in _OF_TORCH
    weights = f"{found.tensors} tensors" if found.tensors else "plain values"
    prefix = "module." if found.names and all(n.startswith("module.") for n in found.names) else ""
    wrapped = f" All names begin with {prefix!r}: saved from DataParallel." if prefix else ""
    return ModelFile(
        str(path), kind, f"weights ({by}: a state dict)" if of_torch else f"plain values ({by})", False,
        f"{weights}, and nothing that runs code when it is opened with weights_only=True.{wrapped}",
        imports=found.imports,
        fix="torch.load(path, weights_only=True)" + (f", or lamp train … --weights {path.name}" if of_torch else ""),
        size=path.stat().st_size,
    )  # fmt: skip
