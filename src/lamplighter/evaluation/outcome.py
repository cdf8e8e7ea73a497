"""What a network answered for every picture of a split, and the table that keeps it.

Nothing here runs a network: the outcome is filled by whoever did, and everything else in this
room is computed from it.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lamplighter.errors import DataError, ModelError
from lamplighter.run_folder import write_atomically

COLUMNS = ("path", "label", "answer", "probability", "key", "split")
CLASS_COLUMN = "p:"
MOST_CLASS_COLUMNS = 20


@dataclass(frozen=True, eq=False)
class Outcome:
    """The answers of one network to one split.

    Args:
        keys: stable name of each picture, unique; N of them.
        paths: the file of each picture, or its key where there is no file; N of them.
        labels: int64 [N], positions in `classes`; float [N] or [N, D] in regression; uint8 [N, K]
            of zeros and ones in multi-label.
        logits: float32 [N, K] before softmax or sigmoid; the predicted numbers in regression.
        classes: names in the order of the network's outputs; empty in regression.
        split: "train", "val", "test", or the word for new data.
        task: "classification", "multilabel" or "regression".
        unreadable: files that could not be read and are therefore in none of the figures.
        loss: mean loss as the training computes it; None where it is not known.

    Raises:
        DataError: the shapes or labels contradict each other, or nothing was evaluated.
        ModelError: some answers are NaN or infinite.
    """

    keys: tuple[str, ...]
    paths: tuple[str, ...]
    labels: NDArray
    logits: NDArray[np.float32]
    classes: tuple[str, ...]
    split: str
    task: str = "classification"
    unreadable: tuple[str, ...] = field(default=())
    loss: float | None = None

    def __post_init__(self) -> None:
        n = len(self.keys)
        if n == 0:
            raise DataError(
                f"there is no picture to evaluate in {self.split}",
                where=self.split,
                fix="lamp look DATA shows what each split holds",
            )
        counts = (len(self.paths), len(self.labels), len(self.logits))
        if any(count != n for count in counts):
            raise DataError(
                f"expected {n} paths, labels and answers for {n} keys, got {counts[0]}, "
                f"{counts[1]} and {counts[2]}",
                where=self.split,
            )
        if len(set(self.keys)) != n:
            raise DataError(
                f"{n} pictures share {len(set(self.keys))} keys: some would count twice",
                where=self.split,
            )
        self._check_labels()
        self._check_answers()

    def _check_labels(self) -> None:
        if self.task == "classification":
            outside = (self.labels < 0) | (self.labels >= len(self.classes))
            if outside.any():
                first = int(np.flatnonzero(outside)[0])
                raise DataError(
                    f"label {self.labels[first]} of {self.paths[first]} is none of the "
                    f"{len(self.classes)} classes",
                    where=self.split,
                )
        if self.task != "regression" and self.logits.shape[1:] != (len(self.classes),):
            raise DataError(
                f"expected {len(self.classes)} answers per picture, one per class, got the shape "
                f"{self.logits.shape}",
                where=self.split,
            )

    def _check_answers(self) -> None:
        rows = self.logits.reshape(len(self.keys), -1)
        broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(broken):
            raise ModelError(
                f"{len(broken)} of {len(self.keys)} answers are NaN or infinite, so no figure "
                f"would be true; the first is for {self.paths[broken[0]]}",
                where=self.split,
                fix="train again with a lower --lr, or with --precision float32",
            )

    def one(self, i: int) -> Outcome:
        """The outcome of picture `i` alone."""
        return replace(
            self,
            keys=self.keys[i : i + 1],
            paths=self.paths[i : i + 1],
            labels=self.labels[i : i + 1],
            logits=self.logits[i : i + 1],
        )

    def probabilities(self, temperature: float = 1.0) -> NDArray[np.float64]:
        """Softmax (or sigmoid in multi-label) of the logits: float64 [N, K]."""
        scaled = self.logits.astype(np.float64) / temperature
        if self.task == "multilabel":
            return 1 / (1 + np.exp(-np.clip(scaled, -500, 500)))
        shifted = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    def answers(self) -> NDArray:
        """int64 [N] in classification, uint8 [N, K] in multi-label, the numbers in regression."""
        if self.task == "classification":
            return self.logits.argmax(axis=1)
        if self.task == "multilabel":
            return (self.logits > 0).astype(np.uint8)
        return self.logits.reshape(self.labels.shape)

    def correct(self) -> NDArray[np.bool_]:
        """Bool [N]: the answer is the label (in multi-label: all of them)."""
        right = self.answers() == self.labels
        return right if right.ndim == 1 else right.all(axis=1)


def write_predictions(outcome: Outcome, path: Path, *, temperature: float = 1.0) -> None:
    """Writes predictions.csv: a row per picture, the file replaced in one step.

    Columns are path, label, answer, probability (of the answer), key, split, and with up to 20
    classes `p:<class>` for each. Labels and answers are written as they are, so that counting
    equal cells gives exactly the accuracy reported; nothing is put before names that begin with
    "=", because the table would then no longer say what the data says. Several labels, and
    several numbers, are a JSON list in one cell.

    Args:
        outcome: what to write.
        path: the file; its folder exists.
        temperature: divides the logits before the softmax.
    """
    with_classes = outcome.task != "regression" and len(outcome.classes) <= MOST_CLASS_COLUMNS
    extra = [CLASS_COLUMN + name for name in outcome.classes] if with_classes else []
    labels = _cells(outcome, outcome.labels)
    answers = _cells(outcome, outcome.answers())
    if outcome.task == "regression":
        sure = [""] * len(outcome.keys)
        shares: list[list[float]] = []
    else:
        of_class = outcome.probabilities(temperature)
        shares = of_class.tolist()
        # in multi-label an answer is as sure as its least sure label
        surest = np.maximum(of_class, 1 - of_class).min(axis=1)
        highest = of_class.max(axis=1) if outcome.task == "classification" else surest
        sure = [repr(value) for value in highest.tolist()]
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *extra])
    for i, key in enumerate(outcome.keys):
        row = [outcome.paths[i], labels[i], answers[i], sure[i], key, outcome.split]
        writer.writerow(row + [repr(share) for share in shares[i]] if with_classes else row)
    write_atomically(path, text.getvalue().encode("utf-8", "surrogateescape"))


def computed_cells(outcome: Outcome) -> list[str]:
    """Names and paths that a spreadsheet would compute as formulas when it opens the table.

    Source: OWASP, "CSV Injection".
    """
    texts = dict.fromkeys([*outcome.classes, *outcome.paths, *outcome.keys])
    return [
        text
        for text in texts
        if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text)
    ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cells(outcome: Outcome, values: NDArray) -> list[str]:
    if outcome.task == "classification":
        return [outcome.classes[position] for position in values.tolist()]
    if outcome.task == "multilabel":
        names = ([n for n, on in zip(outcome.classes, row, strict=True) if on] for row in values)
        return [json.dumps(some, ensure_ascii=False) for some in names]
    return [json.dumps(number) for number in values.astype(np.float64).tolist()]
