"""What every contender is given: the same network, pictures, batch, optimizer and precision.

Nothing here imports torch before a contender asks for it: start-up is one of the things measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

LR = 0.01  # plain SGD, no momentum, constant: every framework has it in the same form
SCALE = (0.35, 1.0)  # share of a photograph's area that a training crop takes


@dataclass(frozen=True)
class Task:
    """One job.

    Args:
        folder: class folders below train/ and val/.
        network: "course", "nothing", or a name that torchvision has.
        size: side of the square that the network sees, pixels.
        batch: pictures per step.
        epochs: passes over train/.
        precision: "fp32", "bf16" (autocast), or for Lamplighter "auto".
        augment: random crop and left-right flip.
        board: whether TensorBoard events are written.
        workers: processes of a DataLoader; pictures that are in memory need none.
        seed: of weights and order.
        steps: of the network of nothing, per epoch.
        model: a model file, for jobs that only answer.
        minutes: for trainings that end by the clock.
        scratch: a folder for what a contender writes.
    """

    folder: str
    network: str = "course"
    size: int = 32
    batch: int = 64
    epochs: int = 2
    precision: str = "fp32"
    augment: bool = False
    board: bool = False
    workers: int = 0
    seed: int = 0
    steps: int = 500
    model: str = ""
    minutes: float = 0.0
    scratch: str = ""

    @property
    def train(self) -> Path:
        """Class folders of pictures to learn from."""
        return Path(self.folder, "train")

    @property
    def val(self) -> Path:
        """Class folders of pictures to judge by."""
        return Path(self.folder, "val")

    def with_seed(self, seed: int) -> Task:
        """The same task with other random numbers."""
        return replace(self, seed=seed)

    def as_text(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))


class Watch:
    """Takes the time of epochs; the frameworks' own hooks call it.

    Attributes:
        epochs: seconds of each epoch's training part.
        spent: processor seconds of each, of this process: a busy machine disturbs them less.
        first: when the first step was done, as time.time() has it.
        ended: when the first epoch's training was over, as time.perf_counter() has it.
    """

    def __init__(self) -> None:
        self.epochs: list[float] = []
        self.spent: list[float] = []
        self.first: float | None = None
        self.ended: float | None = None
        self._begun: tuple[float, float] | None = None

    def begins(self, *_: Any) -> None:
        """An epoch's training begins."""
        self._begun = time.perf_counter(), time.process_time()

    def step(self, *_: Any) -> None:
        """A step is done."""
        if self.first is None:
            self.first = time.time()

    def ends(self, *_: Any) -> None:
        """The training part is over; a second call changes nothing."""
        if self._begun is not None:
            now, spent = time.perf_counter(), time.process_time()
            self.epochs.append(now - self._begun[0])
            self.spent.append(spent - self._begun[1])
            self.ended, self._begun = self.ended or now, None


def network(task: Task) -> Any:
    """The network, seeded, untrained."""
    import torch
    from torch import nn

    torch.manual_seed(task.seed)
    if task.network == "nothing":
        return Nothing()
    if task.network == "course":
        return nn.Sequential(
            nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 5, padding=2), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10),
        )  # fmt: skip
    from torchvision import models

    return models.get_model(task.network, weights=None, num_classes=classes(task))


def Nothing() -> Any:  # noqa: N802  (it is a module's class, made once torch is there)
    """A network of nothing: what is left is the cost of the loop round it."""
    from torch import nn

    class Four(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 10)

        def forward(self, images: Any) -> Any:
            """Looks at four pixels."""
            return self.layer(images[:, 0, 0, :4])

    return Four()


def classes(task: Task) -> int:
    """How many there are."""
    return sum(1 for each in task.train.iterdir() if each.is_dir())


def loaders(task: Task) -> tuple[Any, Any]:
    """(training, validation) DataLoaders that any framework takes, as quick as torch's own get.

    Small pictures lie in memory as ready tensors; photographs are read by workers that stay alive.
    """
    from torch.utils.data import DataLoader

    if task.network == "nothing":
        return DataLoader(_repeated(task), batch_size=None), None
    if task.network == "course":
        made = [in_memory(folder, task) for folder in (task.train, task.val)]
    else:
        from torchvision.datasets import ImageFolder

        made = [ImageFolder(str(task.train), varied(task)), ImageFolder(str(task.val), plain(task))]
    kept: dict[str, Any] = {"batch_size": task.batch, "num_workers": task.workers}
    kept |= {"persistent_workers": True} if task.workers else {}
    return DataLoader(made[0], shuffle=True, **kept), DataLoader(made[1], **kept)


def in_memory(folder: Path, task: Task) -> Any:
    """All pictures as one float tensor in 0…1."""
    import torch
    from torch.utils.data import TensorDataset

    pictures, targets = arrays(folder)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255).contiguous()
    assert images.shape[-1] == task.size
    return TensorDataset(images, torch.tensor(targets))


def arrays(folder: Path) -> tuple[Any, list[int]]:
    """All pictures as uint8 [N, H, W, 3], and their classes."""
    import numpy as np
    from PIL import Image

    names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    files = [(path, names.index(path.parent.name)) for path in sorted(folder.glob("*/*"))]
    pictures = np.stack([np.asarray(Image.open(path).convert("RGB")) for path, _ in files])
    return pictures, [target for _, target in files]


def varied(task: Task) -> Any:
    """torchvision's transforms for training."""
    import torch
    from torchvision.transforms import v2

    small = [v2.RandomCrop(task.size, padding=4)]
    crop = small if task.size <= 64 else [v2.RandomResizedCrop(task.size, SCALE)]
    last = [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)]
    return v2.Compose([*crop, v2.RandomHorizontalFlip(), v2.ToImage(), *last])


def plain(task: Task, mean: Any = (0.5,) * 3, std: Any = (0.25,) * 3, resize: int = 0) -> Any:
    """torchvision's transforms for answering."""
    import torch
    from torchvision.transforms import v2

    return v2.Compose([
        v2.Resize(resize or task.size), v2.CenterCrop(task.size), v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(mean), list(std)),
    ])  # fmt: skip


def endless(loader: Any) -> Iterator[Any]:
    """Epoch after epoch."""
    while True:
        yield from loader


def over(loader: Any, steps: int = 12) -> Callable[[], int]:
    """A turn of batches from a loader whose batches begin with the pictures."""
    batches = endless(loader)
    return lambda: sum(len(next(batches)[0]) for _ in range(steps))


def _repeated(task: Task) -> Any:
    """The same batch again and again, `task.steps` times an epoch."""
    import torch
    from torch.utils.data import IterableDataset

    class Repeated(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            batch = torch.zeros(task.batch, 3, task.size, task.size), torch.zeros(task.batch).long()
            return iter([batch] * task.steps)

        def __len__(self) -> int:
            return task.steps

    return Repeated()
