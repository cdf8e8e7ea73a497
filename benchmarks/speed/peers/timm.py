"""timm: its loader and transforms under the textbook's loop (its own loop is a script, no library)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.speed import task as given
from benchmarks.speed import textbook
from benchmarks.speed.task import SCALE, Task, Watch
from timm.data import ImageDataset, create_loader
from torch.utils.data import Dataset


def fit(task: Task, watch: Watch) -> float:
    """The textbook's loop on timm's loaders; returns the last accuracy."""
    return textbook.train(task, watch, _loader(task, True), _loader(task, False), tuned=True)


def loader(task: Task) -> Callable[[], int]:
    """Batches from class folders, two workers."""
    return given.over(_loader(task, True))


class InMemory(Dataset[Any]):
    """Small pictures, decoded once; its loader sets `transform`."""

    def __init__(self, folder: Any) -> None:
        from PIL import Image

        pictures, self.targets = given.arrays(folder)
        self.pictures = [Image.fromarray(picture) for picture in pictures]
        self.transform: Any = None

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.pictures[index]), self.targets[index]


def _loader(task: Task, training: bool) -> Any:
    folder = task.train if training else task.val
    if task.network == "course" and not task.augment:
        data, how = InMemory(folder), {"no_aug": True, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    else:
        data, how = ImageDataset(str(folder)), {"mean": (0.5,) * 3, "std": (0.25,) * 3}
        if training and task.size <= 64:
            how |= {"train_crop_mode": "rkrc", "ratio": (1.0, 1.0), "scale": (0.8, 1.0)}
        elif training:
            how |= {"scale": SCALE}
    return create_loader(
        data, (3, task.size, task.size), task.batch, is_training=training, num_workers=task.workers,
        use_prefetcher=False, persistent_workers=task.workers > 0, hflip=0.5, color_jitter=None,
        interpolation="bilinear", pin_memory=False, crop_pct=1.0, **how,
    )  # fmt: skip
