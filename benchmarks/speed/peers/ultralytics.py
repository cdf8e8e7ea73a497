"""Ultralytics: its classification trainer on class folders, pictures cached in memory."""

from __future__ import annotations

import os
import tempfile
from typing import Any

os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_VERBOSE", "false")

import torch.nn.functional as F
from benchmarks.speed import task as given
from benchmarks.speed.task import LR, SCALE, Task, Watch
from torch import nn
from ultralytics.models.yolo.classify import ClassificationTrainer


def fit(task: Task, watch: Watch) -> float:
    """ClassificationTrainer.train; returns the last accuracy."""
    net = Net(given.network(task))

    class Trainer(ClassificationTrainer):  # type: ignore[misc]
        def setup_model(self) -> None:
            """The network that all are given, in place of one of its own."""
            self.model = net

        def save_model(self) -> bool:
            """No file is written; even with save=False one would be after the last epoch."""
            return False

        def final_eval(self) -> None:
            """The accuracy is the last epoch's; this would read it again from such a file."""

    trainer = Trainer(
        overrides={
            "model": "yolov8n-cls.yaml", "pretrained": False, "data": task.folder,
            "epochs": task.epochs, "imgsz": task.size, "batch": task.batch, "nbs": task.batch,
            "workers": task.workers, "optimizer": "SGD", "lr0": LR, "lrf": 1.0, "momentum": 0.0,
            "weight_decay": 0.0, "warmup_epochs": 0, "seed": task.seed, "amp": False,
            "device": "cpu", "cache": "ram", "scale": 1 - SCALE[0], "fliplr": 0.5,
            "auto_augment": "", "erasing": 0.0, "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0,
            "plots": False, "save": False, "verbose": False, "project": task.scratch,
            "deterministic": False,
        }
    )  # fmt: skip
    for hook, tell in (
        ("on_train_epoch_start", watch.begins),
        ("on_train_batch_end", watch.step),
        ("on_train_epoch_end", watch.ends),
    ):
        trainer.add_callback(hook, tell)
    trainer.train()
    return float(trainer.metrics["metrics/accuracy_top1"])


class Net(nn.Module):
    """A network in the form that the trainer asks for.

    Attributes:
        criterion: asked for after each epoch, in case that it moves with the epochs; ours does not.
    """

    criterion = None  # asked whether it changes by the epoch

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.criterion = None

    def forward(self, images: Any, **_: Any) -> Any:
        """The loss of a batch, or the answers for pictures."""
        return self.loss(images) if isinstance(images, dict) else self.net(images)

    def loss(self, batch: Any, answers: Any = None) -> Any:
        """Cross entropy, and by name what is to be shown."""
        loss = F.cross_entropy(self.net(batch["img"]) if answers is None else answers, batch["cls"])
        return loss, {"loss": loss.detach()}
