"""Text → collection in one call: what most commands begin with."""

from __future__ import annotations

from collections.abc import Collection as Some
from pathlib import Path

from lamplighter.data.example import Collection
from lamplighter.data.own import OwnSets
from lamplighter.data.sources import open_source
from lamplighter.data.split import collect
from lamplighter.errors import DataError
from lamplighter.listener import SILENT, Listener


def open_collection(
    text: str | Path,
    *,
    data_root: str | Path | None = None,
    download: bool = False,
    path_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    task: str = "auto",
    val: float | None = None,
    test: float | None = None,
    seed: int = 0,
    group: bool = True,
    skip: Some[str] = frozenset(),
    listener: Listener = SILENT,
) -> Collection:
    """`open_source`, then `collect`; see both for the arguments.

    Raises:
        DataError: see `open_source` and `collect`.
    """
    source = open_source(
        text,
        data_root=data_root,
        download=download,
        path_column=path_column,
        label_column=label_column,
        group_column=group_column,
        split_column=split_column,
        task=task,
    )
    if isinstance(source, OwnSets):
        raise DataError(
            f"{source.name} yields tensors or other structures, not pictures",
            where=str(text),
            fix="train on it as it is; this needs items of the form (picture, label)",
        )
    return collect(
        source, val=val, test=test, seed=seed, group=group, task=task, skip=skip, listener=listener
    )
