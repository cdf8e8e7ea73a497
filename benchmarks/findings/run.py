"""Runs `lamp check SCRIPT --json` over the gallery and prints what it finds and what it invents.

    python benchmarks/findings/run.py                      bugs, twins, healthy programs × 3 seeds
    python benchmarks/findings/run.py --only bugs --early  and which need no more than one step
    python benchmarks/findings/run.py --gallery unseen     the part written after the checks

Nothing of Lamplighter is imported: the gallery is judged from the outside, through the command.
Results are kept by script, seed and source of Lamplighter, so a broken-off run goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tables

HERE = Path(__file__).parent
SOURCE = Path(__file__).resolve().parents[2] / "src"
START = "from lamplighter.cli import main; main()"


@dataclass(frozen=True)
class Job:
    """One script with one seed; `steps` bounds what may be watched (None: the command's default)."""

    kind: str
    script: Path
    seed: int = 0
    steps: int | None = None


@dataclass(frozen=True)
class Bench:
    """Where Lamplighter's source lies, where results are kept, and how long one script may take."""

    source: Path
    results: Path
    limit: float

    def fingerprint(self) -> str:
        """Changes with any byte of Lamplighter's source, committed or not."""
        digest = hashlib.sha256()
        for path in sorted((self.source / "lamplighter").rglob("*.py")):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def kept(self, job: Job, fingerprint: str) -> Path:
        """Where the answer for this job and this source lies, once there is one."""
        name = f"{job.kind}-{job.script.stem}-{job.seed}-{job.steps or 'all'}"
        content = hashlib.sha256(job.script.read_bytes()).hexdigest()[:12]
        return self.results / fingerprint / f"{name}-{content}.json"

    def check(self, job: Job, kept: Path) -> dict[str, Any]:
        """The command's document for one script, from the store if it was run before."""
        if kept.exists():
            return json.loads(kept.read_text())
        answer = self.run(job)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(answer, indent=1))
        partial.replace(kept)
        return answer

    def run(self, job: Job) -> dict[str, Any]:
        command = [sys.executable, "-c", START, "check", str(job.script), "--json"]
        if job.steps is not None:
            command += ["--steps", str(job.steps)]
        environment = os.environ | {
            "PYTHONPATH": str(self.source),
            "OMP_NUM_THREADS": "1",
            "SEED": str(job.seed),
        }
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                done = subprocess.run(
                    command,
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=self.limit,
                )
            except subprocess.TimeoutExpired:
                return {"failed": f"not done after {self.limit:.0f} s", "findings": []}
        try:
            answer = json.loads(done.stdout)
        except json.JSONDecodeError:
            return {"failed": done.stderr[-2000:] or f"exit code {done.returncode}", "findings": []}
        if "findings" not in answer:
            answer |= {"failed": str(answer.get("error", answer)), "findings": []}
        elif done.returncode not in (0, 1):
            answer["failed"] = f"exit code {done.returncode}: {done.stderr[-1000:]}"
        answer["wall_seconds"] = round(time.perf_counter() - began, 2)
        return answer


def jobs_of(gallery: Path, kinds: list[str], seeds: int, early: bool) -> list[Job]:
    """Every script of the gallery that is asked for; `early` runs each bug again for one single step.

    Bugs and the first seed of the healthy programs come first, mixed by a fixed lot, then twins,
    then the rest: what a broken-off run has seen is a fair sample of the gallery.
    """
    jobs = []
    for kind in kinds:
        for script in sorted((gallery / kind).glob("*.py")):
            for seed in range(seeds if kind == "healthy" else 1):
                jobs.append(Job(kind, script, seed))
            if early and kind == "bugs":
                jobs.append(Job(kind, script, steps=1))

    def turn(job: Job) -> tuple[int, str]:
        late = 2 * (job.seed + (job.steps or 0)) + (job.kind == "twins")
        return late, hashlib.sha256(f"{job.kind} {job.script.stem}".encode()).hexdigest()

    return sorted(jobs, key=turn)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = ["bugs", "twins", "healthy"]
    parser.add_argument("--gallery", default="gallery", help="folder beside this file")
    parser.add_argument("--only", choices=kinds, action="append", help="a part of the gallery")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the healthy programs")
    parser.add_argument("--early", action="store_true", help="bugs again, for one step")
    parser.add_argument("--jobs", type=int, default=2, help="scripts at the same time")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one script")
    parser.add_argument("--minutes", type=float, help="start no further script after this time")
    parser.add_argument("--source", type=Path, default=SOURCE, help="folder with lamplighter/")
    parser.add_argument(
        "--results", type=Path, default=Path(tempfile.gettempdir()) / "lamplighter-findings"
    )
    parser.add_argument("--out", type=Path, help="write the tables here as well")
    given = parser.parse_args()
    given.only = given.only or kinds
    return given


def main() -> None:
    """Runs what is asked for, in the order of the gallery, and prints Markdown."""
    given = arguments()
    bench = Bench(given.source.resolve(), given.results, given.limit)
    fingerprint = bench.fingerprint()
    gallery = HERE / given.gallery
    jobs = jobs_of(gallery, given.only, given.seeds, given.early)

    began = time.monotonic()

    def one(job: Job) -> tuple[Job, dict[str, Any]] | None:
        kept = bench.kept(job, fingerprint)
        late = given.minutes is not None and time.monotonic() - began > 60 * given.minutes
        if late and not kept.exists():
            return None
        answer = bench.check(job, kept)
        print(f"{job.kind} {job.script.stem} {job.seed} {job.steps or ''}", file=sys.stderr)
        return job, answer

    with ThreadPoolExecutor(given.jobs) as pool:
        answers = dict(pair for pair in pool.map(one, jobs) if pair is not None)
    index = tomllib.loads((gallery / "index.toml").read_text())["bug"]
    text = tables.report(index, answers, f"{fingerprint}, {len(answers)} of {len(jobs)} runs")
    print(text)
    if given.out:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
