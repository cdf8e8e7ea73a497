"""Y101: labels in the order of a table, beside files in another order."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding

FEWEST = 32  # files
ENDINGS = (".csv", ".tsv", ".txt")
LARGEST = 2**21  # bytes of a table
MOST = 4  # tables that are read


def labels_of_other_files(
    names: Sequence[str], labels: Sequence[int], tables: Sequence[Path]
) -> Iterator[Finding]:
    """Y101: a table names every file and its class, and the labels are the table's from top to bottom.

    Args:
        names: file names in the order of the data set, with or without their folder.
        labels: the class numbers that stand beside them.
        tables: text files with a row for each.
    """
    wanted = {Path(name).name: index for index, name in enumerate(names)}
    if not FEWEST <= len(names) == len(labels) == len(wanted):
        return
    for table in tables[:MOST]:
        rows = _rows_of(table, wanted)
        if len(rows) != len(names):
            continue
        width = min(len(cells) for _, cells in rows)
        for column in range(width):
            values = [cells[column] for _, cells in rows]
            if not 1 < len(set(values)) <= len(values) // 4:
                continue
            beside = [labels[index] for index, _ in rows]
            if _decides(values, labels) and not _decides(values, beside):
                code = dict(zip(values, labels, strict=True))
                wrong = sum(code[v] != mine for v, mine in zip(values, beside, strict=True))
                if wrong > 0.1 * len(values):
                    yield found(
                        "Y101",
                        "labels",
                        f"{wrong} of {len(names)} files have another class in {table.name}, which "
                        "names each of them: the labels lie in the order of the table, the files in "
                        "one of their own",
                        "take file and label from the same row of the table",
                        level="error",
                    )
                    return


def tables_near(file: Path) -> list[Path]:
    """Small tables in the folder of a file, and in the folder above."""
    near = []
    for folder in (file.parent, file.parent.parent):
        try:
            near += [
                path
                for ending in ENDINGS
                for path in sorted(folder.glob(f"*{ending}"))[:MOST]
                if path.stat().st_size <= LARGEST
            ]
        except OSError:
            continue
    return near


def _rows_of(table: Path, wanted: dict[str, int]) -> list[tuple[int, list[str]]]:
    """The number of the file that a row names, and all its cells, from top to bottom."""
    try:
        text = table.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    rows = []
    for cells in csv.reader(text, delimiter=_delimiter(text[:1])):
        named = {wanted[name] for cell in cells if (name := Path(cell.strip()).name) in wanted}
        if len(named) == 1:
            rows.append((named.pop(), [cell.strip() for cell in cells]))
    return rows if len({index for index, _ in rows}) == len(rows) else []


def _delimiter(first: list[str]) -> str:
    line = first[0] if first else ""
    return next((mark for mark in (",", "\t", ";") if mark in line), " ")


def _decides(values: Sequence[str], labels: Sequence[int]) -> bool:
    """Whether each value stands beside one label, and each label beside one value."""
    pairs = Counter(zip(values, labels, strict=True))
    return len(pairs) == len(set(values)) == len(set(labels))
