"""Files and labels that a data set keeps in two orders, as a table beside the files shows: Y101."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter.checks.batches import labels_of
from lamplighter.checks.tables_beside import labels_of_other_files, tables_near
from lamplighter.watch.data.passes import base_of
from lamplighter.watch.events import Watcher
from lamplighter.watch.identity import ByIdentity
from lamplighter.watch.source.place import line_of_attribute
from lamplighter.watch.source.sight import is_holder

if TYPE_CHECKING:
    from lamplighter.watch.data.passes import Pass
    from lamplighter.watch.world import World

MOST = 8  # data sets that are looked at


class TablesBeside(Watcher):
    """Looks at the file names that a data set of the user's holds when it is first walked over."""

    codes = ("Y101",)

    def __init__(self, world: World) -> None:
        self.world = world
        self.looked: ByIdentity[bool] = ByIdentity()

    def pass_starts(self, current: Pass) -> None:
        dataset = base_of(current.loader())
        if dataset is None or current.number > 1 or len(self.looked) >= MOST:
            return
        if not is_holder(dataset) or self.looked.get(dataset) or self.world.found("Y101"):
            return
        self.looked[dataset] = True
        labels = labels_of(dataset)
        for name, values in vars(dataset).items() if labels is not None else ():
            first = _first_file(values, dataset) if _are_names(values) else None
            if first is not None and labels is not None:
                told = labels_of_other_files(values, labels, tables_near(first))
                place = line_of_attribute(type(dataset), name) or current.place
                self.world.adopt(told, place)


def _are_names(values: Any) -> bool:
    """Whether an attribute is a list of texts with an ending, as file names have."""
    if not isinstance(values, list | tuple) or not values:
        return False
    return all(isinstance(value, str | Path) and Path(value).suffix for value in values[:8])


def _first_file(values: Sequence[Any], dataset: Any) -> Path | None:
    """The first file of a list, found by itself or within a folder that the data set holds."""
    folders = [v for v in vars(dataset).values() if isinstance(v, str | Path)]
    for path in (Path(values[0]), *(Path(folder) / values[0] for folder in folders)):
        if path.is_file():
            return path
    return None
