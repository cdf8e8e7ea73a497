"""Lightning: its Trainer without what its documents call slow (bar, summary, checkpoints)."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from benchmarks.speed import task as given
from benchmarks.speed.task import LR, Task, Watch
from lightning.pytorch.loggers import TensorBoardLogger

PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def fit(task: Task, watch: Watch) -> float:
    """Trainer.fit; returns the last accuracy."""
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    loader, val = given.loaders(task)
    net = Net(task)
    trainer = lightning.Trainer(
        max_epochs=task.epochs, accelerator="cpu", precision=PRECISION[task.precision],
        logger=TensorBoardLogger(task.scratch) if task.board else False,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        num_sanity_val_steps=0, callbacks=[Told(watch)],
    )  # fmt: skip
    trainer.fit(net, loader, val)
    return float(trainer.callback_metrics.get("val_accuracy", 0.0))


class Net(lightning.LightningModule):
    def __init__(self, task: Task) -> None:
        super().__init__()
        self.net = given.network(task)

    def training_step(self, batch: Any, _: int) -> Any:
        """The loss."""
        images, targets = batch
        loss = F.cross_entropy(self.net(images), targets)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, _: int) -> None:
        """Counts right answers."""
        images, targets = batch
        right = (self.net(images).argmax(1) == targets).float().mean()
        self.log("val_accuracy", right, batch_size=len(targets))

    def configure_optimizers(self) -> Any:
        """Plain SGD."""
        return torch.optim.SGD(self.net.parameters(), lr=LR)


class Told(lightning.Callback):
    def __init__(self, watch: Watch) -> None:
        self.on_train_epoch_start = watch.begins
        self.on_train_batch_end = watch.step
        self.on_validation_start = watch.ends  # it lies before the training epoch's own end
        self.on_train_epoch_end = watch.ends
