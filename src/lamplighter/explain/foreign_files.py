"""Model files of other libraries, judged by what their text says: Keras, HDF5, TensorFlow, NumPy, tar.

They are searched as bytes within bounds; none of these libraries is imported.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lamplighter.errors import ModelError
from lamplighter.explain.archive_verdicts import LAMBDA, MODULE, outside, tell_keras, tell_slips
from lamplighter.explain.model_file import ModelFile
from lamplighter.explain.pickles import read_pickle
from lamplighter.explain.zips import MOST_PICKLE, tell_pickle

MOST_SEARCHED = 4 * 2**30
CHUNK, OVERLAP = 2**24, 2**12
MOST_MEMBERS = 20_000
MOST_UNPACKED = 256 * 2**20

_CONFIG = re.compile(rb'"class_name":\s*"(?:Sequential|Functional|Model)"|model_config')
# operations that read, write or call Python; source: TensorFlow's SECURITY.md, "models are programs"
_OPS = re.compile(
    rb"\b(WriteFile|ReadFile|MatchingFiles|EagerPyFunc|PyFunc|PyFuncStateless|SaveV2Slices|"
    rb"WriteGraphSummary|LoadLibrary|DebugIdentityV\d|PrintV2)\b"
)


def found_in(path: Path, *patterns: re.Pattern[bytes]) -> list[list[str]]:
    """For each pattern what it matches in a file, in order, a few of each."""
    found: list[list[str]] = [[] for _ in patterns]
    searched, before = 0, b""
    with path.open("rb") as file:
        while (chunk := file.read(CHUNK)) and searched < MOST_SEARCHED:
            searched += len(chunk)
            text = before + chunk
            for kept, pattern in zip(found, patterns, strict=True):
                for match in pattern.finditer(text):
                    told = (match[1] if pattern.groups else match[0]).decode("latin-1")
                    if told not in kept and len(kept) < 20:
                        kept.append(told)
            before = text[-OVERLAP:]
    return found


def hdf5(path: Path, _start: bytes) -> ModelFile:
    """An HDF5 file: arrays, or a Keras model that may bring Python bytecode."""
    lambdas, modules, configs = found_in(path, LAMBDA, MODULE, _CONFIG)
    return tell_keras(path, "hdf5", bool(lambdas), modules, bool(configs))


def is_saved_model(path: Path, start: bytes) -> bool:
    """A TensorFlow SavedModel's protobuf: schema version 1, then graphs."""
    return start[:3] == b"\x08\x01\x12" and (
        path.name == "saved_model.pb" or bool(found_in(path, re.compile(rb"saved_model_main_op|tensorflow|serve\b"))[0])
    )  # fmt: skip


def saved_model(path: Path, _start: bytes) -> ModelFile:
    """A SavedModel: a graph that TensorFlow runs, in part already when it is loaded."""
    (ops,) = found_in(path, _OPS)
    beside = path.parent / "keras_metadata.pb"
    lambdas = found_in(beside, LAMBDA)[0] if beside.is_file() else []
    if ops or lambdas:
        has = [*ops, *(["Lambda layers with Python bytecode"] if lambdas else [])]
        return ModelFile(
            str(path), "saved-model", "a TensorFlow SavedModel", True,
            f"Its graph has {', '.join(has[:6])}: it reads or writes files, or calls Python, when it is loaded or called.",
            dangerous=tuple(ops), fix="open it only in a container without files and network", size=path.stat().st_size,
        )  # fmt: skip
    return ModelFile(
        str(path), "saved-model", "a TensorFlow SavedModel", False,
        "A graph of TensorFlow operations; none that touches files or calls Python was found. "
        "TensorFlow runs parts of it while loading.",
        fix="tf.saved_model.load(folder)", size=path.stat().st_size,
    )  # fmt: skip


def npy(path: Path, start: bytes) -> ModelFile:
    """One NumPy array; one of objects holds a pickle."""
    head = start[:512]
    if b"'descr'" in head and re.search(rb"'descr':\s*'\|?O", head):
        with path.open("rb") as file:
            data = file.read(MOST_PICKLE)
        at = data.find(b"\n") + 1
        return tell_pickle(path, read_pickle(data[at:]), "a NumPy array of objects", "npy")
    return ModelFile(
        str(path), "npy", "a NumPy array (.npy)", False, "Numbers and no code.",
        fix="numpy.load(path, allow_pickle=False)", size=path.stat().st_size,
    )  # fmt: skip


def tar(path: Path, _start: bytes) -> ModelFile:
    """A tar archive, by the names and pickles in it; nothing is unpacked to disk."""
    names: list[str] = []
    slips: list[str] = []
    imports: list[str] = []
    dangerous: list[str] = []
    pickles = unpacked = 0
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                names.append(member.name)
                unpacked += member.size
                link = str(PurePosixPath(member.name).parent / member.linkname)
                if outside(member.name) or (member.islnk() and outside(member.linkname)):
                    slips.append(member.name)
                elif member.issym() and (outside(member.linkname, up=True) or outside(link)):
                    slips.append(f"{member.name} → {member.linkname}")
                if len(names) >= MOST_MEMBERS or unpacked > MOST_UNPACKED:
                    break
                file = archive.extractfile(member) if member.isfile() else None
                start = file.read(2) if file else b""
                if file and (start in _PICKLED or member.name.endswith((".pkl", "pickle"))):
                    found = read_pickle(start + file.read(MOST_PICKLE), several=5)
                    pickles += 1
                    imports += found.foreign
                    dangerous += found.dangerous
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        if not names:
            return _packed(path)
        raise ModelError(
            f"the archive is damaged: {error}", where=path, fix="fetch the file again"
        ) from error
    return _tell_tar(path, names, slips, imports, dangerous, pickles)


_PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def _tell_tar(
    path: Path,
    names: list[str],
    slips: list[str],
    imports: list[str],
    dangerous: list[str],
    pickles: int,
) -> ModelFile:
    size = path.stat().st_size
    if slips:
        return tell_slips(path, "tar", slips)
    if imports:
        return ModelFile(
            str(path), "tar", "a tar archive with pickles that run code", True,
            f"Opening what is inside imports {', '.join(imports[:5])} and runs their code.",
            imports=tuple(dict.fromkeys(imports)), dangerous=tuple(dict.fromkeys(dangerous)),
            fix="do not open what is inside with pickle, joblib or torch.load(weights_only=False)", size=size,
        )  # fmt: skip
    told = f", {pickles} pickles with plain values" if pickles else ""
    return ModelFile(
        str(path), "tar", "a tar archive", False,
        f"{len(names):,} files ({', '.join(names[:3])}{', …' if len(names) > 3 else ''}){told}; all of them stay within the folder.",
        fix='tarfile.open(path).extractall(FOLDER, filter="data"), then: lamp doctor FOLDER', size=size,
    )  # fmt: skip


def _packed(path: Path) -> ModelFile:
    """One compressed file, such as joblib and pickle make them."""
    data = next(_unpacked(path), b"")
    if data[:1] == b"\x80" or read_pickle(data[:4096]).imports:
        return tell_pickle(
            path, read_pickle(data), "a compressed pickle, joblib's perhaps", "pickle"
        )
    return ModelFile(
        str(path), "compressed", "a compressed file", None, "What is inside is no model format that is known.",
        fix="unpack it, then: lamp doctor FILE", size=path.stat().st_size,
    )  # fmt: skip


def _unpacked(path: Path) -> Iterator[bytes]:
    for opener in (gzip.open, bz2.open, lzma.open):
        try:
            with opener(path) as file:
                yield bytes(file.read(MOST_PICKLE))
        except (OSError, EOFError, lzma.LZMAError, zlib.error):
            continue
    with path.open("rb") as plain:
        start = plain.read(MOST_PICKLE)
    try:
        yield zlib.decompressobj().decompress(start, MOST_PICKLE)
    except zlib.error:
        return


def is_zlib(start: bytes) -> bool:
    """joblib's default compression: a zlib stream."""
    return len(start) > 2 and start[0] == 0x78 and int.from_bytes(start[:2], "big") % 31 == 0


def compressed(path: Path, _start: bytes) -> ModelFile:
    """A zlib stream."""
    return _packed(path)
