"""What a person may name as data, as one table of kinds that are tried in order."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lamplighter.data.example import Source
from lamplighter.data.files import FileSource
from lamplighter.data.folder import open_folder
from lamplighter.data.label_files import looks_like_label_files, open_label_files
from lamplighter.data.listing import list_folder
from lamplighter.data.own import OwnSets, open_own
from lamplighter.data.rows import looks_like_table
from lamplighter.data.table import open_table
from lamplighter.data.torchvision_sets import KNOWN_SETS, find_set, open_torchvision_set
from lamplighter.errors import DataError, did_you_mean
from lamplighter.images.decode import ENDINGS as PICTURE_ENDINGS
from lamplighter.named import looks_named


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
    scored: bool = False

    @property
    def path(self) -> Path:
        """The text as a path, `~` unfolded."""
        return Path(self.text).expanduser()

    # by os.path, which takes a text that is too long for a path, as many joined names are, for none

    @property
    def exists(self) -> bool:
        """Whether the path is there."""
        return os.path.exists(self.path)  # noqa: PTH110

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return os.path.isdir(self.path)  # noqa: PTH112

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return os.path.isfile(self.path)  # noqa: PTH113


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
    scored: bool = False,
) -> Source | OwnSets:
    """Opens whatever `text` names.

    Args:
        text: a folder, a table, the name of a known set, `package.module:name`, or several of
            these with " + " between.
        data_root: where known sets lie, or the folder that a table's paths start from.
        download: fetch a known set that is not there.
        path_column: the table's column of paths; None: found by its usual names.
        label_column: the same for labels; several, separated by commas, for multi-label.
        group_column: the same for groups.
        split_column: the same for splits.
        task: "auto", "classification", "multilabel" or "regression".
        scored: a model is only judged on them, so there need be no train folder.

    Returns:
        A source of pictures, or the user's own sets when their items are something else.

    Raises:
        DataError: no such path or name, or nothing in it that can be used.
        UsageError: `package.module:name` cannot be imported.
    """
    root = None if data_root is None else Path(data_root).expanduser()
    asked = Asked(
        str(text), root, download, path_column, label_column, group_column, split_column, task, scored
    )  # fmt: skip
    return _open(asked)


def _open(asked: Asked) -> Source | OwnSets:
    for _, recognise, open_kind in KINDS:
        if recognise(asked):
            return open_kind(asked)
    raise _nothing_there(asked)


def _is_joined(asked: Asked) -> bool:
    return len(_parts(asked.text)) > 1 and not asked.exists


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(" + ")]


def _open_joined(asked: Asked) -> Source:
    from lamplighter.data.joined import JoinedSource

    sources = [_open(replace(asked, text=part)) for part in _parts(asked.text)]
    own = next((one for one in sources if isinstance(one, OwnSets)), None)
    if own is not None:
        raise DataError(
            f"{own.name} yields tensors, and only sets of pictures can be joined with +",
            where=asked.text,
            fix="join them in your own code with torch.utils.data.ConcatDataset",
        )
    return JoinedSource([one for one in sources if not isinstance(one, OwnSets)])


def _is_digits(asked: Asked) -> bool:
    return asked.text == "digits" and not asked.exists


def _open_digits(_: Asked) -> Source:
    from lamplighter.data.bundled import open_digits

    return open_digits()


def _is_known_set(asked: Asked) -> bool:
    """A known name; beside a folder of that name, only if that folder holds the set's files."""
    name = _known_name(asked.text)
    if name not in KNOWN_SETS:
        return False
    return not asked.exists or find_set(name, asked.path) is not None


def _known_name(text: str) -> str:
    """`FashionMNIST`, `fashion-mnist` and `CIFAR-10` as they stand in the table."""
    plain = text.lower().replace("-", "").replace("_", "")
    return next((name for name in KNOWN_SETS if name.replace("_", "") == plain), text)


def _open_known_set(asked: Asked) -> Source:
    beside = asked.path if asked.data_root is None and asked.exists else None
    return open_torchvision_set(
        _known_name(asked.text), data_root=asked.data_root or beside, download=asked.download
    )


def _is_named(asked: Asked) -> bool:
    return looks_named(asked.text) and not asked.exists


def _open_named(asked: Asked) -> Source | OwnSets:
    return open_own(asked.text)


def _is_label_files(asked: Asked) -> bool:
    return asked.is_folder and looks_like_label_files(asked.path, scored=asked.scored)


def _open_label_files(asked: Asked) -> FileSource:
    return open_label_files(asked.path, scored=asked.scored)


def _is_folder(asked: Asked) -> bool:
    return asked.is_folder


def _open_folder(asked: Asked) -> Source:
    held = _known_set_in(asked.path)
    if held is not None:
        return open_torchvision_set(held, data_root=asked.path)
    return open_folder(asked.path, scored=asked.scored)


def _known_set_in(folder: Path) -> str | None:
    """The known set whose files are all that a folder holds: torchvision's `root` for it."""
    if len(list_folder(folder).folders) > 1:
        return None
    held = [name for name in KNOWN_SETS if find_set(name, folder) is not None]
    return held[0] if len(held) == 1 else None


def _is_file(asked: Asked) -> bool:
    return asked.is_file


def _open_file(asked: Asked) -> FileSource:
    if not looks_like_table(asked.path):
        raise _wrong_file(asked)
    return open_table(
        asked.path,
        data_root=asked.data_root,
        path_column=asked.path_column,
        label_column=asked.label_column,
        group_column=asked.group_column,
        split_column=asked.split_column,
        task=asked.task,
    )


Recognise = Callable[[Asked], bool]
Open = Callable[[Asked], "Source | OwnSets"]
KINDS: tuple[tuple[str, Recognise, Open], ...] = (
    ("A + B", _is_joined, _open_joined),
    ("digits", _is_digits, _open_digits),
    ("known set", _is_known_set, _open_known_set),
    ("package.module:name", _is_named, _open_named),
    ("label files", _is_label_files, _open_label_files),
    ("class folders", _is_folder, _open_folder),
    ("table", _is_file, _open_file),
)
KNOWN_NAMES = ("digits", *KNOWN_SETS)


def _wrong_file(asked: Asked) -> DataError:
    ending = asked.path.suffix.lower()
    if ending in (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".xz"):
        fix = "unpack it and give the folder"
    elif ending in PICTURE_ENDINGS:
        fix = f"training needs a folder of them; for one picture: lamp predict RUN {asked.text}"
    elif ending in (".xlsx", ".xls", ".ods"):
        fix = "save the sheet as CSV UTF-8"
    elif ending == ".py":
        fix = f"name what is in it, {asked.path.stem}:NAME, or check it: lamp check {asked.text}"
    else:
        fix = "expected a folder, or a table that ends in .csv, .tsv or .jsonl"
    return DataError("this file is no data set", where=asked.text, fix=fix)


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
