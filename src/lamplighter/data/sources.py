"""What a person may name as data, as one table of kinds that are tried in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lamplighter.data.example import Source
from lamplighter.errors import DataError, did_you_mean


@dataclass(frozen=True)
class Asked:
    """What was asked for; see `open_source`."""

    text: str
    data_root: Path | None = None
    download: bool = False
    path_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    split_column: str | None = None
    task: str = "auto"

    @property
    def path(self) -> Path:
        """The text as a path, `~` unfolded."""
        return Path(self.text).expanduser()


def open_source(
    text: str | Path,
    *,
    data_root: str | Path | None = None,
    download: bool = False,
    path_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    task: str = "auto",
) -> Source:
    """Opens whatever `text` names.

    Args:
        text: a folder, a table, the name of a known set, or `package.module:name`.
        data_root: where known sets lie, or the folder that a table's paths start from.
        download: fetch a known set that is not there.
        path_column: the table's column of paths; None: found by its usual names.
        label_column: the same for labels; several, separated by commas, for multi-label.
        group_column: the same for groups.
        split_column: the same for splits.
        task: "auto", "classification", "multilabel" or "regression".

    Raises:
        DataError: no such path or name, or nothing in it that can be used.
    """
    root = None if data_root is None else Path(data_root).expanduser()
    asked = Asked(
        str(text), root, download, path_column, label_column, group_column, split_column, task
    )
    for recognise, open_kind in KINDS:
        if recognise(asked):
            return open_kind(asked)
    raise _nothing_there(asked)


def _is_digits(asked: Asked) -> bool:
    return asked.text == "digits" and not asked.path.exists()


def _open_digits(_: Asked) -> Source:
    from lamplighter.data.bundled import open_digits

    return open_digits()


def _open_folder(asked: Asked) -> Source:
    from lamplighter.data.folder import open_folder

    return open_folder(asked.path)


KINDS: tuple[tuple[Callable[[Asked], bool], Callable[[Asked], Source]], ...] = (
    (_is_digits, _open_digits),
    (lambda asked: asked.path.is_dir(), _open_folder),
)
KNOWN_NAMES = ("digits",)


def _nothing_there(asked: Asked) -> DataError:
    path = asked.path
    folder = path.parent
    siblings = [one.name for one in folder.iterdir()] if folder.is_dir() else []
    near = did_you_mean(path.name, [*siblings, *KNOWN_NAMES])
    return DataError(
        f"there is no such file or folder, and no known data set of that name.{near}",
        where=asked.text,
        fix=f"expected a folder, a table (.csv, .tsv, .jsonl), package.module:name, or one of {', '.join(KNOWN_NAMES)}",
    )
