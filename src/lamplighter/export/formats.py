"""The formats, and the order of work: wrap, write aside, prove, and only then keep."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lamplighter.artifact import Artifact
from lamplighter.errors import RunFailed, UnknownName
from lamplighter.export import onnx, program
from lamplighter.export.deployed import Deployed, deploy
from lamplighter.export.parity import Agreement, agree, insist
from lamplighter.export.readme import ONNX_README, PROGRAM_README
from lamplighter.predict import Model
from lamplighter.run_folder import write_atomically


class _Format(Protocol):
    def need_packages(self) -> None: ...
    def write(self, deployed: Deployed, artifact: Artifact, file: Path) -> None: ...
    def opened(self, file: Path) -> Callable[[np.ndarray], np.ndarray]: ...


@dataclass(frozen=True)
class Row:
    """One format: the module that writes and opens it, its file's name, its README."""

    room: _Format
    file: str
    readme: Callable[[Artifact], str]


FORMATS: dict[str, Row] = {
    "onnx": Row(onnx, "model.onnx", ONNX_README),
    "program": Row(program, "model.pt2", PROGRAM_README),
}


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        file: the model in the other format.
        readme: how to run it, beside it.
        agreement: the proof.
    """

    file: Path
    readme: Path
    agreement: Agreement

    def as_json(self) -> dict[str, Any]:
        """The stable form of `--json`."""
        return {
            "file": str(self.file),
            "readme": str(self.readme),
            "bytes": self.file.stat().st_size,
            **self.agreement.as_json(),
        }


def row_of(to: str) -> Row:
    """The format of that name, with its packages at hand.

    Raises:
        UsageError: no such format, or a package is missing.
    """
    if to not in FORMATS:
        raise UnknownName("format", to, FORMATS, where="--to", fix="--to onnx or --to program")
    FORMATS[to].room.need_packages()
    return FORMATS[to]


def export(
    model: Model,
    to: str,
    folder: Path,
    squares: Sequence[np.ndarray],
    names: Sequence[str],
    kind: str,
) -> Exported:
    """Writes a model in another format and proves on pictures that it agrees.

    Args:
        model: what `lamp.load` gave.
        to: a key of `FORMATS`.
        folder: gets the file and its README; made if missing. Left alone unless they agree.
        squares: uint8 [S, S, C] each: pictures for the proof, as `Model.square` gives them.
        names: of the pictures.
        kind: which pictures these are, in words.

    Raises:
        UsageError: an unknown format, or its packages are missing.
        ModelError: the network cannot be written in that format.
        AnswerIsNo: the file answers otherwise than the model.
        RunFailed: it cannot be written there.
    """
    row = row_of(to)
    deployed = deploy(model.module, model.artifact)
    with tempfile.TemporaryDirectory(prefix="lamp-export-") as aside:
        written = Path(aside) / row.file
        row.room.write(deployed, model.artifact, written)
        agreement = agree(model, row.room.opened(written), squares, names, kind)
        insist(agreement, row.file)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFailed(
                f"the folder cannot be made: {error.strerror or error}",
                where=folder,
                fix="choose another --out",
            ) from error
        write_atomically(folder / row.file, written.read_bytes())
    write_atomically(folder / "README.md", row.readme(model.artifact).encode())
    return Exported(folder / row.file, folder / "README.md", agreement)
