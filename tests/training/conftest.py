"""A training of a second: 22 pictures of 8×8, a small network with dropout and batch normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from lamplighter.data.batches import PictureBatches
from lamplighter.images.augment import policy
from lamplighter.images.pixels import HeldPixels
from lamplighter.images.preprocess import Preprocess
from lamplighter.tasks.task import TASKS
from lamplighter.training.parts import Parts
from lamplighter.training.precision import Precision
from lamplighter.training.schedule import make_schedule

if TYPE_CHECKING:
    from tests.training.feigned import Gpu

CPU = torch.device("cpu")


def _net(*, dropout: float = 0.3, norm: bool = True) -> nn.Module:
    torch.manual_seed(11)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4) if norm else nn.Identity(),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(144, 3),
    )


def _batches(count: int, batch: int, *, augment: str | None) -> PictureBatches:
    generator = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return PictureBatches(
        HeldPixels(pixels, torch.ones(count)),
        torch.arange(count) % 3,
        Preprocess(8, channels=1, mean=(0.5,), std=(0.25,)),
        batch=batch,
        device=CPU,
        augment=policy(augment, 8) if augment else None,
        seed=5,
        shuffle=augment is not None,
    )


def _parts(
    *,
    module: nn.Module | None = None,
    batch: int = 4,
    augment: str = "light",
    epochs: int = 3,
    optimizer: Callable[..., Any] = torch.optim.Adam,
    lr: float = 0.01,
    schedule: str = "cosine",
    **more: Any,
) -> Parts:
    module = module or _net()
    train = more.pop("train", None) or _batches(22, batch, augment=augment)
    built = optimizer(module.parameters(), lr=lr)
    defaults: dict[str, Any] = {
        "loss": nn.CrossEntropyLoss(),
        "val": _batches(10, 4, augment=None),
        "save_every": 0.0,
    }
    return Parts(
        module=module,
        task=TASKS["classification"],
        optimizer=built,
        schedule=make_schedule(schedule, built, steps_per_epoch=6, epochs=epochs, warmup=0),
        precision=Precision(CPU),
        train=train,
        device=CPU,
        epochs=epochs,
        **{**defaults, **more},
    )


@pytest.fixture
def net() -> Any:
    """Makes the network; the same weights each time."""
    return _net


@pytest.fixture
def batches() -> Any:
    """count, batch, augment → batches of pictures."""
    return _batches


@pytest.fixture
def parts() -> Any:
    """Makes a training's parts; the same each time."""
    return _parts


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpu]:
    """A GPU that is not there (see `feigned`)."""
    if not torch.backends.cuda.is_built():
        pytest.skip("this torch knows no CUDA, not even a feigned one")
    from tests.training.feigned import feigned  # which needs a second to be there

    with feigned(monkeypatch) as found:
        yield found
