"""What is known about a run that is to be written out as one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamplighter.recipe import Recipe


@dataclass(frozen=True)
class Origin:
    """Where a run's pictures come from, as far as the file has to know.

    Args:
        kind: "files", "digits", "torchvision" (a set known by name) or "own" (the user's own set).
        root: folder that the paths of split.csv start from, or that holds a known set.
        name: of a known set ("mnist") or of an own one ("package.module:name").
        set_class: the known set's class in torchvision.datasets.
        surrogates: whether names of files are not UTF-8.
        transparent: whether pictures may have transparent parts.
        wide: whether there are pictures of 16 bits a channel.
        counts: split → examples.
        split_file: name of the table of the splits, which lies beside the file.
        reasons: why the file cannot give the run's figures to the last digit.
    """

    kind: str
    root: str
    counts: Mapping[str, int]
    name: str = ""
    set_class: str = ""
    surrogates: bool = False
    transparent: bool = True
    wide: bool = False
    split_file: str = "split.csv"
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Past:
    """What a run left behind besides its model.

    Args:
        name: the run's.
        recipe: resolved.
        environment: versions, threads.
        unreadable: test pictures that could not be read and were not counted.
    """

    name: str
    recipe: Recipe
    environment: Mapping[str, Any]
    unreadable: int = 0
