"""fastai: its Learner, and its own loaders for folders of pictures."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from benchmarks.speed import task as given
from benchmarks.speed.task import LR, SCALE, Task, Watch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastai.callback.tensorboard import TensorBoardCallback
    from fastai.vision import all as fast


def fit(task: Task, watch: Watch) -> float:
    """Learner.fit; returns the last accuracy."""
    warnings.filterwarnings("ignore")
    small = task.network in ("course", "nothing")
    dls = _in_memory(task) if small else _folders(task, _photographs(task))
    learn = fast.Learner(
        dls, given.network(task), loss_func=torch.nn.CrossEntropyLoss(),
        opt_func=partial(fast.SGD, mom=0.0), path=task.scratch,
        metrics=[] if task.network == "nothing" else fast.accuracy,
        cbs=[Told(watch), *_board(task)],
    )  # fmt: skip
    if not small:
        learn.to_channelslast()
    with learn.no_bar(), learn.no_logging():
        learn.fit(task.epochs, LR)
    return 0.0 if task.network == "nothing" else float(learn.recorder.values[-1][-1])


def loader(task: Task) -> Callable[[], int]:
    """Batches from class folders by ImageDataLoaders, two workers."""
    items = _photographs(task) if task.size > 64 else _shifted(task)
    return given.over(_folders(task, items)[0])


class Told(fast.Callback):  # type: ignore[misc]
    """fastai's own hooks."""

    def __init__(self, watch: Watch) -> None:
        self.before_train = watch.begins
        self.after_batch = watch.step
        self.after_train = watch.ends


def _in_memory(task: Task) -> Any:
    loader, val = given.loaders(task)
    if task.network == "nothing":
        return fast.DataLoaders(loader, [])
    return fast.DataLoaders.from_dsets(
        loader.dataset, val.dataset, bs=task.batch, num_workers=0, device=torch.device("cpu")
    )


def _folders(task: Task, items: list[Any]) -> Any:
    normal = fast.Normalize.from_stats([0.5] * 3, [0.25] * 3)
    return fast.ImageDataLoaders.from_folder(
        task.folder, train="train", valid="val", item_tfms=items, batch_tfms=[fast.Flip(), normal],
        bs=task.batch, num_workers=task.workers or 2, device=torch.device("cpu"),
    )  # fmt: skip


def _photographs(task: Task) -> list[Any]:
    return [fast.RandomResizedCrop(task.size, min_scale=SCALE[0])]


def _shifted(task: Task) -> list[Any]:
    return [fast.CropPad(task.size + 8, pad_mode="zeros"), fast.RandomCrop(task.size)]


def _board(task: Task) -> list[Any]:
    return [TensorBoardCallback(task.scratch, log_preds=False)] if task.board else []
