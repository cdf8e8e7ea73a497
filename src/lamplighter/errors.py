"""Every error that Lamplighter raises on purpose, as one tree.

LamplighterError            exit code
├── UsageError              2   a flag, a recipe or a name is wrong
│   ├── RecipeError         2   one or more recipe keys or values are wrong, all told at once
│   └── UnknownName         2   a name that is in no table, with the nearest ones
├── DataError               3   the data cannot be used
├── ModelError              4   the network, its weights or an artifact cannot be used
│   └── ArtifactError       4   a model file of ours is damaged, foreign or of another version
│       └── NotProved       4   a model file just made does not answer as what was trained
├── RunFailed               5   the training or another long job could not go on
├── AnswerIsNo              1   the work was done and the answer is no (findings, no agreement)
└── Interrupted           130   the person stopped it

A message says what was found and what was expected; `where` says where; `fix` is the next thing
to type or change. Foreign exceptions are translated at the edge where they arise.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LamplighterError(Exception):
    """Base of the tree.

    Args:
        message: what was found and what was expected, one or two sentences.
        where: file, folder, flag, row or layer it is about; empty if there is none.
        fix: the next command or change; empty if there is none.
    """

    kind = "error"
    exit_code = 1

    def __init__(self, message: str, *, where: object = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = str(where)
        self.fix = fix

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        fix = f"\n{self.fix}" if self.fix else ""
        return f"{where}{self.message}{fix}"

    def as_json(self) -> dict[str, str]:
        """The stable form that `--json` prints under `error`."""
        return {"kind": self.kind, "message": self.message, "where": self.where, "fix": self.fix}


class UsageError(LamplighterError):
    """A flag or an argument is wrong."""

    kind = "usage"
    exit_code = 2


class RecipeError(UsageError):
    """Recipe keys or values are wrong; `faults` lists each as (key, what is wrong)."""

    kind = "recipe"

    def __init__(
        self, faults: Iterable[tuple[str, str]], *, where: object = "", fix: str = ""
    ) -> None:
        self.faults = list(faults)
        told = "\n".join(f"  {key}: {wrong}" for key, wrong in self.faults)
        count = "1 setting is" if len(self.faults) == 1 else f"{len(self.faults)} settings are"
        super().__init__(f"{count} wrong:\n{told}", where=where, fix=fix)


class UnknownName(UsageError):
    """A name that is in no table."""

    kind = "unknown name"

    def __init__(
        self, what: str, name: str, known: Iterable[str], *, where: object = "", fix: str = ""
    ) -> None:
        message = f"there is no {what} called {name!r}.{did_you_mean(name, known)}"
        super().__init__(message, where=where, fix=fix)


class DataError(LamplighterError):
    """The data cannot be used."""

    kind = "data"
    exit_code = 3


class ModelError(LamplighterError):
    """The network or its weights cannot be used."""

    kind = "model"
    exit_code = 4


class ArtifactError(ModelError):
    """A model file is damaged, foreign, or of another version."""

    kind = "artifact"


class NotProved(ArtifactError):
    """The model file that a training left does not answer as the network that was trained."""


class RunFailed(LamplighterError):
    """A long job could not go on: diverged, out of memory, disk full."""

    kind = "run"
    exit_code = 5


class AnswerIsNo(LamplighterError):
    """The work was done, and the answer is no."""

    kind = "no"
    exit_code = 1


class Interrupted(LamplighterError):
    """The person stopped the work."""

    kind = "interrupted"
    exit_code = 130


def did_you_mean(name: str, known: Iterable[str], count: int = 3) -> str:
    """A sentence with the nearest known names, or an empty string; starts with a space."""
    lowered = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), lowered, n=count, cutoff=0.55)
    if not close:
        return ""
    return f" Did you mean {' or '.join(lowered[match] for match in close)}?"
