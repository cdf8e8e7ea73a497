"""One sample of a data set, before its pixels are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lamplighter.errors import UnknownName

if TYPE_CHECKING:
    from PIL.Image import Image

Label = str | tuple[str, ...] | float
SPLITS = ("train", "val", "test")
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
WHOLE = "all"  # data without splits that a model is only judged on


def split_named(word: str) -> str:
    """The split that a typed word means: "val" for "validation".

    Raises:
        UnknownName: it is no word for a split.
    """
    words = {**SPLIT_WORDS, WHOLE: WHOLE}
    if word.lower() not in words:
        raise UnknownName(
            "split", word, words, where="--split",
            fix="--split train, --split val or --split test; --split all for new data without splits",
        )  # fmt: skip
    return words[word.lower()]


def usual_split(there: Iterable[str]) -> str:
    """The split that a model is judged on where nobody names one: test, else val, else all of it."""
    there = tuple(there)
    return next(name for name in ("test", "val", WHOLE, *there) if name in there)


@dataclass(frozen=True, slots=True)
class Example:
    """One sample: where its pixels are and what is said about it.

    Args:
        key: unique within the source and stable between runs, such as "ants/0013035.jpg"
            (posix separators, relative to the source's root).
        label: the class name; a tuple of names when there may be several; a number in regression.
        path: the file; None when the pixels are held in memory by the source.
        split: "train", "val" or "test" where the source says so, else None.
        group: what must stay together in one split (a patient, a film), else None.
        index: position in a source that holds its pixels in memory, else None.
        moment: when it was taken as a table's time column says, seconds since 1970, else None.
    """

    key: str
    label: Label
    path: Path | None = None
    split: str | None = None
    group: str | None = None
    index: int | None = None
    moment: float | None = None


class Source(Protocol):
    """Something that yields examples and can open each one's picture.

    Attributes:
        name: short word for run names and talk: "photos", "cifar10".
        layout: what was recognised, in a few words: "class folders, split train/val".
        root: the folder that keys are relative to; None when in memory.
        ignored: files that lie there but are no examples (hidden, not pictures), for `lamp look`.
        empty_classes: class folders without a picture.
        notes: what a person should hear about how the data were understood.
    """

    @property
    def name(self) -> str:
        """A short word."""
        ...

    @property
    def layout(self) -> str:
        """What was recognised."""
        ...

    @property
    def root(self) -> Path | None:
        """Where keys start."""
        ...

    @property
    def ignored(self) -> Sequence[str]:
        """What was passed over."""
        ...

    @property
    def empty_classes(self) -> Sequence[str]:
        """Class folders without a picture."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a person should hear."""
        ...

    def examples(self) -> Sequence[Example]:
        """All examples, in a stable order."""
        ...

    def open(self, example: Example, *, draft: tuple[int, int] | None = None) -> Image:
        """The picture as it lies: decoded, upright (EXIF applied), its mode untouched.

        Args:
            example: one of `examples()`.
            draft: see `images.decode.read_picture`; sources in memory ignore it.

        Raises:
            DataError: unreadable; names the file and the reason.
        """
        ...

    def digest(self, example: Example) -> str:
        """SHA-256 (hex) of the file's bytes, or of shape, dtype and pixels held in memory."""
        ...


@dataclass(frozen=True)
class Collection:
    """A source whose examples were sorted into splits and classes: what training works on.

    Args:
        source: opens the pictures.
        task: "classification", "multilabel" or "regression".
        classes: sorted names found in train; empty in regression.
        splits: "train", "val", "test" → examples; a split may be empty or missing.
        digests: key → SHA-256 of the content, for all examples.
        made_splits: which of the splits Lamplighter cut itself.
        said: how the splits came about, in one sentence.
        shares: split → the fraction that was cut for it; empty where nothing was cut.
    """

    source: Source
    task: str
    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Example, ...]]
    digests: Mapping[str, str]
    made_splits: tuple[str, ...] = ()
    said: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)

    def labels(self, split: str) -> list[Label]:
        """The labels of one split, in order."""
        return [example.label for example in self.splits.get(split, ())]
