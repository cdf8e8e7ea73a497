"""CSV, TSV and JSONL files → rows of named fields, with every fault told by its line."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from lamplighter.data.digests import list_faults
from lamplighter.data.listing import is_picture_name
from lamplighter.errors import DataError

ENDINGS = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Args:
        path: the file.
        columns: the names of its columns, in order.
        rows: (line in the file, column → value); values are texts, in JSONL whatever JSON holds.
        layout: "CSV", "TSV", "JSONL", with what was noticed.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, Any]], ...]
    layout: str


def read_table(path: Path) -> Table:
    """Reads a table whatever its delimiter, line ends or byte order mark.

    Raises:
        DataError: not text, no rows, two columns of one name, or rows of another width.
    """
    text = _read_text(path)
    if not text.strip():
        raise DataError(
            "the table is empty; expected a header and rows",
            where=path,
            fix="was it cut off, or written to another place? it begins with a line such as path,label",
        )
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _read_jsonl(path, text)
    return _read_csv(path, text)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"the table cannot be read: {error.strerror}",
            where=path,
            fix="give a .csv, .tsv or .jsonl file that you may read",
        ) from error
    # Excel's "Unicode text" is UTF-16 with a byte order mark
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"line {line} is not UTF-8 text (byte {content[error.start]:#x})",
            where=path,
            fix="save the table as CSV UTF-8",
        ) from error


def _read_csv(path: Path, text: str) -> Table:
    delimiter = _delimiter(path, text)
    # a path or a list of tags may be long, but not longer than the file
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    numbered: list[tuple[int, list[str]]] = []
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                numbered.append((reader.line_num, [field.strip() for field in fields]))
    except csv.Error as error:
        raise DataError(
            f"line {reader.line_num} cannot be read: {error}",
            where=path,
            fix="look for a quote that is not closed",
        ) from error
    header = numbered[0][1]
    layout = "TSV" if delimiter == "\t" else "CSV"
    if any(is_picture_name(field) for field in header):
        header = [f"column {number}" for number in range(1, len(header) + 1)]
        layout += " without a header"
    else:
        numbered = numbered[1:]
    _refuse_widths(path, header, numbered)
    rows = tuple((line, dict(zip(header, fields, strict=True))) for line, fields in numbered)
    return _checked(Table(path, tuple(header), rows, layout))


def _delimiter(path: Path, text: str) -> str:
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    first = next(line for line in text.splitlines() if line.strip())
    bare = "".join(first.split('"')[::2])  # what stands outside quotes
    counts = Counter({one: bare.count(one) for one in DELIMITERS})
    best, count = counts.most_common(1)[0]
    return best if count else ","


def _refuse_widths(path: Path, header: list[str], numbered: list[tuple[int, list[str]]]) -> None:
    faults = [
        f"line {line}: {len(fields)} fields"
        for line, fields in numbered
        if len(fields) != len(header)
    ]
    if faults:
        raise DataError(
            list_faults(
                f"{len(faults):,} rows do not have the {len(header)} fields of the header", faults
            ),
            where=path,
            fix="put fields that hold the delimiter in double quotes",
        )


def _read_jsonl(path: Path, text: str) -> Table:
    rows: list[tuple[int, dict[str, Any]]] = []
    faults: list[str] = []
    columns: dict[str, None] = {}
    for line, one in enumerate(text.split("\n"), start=1):
        if not one.strip():
            continue
        try:
            row = json.loads(one)
        except (ValueError, RecursionError) as error:
            faults.append(f"line {line}: {error}")
            continue
        if not isinstance(row, dict):
            faults.append(f"line {line}: {type(row).__name__}; expected an object {{…}}")
            continue
        rows.append((line, row))
        columns |= dict.fromkeys(row)
    if faults:
        raise DataError(
            list_faults(f"{len(faults):,} lines are no JSON objects", faults),
            where=path,
            fix='expected one object a line: {"path": "cat.jpg", "label": "cat"}',
        )
    return _checked(Table(path, tuple(columns), tuple(rows), "JSONL"))


def _checked(table: Table) -> Table:
    if not table.rows:
        raise DataError(
            "the table has a header and no rows",
            where=table.path,
            fix="expected a line for each picture below the header: cat.jpg,cat",
        )
    twice = [name for name, count in Counter(table.columns).items() if count > 1]
    if twice:
        raise DataError(
            f"two columns are called {', '.join(map(repr, twice))}; expected different names",
            where=table.path,
            fix="rename one of them in the first line",
        )
    return table


def looks_like_table(path: Path) -> bool:
    """Whether the file's ending is one of a table."""
    return os.path.splitext(path.name)[1].lower() in ENDINGS  # noqa: PTH122
