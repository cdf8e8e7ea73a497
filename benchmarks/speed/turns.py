"""Takes the contenders' turns in alternation and makes the table."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.speed.jobs import Job, Row
from benchmarks.speed.memory import Meter
from benchmarks.speed.task import Task

ROOT = Path(__file__).parents[2]
Turn = dict[str, Any]


class Failed(Exception):
    """A contender gave no answer; the text is the end of what it said."""


class Contender:
    """A row with its task, and its process while that runs."""

    def __init__(self, row: Row, task: Task) -> None:
        self.row, self.task = row, task
        self.process: Any = None
        self.said: Any = None

    def start(self, *more: str) -> None:
        """Begins the process; it prepares by itself."""
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by stop)
        row = self.row
        cores = row.cores or _cores()
        paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
        threads = os.environ.get("OMP_NUM_THREADS", str(cores))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.contender", row.module, row.name,
             self.task.as_text(), str(cores), *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1",
                 "OMP_NUM_THREADS": str(row.cores) if row.cores else threads},
        )  # fmt: skip

    def answer(self) -> Any:
        """What it says next.

        Raises:
            Failed: it ended without a word.
        """
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.said.seek(0)
            raise Failed(self.said.read()[-2000:])
        return json.loads(line)

    def turn(self) -> Turn:
        """A turn of a process that stays."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def once(self, seed: int) -> Turn:
        """A turn that is a process from start to end."""
        task, self.task = self.task, self.task.with_seed(seed)
        spawned, began = time.time(), time.perf_counter()
        try:
            self.start("once")
            with Meter(self.process.pid) as meter:
                told = self.answer()
                self.process.wait()
            wall = time.perf_counter() - began
        finally:
            self.stop()
            self.task = task
        return {**told, "memory": meter.peak or told["memory"], "spawned": spawned, "wall": wall}

    def stop(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout, self.said):
                pipe.close()
            self.process = None


def take(
    contenders: list[Contender], job: Job, rounds: int, tell: Callable[[str, Turn], None]
) -> tuple[dict[str, list[Turn]], dict[str, str]]:
    """(turns by contender, what the failed ones said); `tell` hears of each turn at once."""
    turns: dict[str, list[Turn]] = {each.row.who: [] for each in contenders}
    failed: dict[str, str] = {}
    try:
        waiting = [] if job.once else contenders
        for each in waiting:
            each.start()
        for each in waiting:
            try:
                each.answer()
            except Failed as fault:
                failed[each.row.who] = str(fault)
        for number in range(rounds):
            for each in contenders:
                who = each.row.who
                if who in failed:
                    continue
                try:
                    turns[who].append(each.once(number) if job.once else each.turn())
                except Failed as fault:
                    failed[who] = str(fault)
                else:
                    tell(who, turns[who][-1])
    finally:
        for each in contenders:
            each.stop()
    return turns, failed


def table(
    job: Job, contenders: list[Contender], turns: dict[str, list[Turn]], notes: dict[str, str]
) -> list[str]:
    """A Markdown table: a row for each contender, medians in the columns."""
    rows: list[tuple[str, dict[str, list[float]]]] = []
    for each in contenders:
        found = [job.figures(turn, each.task) for turn in turns.get(each.row.who, [])]
        if found:
            rows.append((each.row.who, {k: [one[k] for one in found] for k in found[0]}))
    told = [f"{who}: {note}" for who, note in notes.items()]
    if not rows:
        return ["nobody could do it", *told]
    names = list(rows[0][1])
    first = statistics.median(rows[0][1][names[0]])
    heads = ["", *names[:1], "× the first", *names[1:], *(["same answers"] if job.model else [])]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for who, figures in rows:
        middle = statistics.median(figures[names[0]])
        ratio = middle / first if job.better == "more" else first / middle
        cells = [_cell(name, figures[name]) for name in names]
        same = [_same(turns[rows[0][0]], turns[who])] if job.model else []
        lines.append("| " + " | ".join([who, cells[0], f"{ratio:.2f}", *cells[1:], *same]) + " |")
    return [*lines, *([""] if told else []), *told]


def _cell(name: str, values: list[float]) -> str:
    middle = statistics.median(values)
    if name == "accuracy":
        return f"{middle:.3f} ({min(values):.3f}–{max(values):.3f})"
    if middle >= 100:
        return f"{middle:,.0f}"
    return f"{middle:.2f}" if middle >= 1 else f"{middle:.3f}"


def _same(first: list[Turn], other: list[Turn]) -> str:
    if not other[0].get("answers"):
        return "–"
    pairs = list(zip(first[0]["answers"], other[0]["answers"], strict=True))
    return f"{sum(a == b for a, b in pairs) / len(pairs):.2%}"


def contenders(job: Job, folder: Callable[[int], Path], own: dict[str, Any]) -> list[Contender]:
    """One for each row.

    Args:
        folder: number of pictures (0: the job's own) → class folders.
        own: settings of the task that were asked for by the person who measures.
    """
    made = []
    for row in job.rows:
        given = {**job.task, **row.own, **own}
        count = int(given.pop("count", 0))
        made.append(Contender(row, replace(Task(str(folder(count))), **given)))
    return made


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
