"""split.csv: which picture went where, so that anybody can check it or cut the same again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lamplighter.data.example import Collection, Label
from lamplighter.errors import DataError
from lamplighter.run_folder import write_atomically

COLUMNS = ("path", "class", "split", "sha256")
PUT_BACK = "put the file back as the training left it, or train anew"


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One line of split.csv; `label` is as it stands there, several names joined by "|"."""

    key: str
    label: str
    split: str
    digest: str


def write_split(collection: Collection, path: Path) -> None:
    """Writes `path,class,split,sha256`, one line per example, in the order of the training."""
    # whole or not at all: a resumed run would train on what half a file names
    write_atomically(path, split_text(rows_of(collection)))


def rows_of(collection: Collection) -> list[SplitRow]:
    """The lines of a collection's split.csv, in the order of the training."""
    return [
        SplitRow(one.key, label_text(one.label), split, collection.digests[one.key])
        for split, examples in collection.splits.items()
        for one in examples
    ]


def split_text(rows: Iterable[SplitRow]) -> bytes:
    """The content of a split.csv; paths that are not UTF-8 keep their bytes."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row.key, row.label, row.split, row.digest) for row in rows)
    return file.getvalue().encode("utf-8", "surrogateescape")


def read_split(path: Path) -> list[SplitRow]:
    """Reads what `write_split` wrote.

    Raises:
        DataError: no such file, other columns, or a line that is cut short.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.reader(file))
    except (OSError, csv.Error) as error:
        raise DataError(f"the split cannot be read: {error}", where=path, fix=PUT_BACK) from error
    if not rows or tuple(rows[0]) != COLUMNS:
        raise DataError(f"expected the columns {','.join(COLUMNS)}", where=path, fix=PUT_BACK)
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(COLUMNS):
            raise DataError(
                f"line {line} has {len(row)} fields; expected 4", where=path, fix=PUT_BACK
            )
    return [SplitRow(*row) for row in rows[1:]]


def label_text(label: Label) -> str:
    """A label as one text: the name, the names joined by "|", or the number in full."""
    if isinstance(label, tuple):
        return "|".join(label)
    return label if isinstance(label, str) else repr(label)
