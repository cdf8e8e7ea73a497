"""The loop of the courses, written fresh: what Lamplighter is measured against. It imports nothing of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

STEPS = 12


class InMemory(Dataset[tuple[torch.Tensor, int]]):
    """Pictures in one array, made into a tensor one by one: what torchvision's CIFAR10 does."""

    def __init__(self, root: Path, most: int) -> None:
        samples = ImageFolder(str(root)).samples
        samples = samples[:: max(1, len(samples) // most)]
        self.pictures = np.stack([np.asarray(Image.open(p).convert("RGB")) for p, _ in samples])
        self.targets = [target for _, target in samples]
        self.transform = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[index])), self.targets[index]


def course_net() -> nn.Module:
    """The course's network: three convolutions, three poolings, two linear layers."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 5, padding=2), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10),
    )  # fmt: skip


def course(data: Path) -> Callable[[], int]:
    """Training steps on pictures held in memory, batch 64, SGD, as the course writes them."""
    loader = DataLoader(InMemory(data / "train", 5000), batch_size=64, shuffle=True)
    net, loss_function = course_net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    batches = endless(loader)

    def turn() -> int:
        for images, targets in itertools.islice(batches, STEPS):
            outputs = net(images)
            loss = loss_function(outputs, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        return STEPS * 64

    return turn


def loader(data: Path) -> Callable[[], int]:
    """Batches from class folders: ImageFolder, transforms v2, two workers kept alive."""
    varied = v2.Compose([
        v2.ToImage(), v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3),
    ])  # fmt: skip
    found = DataLoader(
        ImageFolder(str(data / "train"), varied), batch_size=64, shuffle=True, num_workers=2,
        persistent_workers=True,
    )  # fmt: skip
    batches = endless(found)

    def turn() -> int:
        return sum(len(targets) for _, targets in itertools.islice(batches, STEPS))

    return turn


def endless(loader: DataLoader) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Epoch after epoch."""
    while True:
        yield from loader
