"""What watching costs: the same training steps, watched and not, in turns.

    python benchmarks/findings/overhead.py [ROUNDS]

Watched by `lamp.watch`, and by what `lamp train` does in its own loop. Told is processor time on
one thread, so that other programs on the machine do not count. Each round times the loops one after
the other; told are the medians over the rounds, and the median of the rounds' ratios. Two networks:
a tiny one (64-32-10 on digits, where fixed costs show) and a ResNet-18 at 64 px. What the watching
looks at once (the first steps) is timed apart from the steps that follow.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import lamplighter as lamp
from lamplighter.checks.running import NOTHING, RunningChecks

HOW = ("bare", "watch", "own")
EVERY = 200  # steps between two looks of `lamp train`
FIRST = 50  # steps in which the watching still looks at everything (48)


def tiny() -> tuple[nn.Module, DataLoader]:
    """A network so small that any cost per step shows."""
    images, labels = torch.randn(6400, 64), torch.randint(0, 10, (6400,))
    loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), loader


def resnet18() -> tuple[nn.Module, DataLoader]:
    """An ordinary network at 64 px."""
    images, labels = torch.randn(512, 3, 64, 64), torch.randint(0, 10, (512,))
    loader = DataLoader(TensorDataset(images, labels), batch_size=16, shuffle=True)
    return torchvision.models.resnet18(num_classes=10), loader


def timed(build: Callable[[], Any], steps: int, how: str) -> tuple[float, float]:
    """Processor seconds of the first steps, and of one step after them.

    Args:
        build: gives a network and a loader.
        steps: after the first; in our own loop one of them is looked at closely.
        how: "bare", "watch" (`lamp.watch`) or "own" (what `lamp train` does in its own loop).
    """
    torch.manual_seed(0)
    model, loader = build()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watching = lamp.watch(model, optimizer) if how == "watch" else nullcontext()
    checks = (
        RunningChecks(model, [optimizer], every=min(EVERY, FIRST + steps)) if how == "own" else None
    )
    done, marks = 0, [time.process_time()]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), watching:
        while done < FIRST + steps:
            for images, labels in loader:
                optimizer.zero_grad()
                done += 1
                with checks.forward(done) if checks else NOTHING:
                    loss = F.cross_entropy(model(images), labels)
                loss.backward()
                if checks:
                    checks.after_backward(done)
                optimizer.step()
                if checks:
                    checks.after_step(done)
                if done in (FIRST, FIRST + steps):
                    marks.append(time.process_time())
                if done == FIRST + steps:
                    break
    return marks[1] - marks[0], (marks[2] - marks[1]) / steps


def main() -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print("| network | one step, bare | `lamp.watch` | cost | own loop | cost | ", end="")
    print("first 50 steps, bare | `lamp.watch` |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, build, steps in (("tiny", tiny, 1500), ("ResNet-18, 64 px", resnet18, 20)):
        told = [[timed(build, steps, how) for how in HOW] for _ in range(rounds)]
        first, later = ([[side[i] for side in row] for row in told] for i in (0, 1))
        bare, watched, own = (statistics.median(column) for column in zip(*later, strict=True))
        cost = statistics.median(row[1] / row[0] for row in later) - 1
        # where fewer steps are timed, one look falls on them, and one on 200 in a training
        looks = statistics.median(row[2] / row[0] - 1 for row in later) * min(1, steps / EVERY)
        begin = [statistics.median(column) for column in zip(*first, strict=True)]
        print(
            f"| {name} | {1e3 * bare:.2f} ms | {1e3 * watched:.2f} ms | {cost:+.1%} "
            f"| {1e3 * own:.2f} ms | {looks:+.1%} | {begin[0]:.2f} s | {begin[1]:.2f} s |"
        )


if __name__ == "__main__":
    main()
