"""Hugging Face's Trainer on a network of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch.nn.functional as F
from benchmarks.speed import task as given
from benchmarks.speed.task import LR, Task, Watch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.utils import logging


def fit(task: Task, watch: Watch) -> float:
    """Trainer.train with an evaluation each epoch; returns the last accuracy."""
    logging.set_verbosity_error()
    loader, val = given.loaders(task)
    judged = val is not None
    trainer = Loaded(
        model=Net(given.network(task)),
        args=TrainingArguments(
            output_dir=task.scratch, num_train_epochs=task.epochs, use_cpu=True, seed=task.seed,
            per_device_train_batch_size=task.batch, bf16=task.precision == "bf16",
            optim="sgd", learning_rate=LR, lr_scheduler_type="constant", max_grad_norm=0.0,
            eval_strategy="epoch" if judged else "no", save_strategy="no", logging_steps=50,
            report_to=["tensorboard"] if task.board else [], disable_tqdm=True,
            dataloader_pin_memory=False, max_steps=task.epochs * len(loader),
        ),
        train_dataset=loader.dataset, eval_dataset=val.dataset if judged else None,
        compute_metrics=lambda found: {"accuracy": np.mean(found[0].argmax(1) == found[1])},
        callbacks=[Told(watch)],
    )  # fmt: skip
    trainer.ready = loader, val
    trainer.train()
    said = [row["eval_accuracy"] for row in trainer.state.log_history if "eval_accuracy" in row]
    return float(said[-1]) if said else 0.0


class Net(nn.Module):
    """A network in the form that the Trainer asks for."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Any, labels: Any) -> dict[str, Any]:
        """Loss and logits."""
        logits = self.net(images)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


class Loaded(Trainer):
    """The Trainer on loaders that are there, whose batches it wants as dicts."""

    ready: Any

    def get_train_dataloader(self) -> Any:
        """Its own seam for that."""
        return Named(self.ready[0])

    def get_eval_dataloader(self, _: Any = None) -> Any:
        """The same for the evaluation."""
        return Named(self.ready[1])


class Named:
    """A loader's batches by name."""

    def __init__(self, loader: Any) -> None:
        self.loader, self.dataset = loader, loader.dataset
        self.batch_size = loader.batch_size

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Any:
        return ({"images": images, "labels": labels} for images, labels in self.loader)


class Told(TrainerCallback):  # type: ignore[misc]
    """The Trainer's own hooks."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """An epoch begins."""
        self.watch.begins()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """A step is done."""
        self.watch.step()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        """Its training is over; the evaluation comes after this."""
        self.watch.ends()
