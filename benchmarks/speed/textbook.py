"""The loop of the courses, written fresh: what everything is measured against. It imports nothing of ours."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.speed import task as given
from benchmarks.speed.task import LR, Task, Watch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

STEPS = 12


class InMemory(Dataset[tuple[torch.Tensor, int]]):
    """Pictures in one array, made into a tensor one by one: what torchvision's CIFAR10 does."""

    def __init__(self, folder: Path) -> None:
        self.pictures, self.targets = given.arrays(folder)
        self.transform = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[index])), self.targets[index]


def fit_course(task: Task, watch: Watch) -> float:
    """As the course has it: each picture becomes a tensor when it is asked for."""
    made = [InMemory(folder) for folder in (task.train, task.val)]
    return train(
        task, watch, DataLoader(made[0], task.batch, shuffle=True), DataLoader(made[1], 64)
    )


def fit(task: Task, watch: Watch) -> float:
    """The loop on the loaders that all peers are given."""
    return train(task, watch, *given.loaders(task))


def fit_tuned(task: Task, watch: Watch) -> float:
    """The same as PyTorch's tuning guide has it: channels_last, and no loss fetched at each step."""
    return train(task, watch, *given.loaders(task), tuned=True)


def train(task: Task, watch: Watch, loader: Any, val: Any, *, tuned: bool = False) -> float:
    """Epochs of steps, each followed by an evaluation; returns the last accuracy."""
    net, loss_function = given.network(task), nn.CrossEntropyLoss()
    if tuned:
        net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    board = _board(task)
    accuracy, step, began = 0.0, 0, time.perf_counter()
    for epoch in itertools.count() if task.minutes else range(task.epochs):
        net.train()
        watch.begins()
        for images, targets in loader:
            if tuned:
                images = images.to(memory_format=torch.channels_last)
            with _autocast(task):
                loss = loss_function(net(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watch.step()
            step += 1
            if not tuned:
                loss.item()
            if board and step % 50 == 0:
                board.add_scalar("train_loss", loss.item(), step)
            if task.minutes and time.perf_counter() - began > 60 * task.minutes:
                break
        watch.ends()
        if val is not None:
            accuracy = evaluate(task, net, val)
            if board:
                board.add_scalar("val_accuracy", accuracy, epoch)
        if task.minutes and time.perf_counter() - began > 60 * task.minutes:
            break
    return accuracy


def evaluate(task: Task, net: nn.Module, val: Any) -> float:
    """The share of right answers."""
    net.eval()
    right = count = 0
    with torch.no_grad(), _autocast(task):
        for images, targets in val:
            right += int((net(images).argmax(1) == targets).sum())
            count += len(targets)
    return right / count


def loader(task: Task) -> Callable[[], int]:
    """Batches from class folders: ImageFolder, transforms v2, two workers kept alive."""
    found = DataLoader(
        ImageFolder(str(task.train), given.varied(task)), batch_size=task.batch, shuffle=True,
        num_workers=2, persistent_workers=True,
    )  # fmt: skip
    return given.over(found)


def decode(task: Task) -> Callable[[], int]:
    """The limit of decoding: each file once, at reduced scale, brought to size, by two threads."""
    from concurrent.futures import ThreadPoolExecutor

    files = sorted(task.train.glob("*/*"))
    side = round(task.size * 256 / 224) if task.size > 64 else task.size

    def one(path: Path) -> int:
        with Image.open(path) as image:
            image.draft("RGB", (side, side))
            np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
        return 1

    def turn() -> int:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return sum(pool.map(one, files))

    return turn


def answers(task: Task) -> Callable[[], list[str]]:
    """Answers for a folder: eager, float32, DataLoader with two workers."""
    kept = torch.load(f"{task.model}.pt", weights_only=True)
    net = given.network(task).eval()
    # in the order of the layers: the course's network has other names for them in each house
    net.load_state_dict(dict(zip(net.state_dict(), kept["state"].values(), strict=True)))
    shown = given.plain(task, kept["mean"], kept["std"], kept["resize"])
    pictures = ImageFolder(str(task.val), shown)
    files = DataLoader(pictures, batch_size=task.batch, num_workers=2, persistent_workers=True)

    def turn() -> list[str]:
        with torch.no_grad():
            found = torch.cat([net(images).argmax(1) for images, _ in files])
        return [pictures.classes[k] for k in found.tolist()]

    return turn


def course(data: Path) -> Callable[[], int]:
    """Training steps as the course writes them, for `in_process`."""
    from torch.utils.data import Subset

    whole = ImageFolder(str(data / "train"), transforms.ToTensor())
    some = Subset(whole, range(0, len(whole), max(1, len(whole) // 5000)))
    held = [some[index] for index in range(len(some))]
    batches = given.endless(DataLoader(held, batch_size=64, shuffle=True))  # type: ignore[arg-type]
    net, loss_function = given.network(Task(str(data))), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)

    def turn() -> int:
        for images, targets in itertools.islice(batches, STEPS):
            loss = loss_function(net(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        return STEPS * 64

    return turn


def _autocast(task: Task) -> Any:
    return torch.autocast("cpu", torch.bfloat16) if task.precision == "bf16" else nullcontext()


def _board(task: Task) -> Any:
    if not task.board:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(task.scratch)
