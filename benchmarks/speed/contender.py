"""One contender in a process of its own: prepares, then does a turn each time a line comes in.

    python -m benchmarks.speed.contender MODULE FUNCTION TASK CORES [once]

A process of its own because settings of the allocator, threads and imports of one would help or
hinder another. What frameworks print goes to stderr; stdout carries one JSON document a turn.
With `once` a turn is done at once and the process ends: imports and the end are then part of it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

from benchmarks.speed.task import Task, Watch


def main() -> None:
    """Answers the parent until it hangs up."""
    module, name, text, cores = sys.argv[1:5]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    task = Task(**json.loads(text))
    function = getattr(importlib.import_module(f"benchmarks.speed.{module}"), name)
    turn = _fits if name.startswith("fit") else _counts(function(task))
    if sys.argv[5:] == ["once"]:
        _say(answers, turn(function, task))
        return
    if turn is not _fits:
        turn(function, task)  # the first pays for setting up
    _say(answers, "ready")
    for number, _ in enumerate(sys.stdin):
        _say(answers, turn(function, replace(task, seed=number)))


def _fits(function: Any, task: Task) -> dict[str, Any]:
    """A training from the reading of the data to its end, in folders of its own."""
    scratch = tempfile.mkdtemp(prefix="speed-")
    os.environ["LAMPLIGHTER_CACHE"] = f"{scratch}/cache"  # nothing decoded is left from before
    watch, began, begun_at = Watch(), time.perf_counter(), time.time()
    try:
        accuracy = function(replace(task, scratch=scratch), watch)
        whole = time.perf_counter() - began
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    # up to the end of the first epoch's training: data looked through, decoded, network built
    early = None if watch.ended is None else watch.ended - began
    return {
        "epochs": watch.epochs, "spent": watch.spent, "early": early, "first": watch.first, "accuracy": accuracy,
        "seconds": whole, "begun_at": begun_at, **_memory(),
    }  # fmt: skip


def _counts(done: Any) -> Any:
    def turn(*_: Any) -> dict[str, Any]:
        began, before = time.perf_counter(), time.process_time()
        found = done()
        taken = {"seconds": time.perf_counter() - began, "spent": time.process_time() - before}
        if isinstance(found, list):
            return {"count": len(found), **taken, "answers": found, **_memory()}
        return {"count": found, **taken, **_memory()}

    return turn


def _memory() -> dict[str, float]:
    """The most that was resident in this process, MB."""
    return {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _say(answers: Any, told: Any) -> None:
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
