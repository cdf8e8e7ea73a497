"""How a row of a table becomes a label: one name, several, or a number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lamplighter.data.columns import Columns, is_flag
from lamplighter.data.digests import list_faults
from lamplighter.data.example import Label
from lamplighter.data.listing import class_name
from lamplighter.data.rows import Table
from lamplighter.errors import DataError

MISSING = frozenset({"", "nan", "null", "n/a", "<na>"})


def text_of(value: Any) -> str:
    """A field as text; what spreadsheets and data frames write for nothing becomes empty."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return "" if text.lower() in MISSING else text


def label_reader(
    table: Table, columns: Columns, task: str
) -> Callable[[dict[str, Any]], Label | None]:
    """How to make a label of a row; the reader returns None where there is none.

    Args:
        table: all rows, for what a column means shows in all of its values.
        columns: which columns hold labels.
        task: "regression" asks for numbers, "multilabel" for several names in one field.

    Raises:
        DataError: the labels are measurements, and the task is not regression.
    """
    names = columns.labels
    if task == "regression":
        if len(names) > 1:
            raise DataError(
                f"regression learns one number for each picture, and {len(names)} columns hold labels: "
                + ", ".join(names[:6]) + (", …" if len(names) > 6 else ""),
                where=table.path,
                fix=f"say which it is: --label-column {names[0]}",
            )  # fmt: skip
        return lambda row: _number(row.get(names[0]))
    if len(names) > 1:
        if all(is_flag(row.get(name)) for _, row in table.rows for name in names):
            return lambda row: tuple(name for name in names if _is_yes(row.get(name)))
        return lambda row: tuple(text for name in names if (text := text_of(row.get(name)))) or None
    name = names[0]
    values = [row.get(name) for _, row in table.rows]
    if any(isinstance(value, list) for value in values):
        return lambda row: (
            tuple(map(text_of, row[name])) if isinstance(row.get(name), list) else None
        )
    texts = [text_of(value) for value in values]
    separator = _separator(texts, task)
    if separator is not None:
        return lambda row: _parts(text_of(row.get(name)), separator)
    _refuse_measurements(table, name, texts)
    unlabelled = _unlabelled(texts)
    return lambda row: (
        ((text := text_of(row.get(name))) and text not in unlabelled and class_name(text)) or None
    )


def _separator(texts: list[str], task: str) -> str | None:
    """What stands between several names in one field; a comma may be part of a name."""
    usual = {"auto": ("|",), "multilabel": ("|", ";", ",", " ")}.get(task, ())
    return next((one for one in usual if any(one in text for text in texts)), None)


def _parts(text: str, separator: str) -> tuple[str, ...] | None:
    return tuple(part.strip() for part in text.split(separator) if part.strip()) or None


def _number(value: Any) -> float | None:
    try:
        number = float(text_of(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_yes(value: Any) -> bool:
    return str(value).lower() in ("1", "1.0", "true")


def _unlabelled(texts: list[str]) -> frozenset[str]:
    """-1 beside 0, 1, 2 … means "not labelled"; beside 1 alone it is a class."""
    present = set(texts)
    numbers = all(text.lstrip("-").isdigit() for text in present if text)
    return (
        frozenset({"-1"})
        if numbers and "-1" in present and len(present - {"-1", "1", ""})
        else frozenset()
    )


def _refuse_infinities(table: Table, name: str, texts: list[str]) -> None:
    """Among numbers an infinity is a fault of whatever wrote the table, and no class."""
    odd = [
        f"line {line}: {text}"
        for (line, _), text in zip(table.rows, texts, strict=True)
        if text and _number(text) is None and _is_float(text)
    ]
    others = [text for text in texts if text and not _is_float(text)]
    if odd and not others and len(odd) < len([text for text in texts if text]):
        raise DataError(
            list_faults(f"the label column {name!r} holds numbers, and these rows none", odd),
            where=table.path,
            fix="mend or remove these rows",
        )


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_measurements(table: Table, name: str, texts: list[str]) -> None:
    """Many different fractions are measurements, not class names; neither is an infinity."""
    _refuse_infinities(table, name, texts)
    numbers = [_number(text) for text in texts if text]
    real = [number for number in numbers if number is not None]
    different = len(set(real))
    if len(real) < len(numbers) or different <= max(20, len(real) // 10):
        return
    if any(not number.is_integer() for number in real):
        raise DataError(
            f"the label column {name!r} holds {different:,} different numbers; as classes they "
            "would have a picture or two each",
            where=table.path,
            fix="to learn the number itself: --task regression",
        )
