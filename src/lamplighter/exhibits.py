"""A few training pictures of each class, for people who ask a model what it knows."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from lamplighter import run_folder, stages
from lamplighter.errors import LamplighterError
from lamplighter.listener import SILENT, Listener
from lamplighter.run_folder import RunFolder

PER_CLASS, MOST_CLASSES = 4, 60


def class_examples(
    folder: RunFolder, task: str, *, listener: Listener = SILENT
) -> Mapping[str, list[str]]:
    """Class → up to four of its training pictures, evenly spread, as data: addresses of JPEGs.

    Args:
        folder: the run; its data are opened where they lay when it was trained.
        task: of its model.
        listener: is warned when they are out of reach.

    Returns:
        Empty in regression, with more than 60 classes, and where the data cannot be opened.
    """
    from lamplighter.data.split_file import read_split
    from lamplighter.ownership import recipe_of

    try:
        recipe = recipe_of(folder / run_folder.RECIPE)
        keys: dict[str, list[str]] = {}
        for row in read_split(folder / run_folder.SPLIT):
            if row.split == "train":
                for name in row.label.split("|") if task == "multilabel" else [row.label]:
                    keys.setdefault(name, []).append(row.key)
        if len(keys) > MOST_CLASSES or task == "regression":
            return {}
        return _opened(stages.open_data(recipe), keys)
    except (LamplighterError, OSError) as error:
        listener.warn(f"the page shows no examples: {error}")
        return {}


def _opened(source: Any, keys: Mapping[str, list[str]]) -> dict[str, list[str]]:
    from lamplighter.data.own import OwnSets
    from lamplighter.errors import DataError
    from lamplighter.images.decode import to_mode
    from lamplighter.truth import THUMBNAIL, thumbnail_of

    if isinstance(source, OwnSets):  # tensors of the user's own
        return {}
    by_key = {example.key: example for example in source.examples()}
    found: dict[str, list[str]] = {}
    for name, members in sorted(keys.items()):
        for key in members[:: max(1, len(members) // PER_CLASS)][:PER_CLASS]:
            try:
                image = to_mode(source.open(by_key[key], draft=(THUMBNAIL, THUMBNAIL)), 3)
            except (KeyError, DataError):  # gone or broken since
                continue
            text = base64.b64encode(thumbnail_of(image)).decode()
            found.setdefault(name, []).append(f"data:image/jpeg;base64,{text}")
    return found
