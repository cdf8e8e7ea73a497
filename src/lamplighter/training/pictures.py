"""Examples of a split → decoded pixels → batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Some
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from PIL import Image

from lamplighter.data.batches import PictureBatches
from lamplighter.data.digests import list_faults
from lamplighter.data.example import Collection, Example, Source
from lamplighter.data.files import changed
from lamplighter.data.focus import Focus
from lamplighter.errors import DataError
from lamplighter.images import cache
from lamplighter.images.augment import Augment, canvas
from lamplighter.images.crew import Files
from lamplighter.images.pixels import HeldPixels, Pixels, Unreadable
from lamplighter.images.preprocess import Preprocess
from lamplighter.listener import SILENT, Listener
from lamplighter.machine import has_room
from lamplighter.tasks.task import encode

NO_VARIATION = Augment()


class UnreadablePictures(DataError):
    """Some pictures cannot be decoded; `keys` names them."""

    def __init__(self, faults: Sequence[tuple[str, str]], where: object) -> None:
        listed = "\n".join(f"  {key}: {reason}" for key, reason in faults[:10])
        more = f"\n  … and {len(faults) - 10} more" if len(faults) > 10 else ""
        count = "1 picture" if len(faults) == 1 else f"{len(faults):,} pictures"
        super().__init__(
            f"{count} cannot be read:\n{listed}{more}",
            where=where,
            fix="mend or remove them, or go on without them: --skip-unreadable",
        )
        self.faults = list(faults)
        self.keys = [key for key, _ in faults]


@dataclass(frozen=True)
class Reader:
    """How pictures of a source are decoded and kept.

    Args:
        source: opens them.
        digests: key → SHA-256 of the content.
        cache: "auto" (disk for files, memory for the rest), "on" (disk), "off" (memory, or
            decoded again each epoch where that is too small).
        workers: threads that decode.
    """

    source: Source
    digests: Mapping[str, str]
    cache: str
    workers: int
    listener: Listener = SILENT
    _kept: dict[str, Pixels] = field(default_factory=dict)  # splits that are held in memory

    def pixels(
        self, examples: Sequence[Example], preprocess: Preprocess, augment: Augment = NO_VARIATION
    ) -> Pixels:
        """The pictures of `examples`, as validation sees them or as `augment` wants to vary them.

        Raises:
            UnreadablePictures: lists every one that cannot be decoded.
            DataError: files were written to while they were read.
        """
        shape = self._shape(len(examples), preprocess, augment)
        opener = self._opener(examples, preprocess)

        def render(image: Image.Image) -> np.ndarray:
            return canvas(image, preprocess, augment)

        def check() -> None:
            self._refuse_changed(examples)

        how = cache.how_text(
            geometry={**preprocess.as_json(), "mean": None, "std": None}, crop=augment.crop
        )
        if not self.keeps(examples):
            name = cache.entry_key([example.key for example in examples], how)
            if name in self._kept:
                return self._kept[name]
            pixels, faults = cache.hold(shape, opener, render, self.workers, self.listener, check)
            # a split to judge by is wanted again at the end, and a person's own set is slow to read
            if augment == NO_VARIATION and not faults:
                self._kept[name] = pixels
        else:
            key = cache.entry_key([self.digests[e.key] for e in examples], how)
            pixels, faults = cache.open_or_decode(
                key, shape, opener, render,
                workers=self.workers, files=_files(examples, preprocess, augment),
                listener=self.listener, check=check,
            )  # fmt: skip
        self._raise(faults, examples)
        return pixels

    def _refuse_changed(self, examples: Sequence[Example]) -> None:
        """What was decoded would lie under the digest of something else."""
        keys = changed(self.source, examples, self.digests)
        if keys:
            head = "1 picture was" if len(keys) == 1 else f"{len(keys):,} pictures were"
            raise DataError(
                list_faults(f"{head} written to during the reading", keys),
                where=self.source.root or self.source.name,
                fix="let whatever writes them finish, and give the command again",
            )

    def keeps(self, examples: Sequence[Example]) -> bool:
        """Whether their decoded pixels are kept on disk; under "auto" those of files are."""
        if self.cache == "auto":
            return not examples or examples[0].path is not None
        return self.cache == "on"

    def _shape(
        self, count: int, preprocess: Preprocess, augment: Augment
    ) -> tuple[int, int, int, int]:
        side = preprocess.resize if augment.crop == "resized" else preprocess.size
        return (count, preprocess.channels, side, side)

    def _opener(
        self, examples: Sequence[Example], preprocess: Preprocess
    ) -> Callable[[int], Image.Image]:
        draft = preprocess.smallest_useful()
        return lambda position: self.source.open(examples[position], draft=draft)

    def _raise(self, faults: Sequence[Unreadable], examples: Sequence[Example]) -> None:
        if faults:
            told = [(examples[fault.position].key, fault.reason) for fault in faults]
            raise UnreadablePictures(told, self.source.root or self.source.name)


def _files(examples: Sequence[Example], preprocess: Preprocess, augment: Augment) -> Files | None:
    """The same for a process of its own; None unless all are files."""
    paths = [example.path for example in examples if example.path is not None]
    if len(paths) < len(examples):
        return None
    return Files(
        paths, preprocess.geometry, augment.crop == "resized", preprocess.smallest_useful()
    )


def make_batches(
    collection: Collection,
    split: str,
    pixels: Pixels,
    preprocess: Preprocess,
    device: torch.device,
    *,
    batch: int | None = None,
    augment: Augment | None = None,
    seed: int = 0,
    side_at: Callable[[int], int] | None = None,
    focus: Focus | None = None,
    memory_format: torch.memory_format = torch.channels_last,
) -> PictureBatches:
    """Batches of a split; for training when `augment` is given, else for validation.

    Args:
        batch: examples per batch; None takes the batch that only answering uses.
        side_at: epoch → side of its pictures, where that grows.
        focus: chooses what an epoch shows, where not all.
        memory_format: how pictures lie in memory (see `fit_memory_format`).
    """
    targets = encode(collection.task, collection.labels(split), collection.classes)
    on_gpu = device.type == "cuda"
    if on_gpu and isinstance(pixels, HeldPixels) and has_room(device, pixels.pixels.nbytes):
        pixels = pixels.to(device)
    return PictureBatches(
        pixels,
        targets,
        preprocess,
        batch=batch or preprocess.inference_batch(device.type),
        device=device,
        augment=augment,
        seed=seed,
        shuffle=augment is not None,
        side_at=side_at,
        focus=focus,
        memory_format=memory_format,
    )


def without(collection: Collection, keys: Some[str], *, only: str = "") -> Collection:
    """The same collection without some examples; the others keep their split.

    Args:
        only: a split that alone has to keep examples; otherwise every split and class must.

    Raises:
        DataError: a class or a split would be left empty.
    """
    gone = set(keys)
    splits = {
        name: tuple(e for e in examples if e.key not in gone)
        for name, examples in collection.splits.items()
    }
    empty = [name for name, left in splits.items() if not left and only in ("", name)]
    left = {name for e in splits.get("train", ()) for name in _names(e)}
    bare = [] if only else [name for name in collection.classes if name not in left]
    if empty or bare:
        raise DataError(
            f"without the {len(gone):,} unreadable pictures nothing is left of {', '.join(empty + bare)}",
            where=collection.source.root or collection.source.name,
            fix="add pictures that can be read",
        )
    return replace(collection, splits=splits)


def _names(example: Example) -> tuple[str, ...]:
    if isinstance(example.label, tuple):
        return tuple(str(name) for name in example.label)
    return (str(example.label),)
