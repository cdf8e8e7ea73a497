"""accelerate: the textbook's loop with its Accelerator."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from benchmarks.speed import task as given
from benchmarks.speed.task import LR, Task, Watch
from torch import nn

PRECISION = {"fp32": "no", "bf16": "bf16"}


def fit(task: Task, watch: Watch) -> float:
    """Epochs of steps, each followed by an evaluation; returns the last accuracy."""
    board = {"log_with": "tensorboard", "project_dir": task.scratch} if task.board else {}
    accelerator = Accelerator(cpu=True, mixed_precision=PRECISION[task.precision], **board)
    accelerator.init_trackers("speed")
    net, loss_function = given.network(task), nn.CrossEntropyLoss()
    if task.precision == "bf16":
        net = net.to(memory_format=torch.channels_last)
    loader, val = given.loaders(task)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    net, optimizer, loader = accelerator.prepare(net, optimizer, loader)
    val = accelerator.prepare(val) if val is not None else None
    accuracy, step = 0.0, 0
    for epoch in range(task.epochs):
        net.train()
        watch.begins()
        for images, targets in loader:
            optimizer.zero_grad()
            loss = loss_function(net(images), targets)
            accelerator.backward(loss)
            optimizer.step()
            watch.step()
            step += 1
            if task.board and step % 50 == 0:
                accelerator.log({"train_loss": loss.item()}, step=step)
        watch.ends()
        if val is not None:
            accuracy = evaluate(accelerator, net, val)
            accelerator.log({"val_accuracy": accuracy}, step=epoch)
    accelerator.end_training()
    return accuracy


def evaluate(accelerator: Accelerator, net: nn.Module, val: object) -> float:
    """The share of right answers."""
    net.eval()
    right = count = 0
    with torch.no_grad():
        for images, targets in val:  # type: ignore[attr-defined]
            found, wanted = accelerator.gather_for_metrics((net(images).argmax(1), targets))
            right += int((found == wanted).sum())
            count += len(wanted)
    return right / count
