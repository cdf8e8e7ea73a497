"""What `lamp.check` costs before a training: seconds, processor time, and batches read.

    python benchmarks/findings/precheck.py [ROUNDS]

A ResNet-18 on pictures of 64 px, cross entropy, SGD, with a train and a validation loader; and the
small network of `overhead.py`. Told are medians of wall-clock seconds and of processor seconds, how many
samples were read from both sets (also as full batches), and the training steps tried. Importing torch is not counted.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader, Dataset

import lamplighter as lamp


class Pictures(Dataset[Any]):
    """Samples that count how often one is read, by whatever loader."""

    read = 0

    def __init__(self, pictures: torch.Tensor, labels: torch.Tensor) -> None:
        self.pictures, self.labels = pictures, labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        Pictures.read += 1
        return self.pictures[index], self.labels[index]


def set_up(
    small: bool, samples: int, batch: int
) -> tuple[nn.Module, DataLoader[Any], DataLoader[Any]]:
    """A network and two loaders of pictures with some signal in them."""
    labels = torch.arange(samples) % 10
    pictures = torch.randn(samples, 64) if small else torch.randn(samples, 3, 64, 64)
    pictures = (pictures + labels.view(-1, *[1] * (pictures.dim() - 1)) / 5) / 2
    model = (
        nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        if small
        else torchvision.models.resnet18(num_classes=10)
    )
    cut = samples * 4 // 5
    train, val = (
        DataLoader(Pictures(pictures[part], labels[part]), batch_size=batch, shuffle=shuffled)
        for part, shuffled in ((slice(cut), True), (slice(cut, None), False))
    )
    return model, train, val


def main() -> None:
    """Prints the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{torch.get_num_threads()} threads, medians of {rounds} rounds\n")
    print(
        "| network | level | seconds | processor | samples read | in batches | steps | findings |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---|")
    for name, small, samples, batch in (
        ("tiny", True, 2000, 32),
        ("ResNet-18, 64 px", False, 1280, 32),
        ("ResNet-18, 64 px, batch 128", False, 1280, 128),
    ):
        for level in ("fast", "full"):
            rows = []
            for _ in range(rounds):
                torch.manual_seed(0)
                model, train, val = set_up(small, samples, batch)
                optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
                Pictures.read = 0
                wall, cpu = time.perf_counter(), time.process_time()
                found = lamp.check(
                    model,
                    train,
                    val=val,
                    loss=nn.CrossEntropyLoss(),
                    optimizer=optimizer,
                    level=level,
                )
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                rows.append((wall, cpu, Pictures.read, found.steps))
            wall, cpu, read, steps = (statistics.median(c) for c in zip(*rows, strict=True))
            codes = " ".join(sorted({f.code for f in found})) or "none"
            print(
                f"| {name} | {level} | {wall:.2f} | {cpu:.2f} | {read:.0f} "
                f"| {read / batch:.1f} | {steps:.0f} | {codes} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
