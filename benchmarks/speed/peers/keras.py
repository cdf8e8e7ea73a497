"""Keras on torch: Model.fit on torch's DataLoader; the course's network in Keras's own layers."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
from benchmarks.speed import task as given
from benchmarks.speed.task import LR, Task, Watch
from keras import layers


def fit(task: Task, watch: Watch) -> float:
    """Model.fit with an evaluation each epoch; returns the last accuracy."""
    keras.utils.set_random_seed(task.seed)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_bfloat16" if task.precision == "bf16" else "float32")
    loader, val = given.loaders(task)
    model = _network(task)
    model.compile(
        optimizer=keras.optimizers.SGD(LR), metrics=["accuracy"] if val is not None else [],
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )  # fmt: skip
    told = model.fit(
        loader, validation_data=val, epochs=task.epochs, verbose=0, callbacks=[Told(watch, task)]
    )
    return float(told.history["val_accuracy"][-1]) if val is not None else 0.0


def _network(task: Task) -> Any:
    shape = keras.Input((3, task.size, task.size))
    if task.network != "course":
        return keras.Sequential([shape, layers.TorchModuleWrapper(given.network(task))])
    stages: list[Any] = []
    for planes in (32, 32, 64):
        stages += [layers.Conv2D(planes, 5, padding="same"), layers.MaxPooling2D(2)]
    return keras.Sequential([shape, *stages, layers.Flatten(), layers.Dense(64), layers.Dense(10)])


class Told(keras.callbacks.Callback):  # type: ignore[misc]
    """Keras's own hooks. Its TensorBoard callback needs TensorFlow, so torch's writer is used."""

    def __init__(self, watch: Watch, task: Task) -> None:
        super().__init__()
        self.watch, self.board = watch, None
        if task.board:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(task.scratch)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """An epoch begins."""
        self.watch.begins()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """A step is done."""
        self.watch.step()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """The evaluation lies within an epoch."""
        self.watch.ends()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Its training is over."""
        self.watch.ends()
        for name, value in (logs or {}).items():
            if self.board is not None:
                self.board.add_scalar(name, float(value), epoch)
