"""A table of paths and labels, optionally with splits and groups."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lamplighter.data.columns import Columns, find_columns
from lamplighter.data.digests import list_faults
from lamplighter.data.example import SPLIT_WORDS, Example, Label
from lamplighter.data.files import FileSource
from lamplighter.data.listing import class_name
from lamplighter.data.moments import moment_of, tells_moments
from lamplighter.data.row_labels import label_reader, text_of
from lamplighter.data.rows import Table, read_table
from lamplighter.errors import DataError
from lamplighter.images.decode import ENDINGS

# An identifier without an ending ("000bec180eb1") is tried with these.
USUAL_ENDINGS = (".jpg", ".png", ".jpeg", ".JPG", ".PNG")


@dataclass
class Faults:
    """What is wrong, by kind, so that one error tells all."""

    paths: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def refuse(self, table: Table, base: Path) -> None:
        """Raises one DataError when anything was wrong."""
        parts = [
            list_faults(f"{len(rows):,} {one if len(rows) == 1 else many}", rows)
            for one, many, rows in (
                ("row names no file that is there", "rows name no file that is there", self.paths),
                ("row has no label", "rows have no label", self.labels),
                ("row cannot be used", "rows cannot be used", self.others),
            )
            if rows
        ]
        if not parts:
            return
        fix = "mend or remove these rows"
        if self.paths:
            fix = f"paths start from {base}; another start: --data-root FOLDER"
        raise DataError("\n".join(parts), where=table.path, fix=fix)


def open_table(
    path: Path,
    *,
    data_root: Path | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    task: str = "auto",
) -> FileSource:
    """Reads a CSV, TSV or JSONL table; every fault in its rows is told at once.

    Args:
        path: the table.
        data_root: folder that relative paths start from; None: the table's own.
        path_column: see `open_source`; the same for the other columns.
        label_column: one name, or several with commas between for multi-label.
        group_column: what must stay together.
        split_column: train, val or test.
        task: "regression" reads labels as numbers; with "auto" they are class names.

    Raises:
        DataError: see above.
    """
    table = read_table(path)
    columns = find_columns(
        table, path=path_column, label=label_column, split=split_column, group=group_column
    )
    base = data_root if data_root is not None else path.parent
    if columns.time and not tells_moments(row.get(columns.time) for _, row in table.rows):
        columns = replace(columns, time=None)
    read_label = label_reader(table, columns, task)
    faults = Faults()
    found: dict[str, Example] = {}
    twice = 0
    for line, row in table.rows:
        example = _read_row(line, row, columns, base, read_label, faults)
        if example is None:
            continue
        before = found.setdefault(example.key, example)
        if before is not example:
            twice += 1
            if before != example:
                faults.others.append(f"line {line}: {example.key} stood above with other values")
    faults.refuse(table, base)
    return FileSource(
        name=class_name(path.stem) or "table",
        layout=_layout(table, columns),
        root=base,
        found=tuple(sorted(found.values(), key=lambda one: one.key)),
        notes=(f"{twice:,} {'row stands' if twice == 1 else 'rows stand'} twice: counted once",)
        if twice
        else (),
    )


def _layout(table: Table, columns: Columns) -> str:
    parts = [f"path = {columns.path}", f"label = {', '.join(columns.labels[:4])}"]
    parts[-1] += " …" if len(columns.labels) > 4 else ""
    parts += [f"split = {columns.split}"] if columns.split else []
    parts += [f"group = {columns.group}"] if columns.group else []
    parts += [f"time = {columns.time}"] if columns.time else []
    return f"{table.layout} table ({'; '.join(parts)})"


def _read_row(
    line: int,
    row: dict[str, Any],
    columns: Columns,
    base: Path,
    read_label: Callable[[dict[str, Any]], Label | None],
    faults: Faults,
) -> Example | None:
    text = text_of(row.get(columns.path))
    file = _find_file(base, text)
    if file is None:
        faults.paths.append(f"line {line}: {text or 'no path'}")
    label = read_label(row)
    if label is None:
        told = ", ".join(text_of(row.get(name)) or "nothing" for name in columns.labels)
        faults.labels.append(f"line {line}: {text} ({told})")
    split = None
    if columns.split is not None:
        word = text_of(row.get(columns.split))
        split = SPLIT_WORDS.get(word.lower())
        if split is None:
            faults.others.append(f"line {line}: split {word!r}; expected train, val or test")
    group = text_of(row.get(columns.group)) or None if columns.group else None
    if columns.group and group is None:
        faults.others.append(f"line {line}: no value for the group {columns.group!r}")
    if file is None or label is None:
        return None
    moment = moment_of(row.get(columns.time)) if columns.time else None
    return Example(_key(file, base), label, file, split, group, moment=moment)


def _find_file(base: Path, text: str) -> Path | None:
    if not text:
        return None
    # tables written on Windows
    for candidate in (text, text.replace("\\", "/")):
        path = base / candidate
        if path.is_file():
            return path
    if os.path.splitext(text)[1].lower() not in ENDINGS:  # noqa: PTH122
        for ending in USUAL_ENDINGS:
            path = base / (text + ending)
            if path.is_file():
                return path
    return None


def _key(file: Path, base: Path) -> str:
    normal = Path(os.path.normpath(file))
    try:
        return normal.relative_to(os.path.normpath(base)).as_posix()
    except ValueError:
        return normal.as_posix()
