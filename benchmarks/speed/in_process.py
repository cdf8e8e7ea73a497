"""`python -m benchmarks.speed.in_process CIFAR10`: the course's step, taken in turns within one process.

Processor time on one thread, so that a busy machine disturbs the ratios little. The allocator
setting that Lamplighter makes holds for the whole process, so the textbook's turns profit from it too.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import torch
from benchmarks.speed import ours, textbook
from benchmarks.speed.task import Task

ROUNDS = 7


def main(data: Path) -> None:
    """Prints milliseconds of processor time per step of 64 pictures, and the ratios."""
    torch.set_num_threads(1)
    turns = {
        "textbook": textbook.course(data),
        "Lamplighter fp32": ours.steps(Task(str(data))),
        "Lamplighter bf16": ours.steps(Task(str(data), precision="bf16")),
        "ceiling fp32": ours.ceiling(Task(str(data))),
    }
    for turn in turns.values():
        turn()
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(ROUNDS):
        for name, turn in turns.items():
            started = time.process_time()
            pictures = turn()
            taken[name].append((time.process_time() - started) / pictures * 64_000)
    middle = {name: statistics.median(times) for name, times in taken.items()}
    for name, times in taken.items():
        spread = f"{min(times):.1f} to {max(times):.1f}"
        ratio = middle["textbook"] / middle[name]
        print(f"{name:<18} {middle[name]:6.1f} ms ({spread}), textbook / this {ratio:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
