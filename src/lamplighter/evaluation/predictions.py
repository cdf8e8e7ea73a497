"""Reads predictions.csv again: what another run answered."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lamplighter.errors import DataError
from lamplighter.evaluation.outcome import COLUMNS, Outcome, write_predictions
from lamplighter.run_folder import PREDICTIONS, SPLIT, find


@dataclass(frozen=True)
class Prediction:
    """One row: label and answer as they were written; probability None in regression."""

    key: str
    path: str
    split: str
    label: str
    answer: str
    probability: float | None
    sha256: str = ""

    @property
    def right(self) -> bool:
        """The answer is the label."""
        return self.answer == self.label


@dataclass(frozen=True)
class Predictions:
    """The rows of one file, and the word for it in talk ("A", a run's name)."""

    name: str
    rows: tuple[Prediction, ...]

    @property
    def regression(self) -> bool:
        """The answers are numbers: none of them has a probability."""
        return all(row.probability is None for row in self.rows)

    def of(self, split: str) -> Predictions:
        """The rows of one split."""
        return Predictions(self.name, tuple(row for row in self.rows if row.split == split))

    def splits(self) -> list[str]:
        """Which splits there are, in the order met."""
        return list(dict.fromkeys(row.split for row in self.rows))


def read_predictions(path: Path, *, name: str = "", split_table: Path | None = None) -> Predictions:
    """Reads predictions.csv, and the contents' SHA-256 from split.csv where that is given.

    Args:
        path: the file.
        name: the word for it in talk; its folder's name if empty.
        split_table: split.csv with the columns path and sha256; may be missing.

    Raises:
        DataError: missing, empty, or without the columns that are needed.
    """
    name = name or path.parent.name
    digests = _digests(split_table) if split_table is not None else {}
    rows = []
    for number, row in enumerate(_read(path), start=2):
        missing = [column for column in COLUMNS if row.get(column) is None]
        if missing:
            raise DataError(
                f"line {number} has no {', '.join(missing)}; expected the columns "
                f"{', '.join(COLUMNS)}",
                where=path,
                fix=_anew(path),
            )
        rows.append(
            Prediction(
                row["key"], row["path"], row["split"], row["label"], row["answer"],
                _probability(row["probability"], path, number),
                digests.get(row["key"], digests.get(row["path"], "")),
            )
        )  # fmt: skip
    if not rows:
        raise DataError("no predictions in it", where=path, fix=_anew(path))
    keys = {(row.split, row.key) for row in rows}
    if len(keys) != len(rows):
        raise DataError(
            f"{len(rows) - len(keys)} pictures stand in it twice; expected each once",
            where=path,
            fix=_anew(path),
        )
    return Predictions(name, tuple(rows))


def answers_of(outcome: Outcome, name: str, temperature: float) -> Predictions:
    """Answers just given, as they would be written and read again."""
    with TemporaryDirectory() as folder:
        table = Path(folder) / PREDICTIONS
        write_predictions(outcome, table, temperature=temperature)
        return read_predictions(table, name=name)


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            return list(csv.DictReader(file, restkey="more"))
    except FileNotFoundError as error:
        raise DataError(
            "there is no such file, so nothing is known about single pictures",
            where=path,
            fix=_anew(path),
        ) from error
    except (OSError, csv.Error) as error:
        raise DataError(f"cannot be read: {error}", where=path, fix=_anew(path)) from error


def _anew(path: Path) -> str:
    """What writes the answers again."""
    return f"lamp evaluate {path.parent} --csv {path}"


def _digests(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    rows = _read(path)
    return {row["path"]: row["sha256"] for row in rows if row.get("path") and row.get("sha256")}


def _probability(text: str, path: Path, number: int) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise DataError(
            f"line {number}: expected a number as probability, got {text!r}",
            where=path,
            fix=_anew(path),
        ) from error


def read_run(text: str | Path) -> tuple[Path, Predictions]:
    """The answers of a run, by its folder, its name within runs/, or its predictions.csv.

    Returns:
        (the run's folder, its answers).
    """
    path = Path(text)
    folder = path.parent if path.is_file() else find(text).path
    table = path if path.is_file() else folder / PREDICTIONS
    return folder, read_predictions(table, split_table=folder / SPLIT)
