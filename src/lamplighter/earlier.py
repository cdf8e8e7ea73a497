"""What the last run on the same data had, held against what lies there now: V103."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamplighter import run_folder
from lamplighter.checks.catalogue import found
from lamplighter.checks.finding import Finding
from lamplighter.data.example import Collection
from lamplighter.data.split import fingerprint
from lamplighter.data.split_file import SplitRow, read_split, rows_of
from lamplighter.errors import LamplighterError
from lamplighter.ownership import PLACE
from lamplighter.recipe import Recipe
from lamplighter.resumption import read_asked
from lamplighter.run_folder import RunFolder

# with another value of these, the same folder is read as other data
READ_BY = ("task", "path_column", "label_column")
MOST_RUNS = 32  # newest runs that are asked what they were trained on
SHOWN = 10  # files that are named


@dataclasses.dataclass(frozen=True, slots=True)
class Changes:
    """Keys of what differs; a file that was only renamed is in none of them.

    Args:
        added: are there now and were not.
        removed: were there and are not.
        changed: have the same key and another content.
        relabelled: have the same content and another label.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    relabelled: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            (self.added, "added"),
            (self.removed, "removed"),
            (self.changed, "changed in content"),
            (self.relabelled, "under another label"),
        ]
        return ", ".join(f"{len(keys):,} {word}" for keys, word in parts if keys)

    def keys(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.added, *self.removed, *self.changed, *self.relabelled)


def changed_since(recipe: Recipe, collection: Collection) -> Iterator[Finding]:
    """V103: the newest run on the same data, among those of `out`, was trained on something else.

    Nothing is hashed for it: the contents of then stand in that run's split.csv, those of now were
    taken when the data were read.

    Args:
        recipe: as asked.
        collection: the data as they lie now.
    """
    run = _last_run(recipe)
    if run is None:
        return
    try:
        then = read_asked(run / run_folder.RECIPE, table="facts").get("fingerprint")
        if then == fingerprint(collection):
            return
        before = read_split(run / run_folder.SPLIT)
    except LamplighterError:
        return
    changes = compare(before, rows_of(collection))
    if not changes.keys():
        return  # the same pictures, split in another way
    finding = found(
        "V103",
        recipe.data,
        f"the pictures are not those of the last run on them ({run}): {changes}; it had "
        f"{len(before):,}, now there are {len(collection.digests):,}. The scores of the two say "
        "nothing about each other",
        "if that was not meant, put the files back; if it was, compare the runs on the pictures "
        f"that both know: lamp compare {run} NEW --shared",
    )
    yield dataclasses.replace(finding, paths=changes.keys()[:SHOWN])


def compare(before: Sequence[SplitRow], now: Sequence[SplitRow]) -> Changes:
    """What differs between two readings of one data set; splits do not count."""
    old, new = {row.key: row for row in before}, {row.key: row for row in now}
    # files of another name now, and files of another name then
    gone = {row.digest: row for row in before if row.key not in new}
    come = {row.digest for row in now if row.key not in old}
    added, changed, relabelled = [], [], []
    for key, row in new.items():
        was = old.get(key)
        if was is not None and was.digest != row.digest:
            changed.append(key)
            continue
        was = was or gone.get(row.digest)
        if was is None:
            added.append(key)
        elif was.label != row.label:
            relabelled.append(key)
    removed = [key for key, row in old.items() if key not in new and row.digest not in come]
    return Changes(*(tuple(keys) for keys in (added, removed, changed, relabelled)))


def place_of(data: str, data_root: str | None) -> str:
    """Where data lie, the same from every working folder and however their path is written.

    A symbolic link counts by its own name: one that leads elsewhere now has other data behind it.

    Args:
        data: as asked; names of known sets and of code stay as they are.
        data_root: as asked.
    """
    parts = [data] if _is_there(data) else data.split(" + ")
    place = " + ".join(_absolute(part.strip()) for part in parts)
    return f"{place} in {_absolute(data_root)}" if data_root is not None else place


def _is_there(text: str) -> bool:
    return os.path.exists(Path(text).expanduser())  # noqa: PTH110 a text too long for a path is none


def _absolute(text: str) -> str:
    if not _is_there(text):
        return text
    return os.path.abspath(Path(text).expanduser())  # noqa: PTH100 keeps links as they are


def _last_run(recipe: Recipe) -> RunFolder | None:
    """The newest run that read the same data in the same way and wrote down what it found."""
    here = place_of(recipe.data, recipe.data_root)
    asked = [getattr(recipe, name) for name in READ_BY]
    for run in reversed(run_folder.all_runs(Path(recipe.out))[-MOST_RUNS:]):
        if not (run / run_folder.SPLIT).is_file():
            continue
        try:
            table = read_asked(run / run_folder.RECIPE)
            facts = read_asked(run / run_folder.RECIPE, table="facts")
        except LamplighterError:
            continue
        if [table.get(name) for name in READ_BY] == asked and _recorded_place(table, facts) == here:
            return run
    return None


def _recorded_place(table: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Where a run's data lay; for runs of before that was written down, by their own words."""
    root = table.get("data_root")
    return str(facts.get(PLACE) or place_of(str(table.get("data", "")), root and str(root)))
