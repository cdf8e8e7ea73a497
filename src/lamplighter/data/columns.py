"""Which column of a table is the path, the label, the split, the group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lamplighter.data.listing import is_picture_name
from lamplighter.data.rows import Table
from lamplighter.errors import DataError, did_you_mean

PATHS = [
    "path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "img",
    "img_path",
    "image_name",
    "image_file",
    "image_id",
    "picture",
    "photo",
    "id",
]
LABELS = [
    "label",
    "labels",
    "class",
    "classes",
    "class_name",
    "category",
    "categories",
    "target",
    "targets",
    "tag",
    "tags",
    "species",
    "breed",
]
SPLITS = ["split", "set", "subset", "partition"]
GROUPS = ["group", "groups", "group_id", "patient", "patient_id", "subject", "subject_id"]
TIMES = [
    "time",
    "date",
    "datetime",
    "date_time",
    "timestamp",
    "taken",
    "date_taken",
    "captured_at",
    "date_captured",
    "created_at",
]
FLAGS = frozenset({"0", "1", "0.0", "1.0", "true", "false", ""})


@dataclass(frozen=True)
class Columns:
    """The columns that matter; several labels mean multi-label."""

    path: str
    labels: tuple[str, ...]
    split: str | None
    group: str | None
    time: str | None


def find_columns(
    table: Table,
    *,
    path: str | None,
    label: str | None,
    split: str | None,
    group: str | None,
) -> Columns:
    """Takes the columns that were named, and finds the others by their usual names.

    Args:
        table: what was read.
        path: name given by the person, or None; the same for the others.
        label: one name, or several with commas between.

    Raises:
        DataError: a named column is not there, or path or label cannot be found.
    """
    named = {name.strip().lower(): name for name in table.columns}

    def chosen(asked: str | None, usual: Sequence[str]) -> str | None:
        if asked is not None:
            return _present(table, asked)
        return next((named[word] for word in usual if word in named), None)

    path_column = chosen(path, PATHS) or _holding_pictures(table)
    if path_column is None:
        raise _not_found(table, "path", "--path-column", PATHS)
    split_column, group_column = chosen(split, SPLITS), chosen(group, GROUPS)
    taken = {path_column, split_column, group_column}
    if label is not None and label not in table.columns:
        labels = tuple(_present(table, one.strip()) for one in label.split(","))
    elif label is not None:
        labels = (label,)
    else:
        one = next(
            (named[word] for word in LABELS if word in named and named[word] not in taken), None
        )
        labels = (one,) if one is not None else _rest(table, taken)
    if not labels:
        raise _not_found(table, "label", "--label-column", LABELS)
    # last, so that a column of dates is a label where a person says so
    taken |= set(labels)
    time = next((named[word] for word in TIMES if word in named and named[word] not in taken), None)
    return Columns(path_column, labels, split_column, group_column, time)


def is_flag(value: Any) -> bool:
    """Whether a value says yes or no: 0, 1, true, false, or nothing."""
    return str("" if value is None else value).lower() in FLAGS


def _present(table: Table, name: str) -> str:
    if name in table.columns:
        return name
    raise DataError(
        f"there is no column {name!r}; the columns are {_listed(table)}.{did_you_mean(name, table.columns)}",
        where=table.path,
        fix="name one of them, or leave the flag out",
    )


def _holding_pictures(table: Table) -> str | None:
    """The first column whose values end like pictures."""
    rows = [row for _, row in table.rows[:20]]
    for name in table.columns:
        if all(is_picture_name(str(row.get(name, ""))) for row in rows):
            return name
    return None


def _rest(table: Table, taken: set[str | None]) -> tuple[str, ...]:
    """Columns left over: a single one is the label; several of yes and no are labels together."""
    left = tuple(name for name in table.columns if name not in taken)
    if len(left) == 1:
        return left
    flags = all(is_flag(row.get(name)) for _, row in table.rows for name in left)
    return left if left and flags else ()


def _not_found(table: Table, what: str, flag: str, usual: Sequence[str]) -> DataError:
    return DataError(
        f"no {what} column found; the columns are {_listed(table)}, expected one called "
        f"{', '.join(usual[:6])} …",
        where=table.path,
        fix=f"say which it is: {flag} NAME",
    )


def _listed(table: Table) -> str:
    names = ", ".join(table.columns[:12])
    return names + (f" … ({len(table.columns)} in all)" if len(table.columns) > 12 else "")
