"""A + B: several sources as one; classes are the same where their names are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL.Image import Image

from lamplighter.data.example import Example, Source


class JoinedSource:
    """Several sources; see `Source` for the attributes.

    Keys get the source's name in front when any two sources share a key, and a number as well
    when two sources share a name.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        names = [source.name for source in sources]
        counts = Counter(names)
        labels = [
            f"{name}-{1 + names[:place].count(name)}" if counts[name] > 1 else name
            for place, name in enumerate(names)
        ]
        self.name = "+".join(names)
        self.layout = " + ".join(f"{one.name}: {one.layout}" for one in sources)
        self.root: Path | None = None
        self.ignored = tuple(
            f"{label}/{key}"
            for source, label in zip(sources, labels, strict=True)
            for key in source.ignored
        )
        self.empty_classes = tuple(name for source in sources for name in source.empty_classes)
        self.notes = tuple(f"{one.name}: {note}" for one in sources for note in one.notes)
        keys = Counter(example.key for source in sources for example in source.examples())
        clash = any(count > 1 for count in keys.values())
        self._homes: dict[str, tuple[Source, Example]] = {}
        found: list[Example] = []
        for source, label in zip(sources, labels, strict=True):
            for example in source.examples():
                key = f"{label}/{example.key}" if clash else example.key
                # patient 7 of one hospital is not patient 7 of another
                group = f"{label}/{example.group}" if example.group is not None else None
                self._homes[key] = (source, example)
                found.append(replace(example, key=key, group=group))
        self._found = tuple(found)

    def examples(self) -> Sequence[Example]:
        """All examples, source after source."""
        return self._found

    def open(self, example: Example, *, draft: tuple[int, int] | None = None) -> Image:
        """The picture, opened by the source that it came from."""
        source, original = self._homes[example.key]
        return source.open(original, draft=draft)

    def digest(self, example: Example) -> str:
        """SHA-256 as the source that it came from counts it."""
        source, original = self._homes[example.key]
        return source.digest(original)
