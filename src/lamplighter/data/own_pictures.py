"""The user's own sets of (picture, label), as a source like any other."""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lamplighter.data.example import Example, Label
from lamplighter.data.memory import digest_of_pixels
from lamplighter.errors import DataError
from lamplighter.images.decode import ENDINGS, read_picture


def looks_like_picture_item(item: Any) -> bool:
    """Whether an item is (picture, label) with a picture that Lamplighter can prepare itself."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        return False
    return _is_picture(item[0]) and _label_of(item[1], ()) is not None


class PictureSets:
    """A source over the user's own map-style sets; items are read when they are asked for.

    Labels come from the set's `targets` or `labels` where it has them. Without, and for the
    content hashes, each item is read once and its pixels are let go again.
    """

    def __init__(self, name: str, sets: Mapping[str, Any], text: str) -> None:
        self.name = name
        self.layout = f"own {type(sets['train']).__name__} of pictures"
        self.root: Path | None = None
        self.ignored: Sequence[str] = ()
        self.empty_classes: Sequence[str] = ()
        self.notes: Sequence[str] = ()
        self._text = text
        self._sets = dict(sets)
        self._digests: dict[str, str] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._found: tuple[Example, ...] | None = None

    def examples(self) -> Sequence[Example]:
        """All examples, set after set."""
        if self._found is None:
            split = len(self._sets) > 1
            self._found = tuple(
                one for name in self._sets for one in self._examples_of(name, split)
            )
        return self._found

    def open(self, example: Example, *, draft: tuple[int, int] | None = None) -> Image.Image:
        """The picture of one item."""
        picture = self._item(example.key)[0]
        if isinstance(picture, str | Path):
            return read_picture(picture, draft=draft)
        return picture if isinstance(picture, Image.Image) else Image.fromarray(picture)

    def digest(self, example: Example) -> str:
        """SHA-256 (hex) of the file's bytes, or of the picture's pixels."""
        if example.key not in self._digests:
            self._digests[example.key] = _digest(self._item(example.key)[0])
        return self._digests[example.key]

    def _item(self, key: str) -> Any:
        name, index = self._places[key]
        try:
            return self._sets[name][index]
        except Exception as error:
            from lamplighter.data.seeded import (
                failed,
            )  # it brings torch, which a look has no use for

            trace = failed("", error).trace
            raise DataError(
                f"reading item {index} of {name} failed: {type(error).__name__}: {error}\n{trace}".rstrip(),
                where=self._text,
                fix=f"mend what the set does with item {index}",
            ) from error

    def _examples_of(self, name: str, split: bool) -> list[Example]:
        own = self._sets[name]
        classes = _class_names(own)
        stored = _stored_labels(own)
        found: list[Example] = []
        for index in range(len(own)):
            key = f"{name}/{index:06d}" if split else f"{index:06d}"
            self._places[key] = (name, index)
            if stored is not None:
                raw = stored[index]
            else:
                picture, raw = self._item(key)
                self._digests[key] = _digest(picture)
            label = _label_of(raw, classes)
            if label is None:
                raise DataError(
                    f"item {index} of {name} has the label {raw!r}; expected a name or a number",
                    where=self._text,
                    fix="let each item be (picture, label), the label a text or a whole number",
                )
            found.append(Example(key, label, split=name if split else None, index=index))
        return found


def _is_picture(thing: Any) -> bool:
    if isinstance(thing, Image.Image):
        return True
    if isinstance(thing, np.ndarray):
        shaped = thing.ndim == 2 or (thing.ndim == 3 and thing.shape[2] in (3, 4))
        return thing.dtype == np.uint8 and shaped
    return isinstance(thing, str | Path) and Path(thing).suffix.lower() in ENDINGS


def _digest(picture: Any) -> str:
    if isinstance(picture, str | Path):
        try:
            return hashlib.sha256(Path(picture).read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(
                f"the file cannot be read: {error.strerror}",
                where=picture,
                fix="put it there, or leave it out of your data set",
            ) from error
    return digest_of_pixels(np.asarray(picture))


def _class_names(own: Any) -> Sequence[str]:
    names = getattr(own, "classes", None)
    return [str(name) for name in names] if isinstance(names, list | tuple) else ()


def _stored_labels(own: Any) -> Any:
    """`targets` or `labels`, when they are one plain value for each item and agree with the first."""
    for attribute in ("targets", "labels"):
        stored: Any = getattr(own, attribute, None)
        stored = stored.tolist() if hasattr(stored, "tolist") else stored
        if isinstance(stored, list | tuple) and len(stored) == len(own):
            first = _label_of(own[0][1], ())
            # a target_transform changes what an item says; then the attribute is not the label
            if first is not None and first == _label_of(stored[0], ()):
                return stored
    return None


def _label_of(raw: Any, classes: Sequence[str]) -> Label | None:
    if hasattr(raw, "item") and getattr(raw, "ndim", None) == 0:
        raw = raw.item()
    if isinstance(raw, str):
        return raw
    if isinstance(raw, numbers.Integral):
        number = int(raw)
        return classes[number] if 0 <= number < len(classes) else str(number)
    if isinstance(raw, numbers.Real):
        return float(raw)
    if isinstance(raw, tuple | list) and all(isinstance(one, str) for one in raw):
        return tuple(raw)
    return None
