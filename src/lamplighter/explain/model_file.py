"""What is said of one model file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file, judged from outside.

    Args:
        path: the file or folder.
        kind: stable, such as "artifact", "safetensors", "torch", "torch-legacy", "torchscript",
            "program", "onnx", "hdf5", "pickle", "distributed-checkpoint", "unknown".
        title: what it is, in a few words.
        runs_code: whether opening it in the usual way would run code that it brings or names;
            None if that cannot be said.
        says: what is in it, and what opening it does.
        imports: what its pickles would import.
        dangerous: those imports that give power over the machine.
        fix: how to open it, or what to do instead.
        size: bytes.
    """

    path: str
    kind: str
    title: str
    runs_code: bool | None
    says: str
    imports: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()
    fix: str = ""
    size: int = 0

    @property
    def verdict(self) -> str:
        """ "safe", "runs code" or "unknown"."""
        return {False: "safe", True: "runs code", None: "unknown"}[self.runs_code]

    def as_json(self) -> dict[str, Any]:
        """The form that `lamp doctor FILE --json` prints."""
        return {
            "path": self.path,
            "kind": self.kind,
            "title": self.title,
            "verdict": self.verdict,
            "runs_code": self.runs_code,
            "says": self.says,
            "imports": list(self.imports),
            "dangerous": list(self.dangerous),
            "fix": self.fix,
            "size": self.size,
        }


def worst(files: Sequence[ModelFile]) -> ModelFile | None:
    """The file that is most to be feared: it runs code, or nobody can say."""
    order = {True: 0, None: 1, False: 2}
    return min(files, key=lambda file: (order[file.runs_code], not file.dangerous), default=None)
