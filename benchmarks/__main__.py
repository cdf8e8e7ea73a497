"""`python -m benchmarks --data CIFAR10`: speed side by side, as ratios of medians of alternating turns.

DATA is CIFAR-10 as class folders of pictures, with train/ and test/.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# job: what it is, its unit, its contenders (module, function, what it is); the first is the measure
JOBS: dict[str, tuple[str, str, list[tuple[str, str, str]]]] = {
    "course": ("training steps of the course's CIFAR-10 job, batch 64, SGD", "pictures", [
        ("textbook", "course", "textbook loop, pictures in memory"),
        ("ours", "course", "Lamplighter, fp32"),
        ("ours", "ceiling", "ceiling of fp32: the same step on a batch that is there"),
        ("ours", "course_bf16", "Lamplighter, bf16 (as --precision auto chooses where it wins)"),
    ]),
    "loader": ("the loader alone, crop and flip, batch 64", "pictures", [
        ("textbook", "loader", "ImageFolder + transforms v2, 2 workers"),
        ("ours", "loader", "Lamplighter, from its cache"),
    ]),
    "nothing": ("a network of nothing: the loop's own cost", "steps", [
        ("ours", "nothing_bare", "bare loop"),
        ("ours", "nothing", "Lamplighter's loop, checks and logging included"),
    ]),
}  # fmt: skip


def main() -> None:
    """Runs the jobs and prints a table for each."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--data", type=Path, default=os.environ.get("LAMPLIGHTER_CIFAR10"))
    parser.add_argument("--rounds", type=int, default=7, help="alternations (default 7)")
    given = parser.parse_args()
    unknown = set(given.jobs) - set(JOBS)
    if given.data is None or unknown:
        parser.error("unknown job: " + ", ".join(unknown) if unknown else "--data is missing")
    for job in given.jobs or JOBS:
        print("\n".join(table(job, given.data, max(1, given.rounds))), flush=True)


def table(job: str, data: Path, rounds: int) -> list[str]:
    """Measures a job; returns its Markdown table."""
    about, unit, contenders = JOBS[job]
    children = [_start(module, name, data) for module, name, _ in contenders]
    try:
        turns: list[list[tuple[float, float]]] = [[] for _ in children]
        for _ in range(rounds):
            for child, seen in zip(children, turns, strict=True):
                count, wall, processor = json.loads(_ask(child))
                seen.append((count / wall, processor / count))
    finally:
        for child in children:
            child.kill()
    rates = [statistics.median(rate for rate, _ in seen) for seen in turns]
    costs = [statistics.median(cost for _, cost in seen) for seen in turns]
    load = os.getloadavg()[0]
    lines = [
        f"\n**{job}**: {about} ({rounds} alternations, load {load:.1f})\n",
        f"| | {unit}/s | × the first | processor ms per 1,000 {unit} | × the first |",
        "|---|---:|---:|---:|---:|",
    ]
    for (_, _, who), rate, cost in zip(contenders, rates, costs, strict=True):
        lines.append(
            f"| {who} | {rate:,.0f} | {rate / rates[0]:.2f} | {cost * 1e6:,.1f} | {cost / costs[0]:.2f} |"
        )
    return lines


def _start(module: str, name: str, data: Path) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    child: Any = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.speed.contender", module, name, str(data)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    if child.stdout.readline() != "ready\n":
        raise SystemExit(f"{module}.{name} ended before it was ready; its message is above")
    return child


def _ask(child: Any) -> str:
    child.stdin.write("\n")
    child.stdin.flush()
    return str(child.stdout.readline())


if __name__ == "__main__":
    main()
