"""Speed side by side: medians of alternating turns, each contender in a process of its own.

python -m benchmarks [JOB …] [--data SMALL] [--photographs LARGE]

SMALL and LARGE are class folders of pictures below train/ and val/ (or test/): CIFAR-10 and
photographs. Without them pictures are made. Other tools take part where they are installed
(`make bench-peers` sets them up in an environment of their own).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed.jobs import JOBS
from benchmarks.speed.material import folder as lay
from benchmarks.speed.task import Task
from benchmarks.speed.turns import ROOT, Contender, contenders, table, take


def main() -> None:
    """Runs the jobs and prints a table for each."""
    given = _arguments()
    if given.list:
        print("\n".join(f"{name:<20} {job.about}" for name, job in JOBS.items()))
        return
    for name in given.jobs or [name for name in JOBS if name != "accuracy"]:
        print("\n".join(measured(name, given)), flush=True)


def measured(name: str, given: argparse.Namespace) -> list[str]:
    """The lines of a job's table."""
    job = JOBS[name]
    source = given.photographs if job.photographs else given.data
    train, val = given.pictures or job.pictures
    own = {key: value for key in ("minutes", "size") if (value := getattr(given, key))}
    with tempfile.TemporaryDirectory(prefix="speed-") as scratch:

        def folder(count: int) -> Path:
            target = Path(scratch, str(count or train))
            if not target.exists():
                lay(target, source, count or train, val, size=400 if job.photographs else 32)
            return target

        if job.model:
            own["model"] = str(Path(scratch, "model.safetensors"))
        made = contenders(job, folder, own)
        if job.model:
            _train_model(made[0].task)
        there = [each for each in made if _wanted(each, given.only) and not _missing(each)]
        before = _kept(given.keep, name)
        turns, failed = take(there, job, given.rounds, _keeper(given.keep, name))
        for who, earlier in before.items():
            turns[who] = [*earlier, *turns.get(who, [])]
        notes = {each.row.who: "not installed" for each in made if _missing(each)}
        for who, text in failed.items():
            print(f"{who} failed:\n{text}", file=sys.stderr)
            notes[who] = "failed; " + (text.strip().splitlines() or ["without a word"])[-1]
        lines = table(job, made, turns, notes)
    shown = str(source.name) if source else "made pictures"
    rounds = max((len(each) for each in turns.values()), default=0)
    date, load = datetime.now(UTC).date().isoformat(), os.getloadavg()[0]
    about = (
        f"**{name}**: {job.about}. {train:,} + {val:,} pictures ({shown}), {rounds} alternations"
    )
    return ["", f"{about}, {date}, load {load:.1f}.", "", *lines]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--list", action="store_true", help="what the jobs are")
    small = os.environ.get("LAMPLIGHTER_CIFAR10")
    parser.add_argument("--data", type=Path, default=Path(small) if small else None)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--rounds", type=int, default=5, help="alternations (default 5)")
    parser.add_argument("--only", action="append", help="contenders whose name holds this text")
    parser.add_argument("--pictures", type=int, nargs=2, metavar=("TRAIN", "VAL"))
    parser.add_argument("--size", type=int, help="pixels, in place of the job's own")
    parser.add_argument("--minutes", type=float, help="of the job accuracy (default 1)")
    parser.add_argument(
        "--keep", type=Path, help="a file of turns: they are added, and all in it count"
    )
    given = parser.parse_args()
    if unknown := set(given.jobs) - set(JOBS):
        parser.error("unknown job: " + ", ".join(sorted(unknown)))
    return given


def _wanted(each: Contender, only: list[str] | None) -> bool:
    return not only or any(text in each.row.who for text in only)


def _missing(each: Contender) -> bool:
    return bool(each.row.needs) and importlib.util.find_spec(each.row.needs) is None


def _kept(file: Path | None, name: str) -> dict[str, list[Any]]:
    """A job's turns of earlier sittings, where a file keeps them."""
    found: dict[str, list[Any]] = {}
    if file is not None and file.exists():
        for row in map(json.loads, file.read_text().splitlines()):
            if row["job"] == name:
                found.setdefault(row["who"], []).append(row)
    return found


def _keeper(file: Path | None, name: str) -> Callable[[str, Any], None]:
    """What hears of a turn: writes it down at once, since a sitting may be broken off."""

    def keep(who: str, turn: Any) -> None:
        if file is not None:
            with file.open("a") as out:
                out.write(json.dumps({"job": name, "who": who, **turn}) + "\n")

    return keep


def _train_model(task: Task) -> None:
    """What the jobs that answer answer with."""
    code = (
        "import json, sys; from benchmarks.speed import ours; from benchmarks.speed.task import Task; "
        "ours.make_model(Task(**json.loads(sys.argv[1])))"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", code, task.as_text()],
        check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip


if __name__ == "__main__":
    main()
