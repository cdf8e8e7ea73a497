"""What four other tools tell about the programs of the gallery: the same bugs, twins and healthy ones.

    pip install -e .[peers-findings] && pip install --no-deps torcheck
    python benchmarks/findings/peers.py

How each tool is asked stands in `peer_tools.py`. A tool *notices* a bug when it tells something on
it that it does not tell on the mended twin, whatever it says: that is more generous than the count
for Lamplighter, where only the expected code counts. An *alarm* is anything told on a twin or a
healthy program. Results are kept, so a broken-off run goes on; told is how much was run.
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
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
AT_ONCE = 8  # scripts, with their twins, in one process that forks
TOOLS = ("torchtest2", "torch-audit", "torcheck", "tinytorchtest")


class Store:
    """The tools' documents by script, kept on disk.

    Args:
        folder: where they are kept.
        python: of the environment with the tools.
        limit: seconds for one script.
    """

    def __init__(self, folder: Path, python: str, limit: int) -> None:
        self.folder, self.python, self.limit = folder, python, limit

    def kept(self, script: Path) -> Path:
        """Where a script's document lies, once there is one."""
        source = (HERE / "peer_tools.py").read_bytes() + script.read_bytes()
        digest = hashlib.sha256(source).hexdigest()[:12]
        return self.folder / f"{script.parent.name}-{script.stem}-{digest}.json"

    def fill(self, scripts: list[Path]) -> None:
        """Runs those of the scripts that were not run yet."""
        wanted = [script for script in scripts if not self.kept(script).exists()]
        if not wanted:
            return
        command = [self.python, str(HERE / "peer_tools.py"), str(self.limit)]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [*command, *(str(script.resolve()) for script in wanted)],
                cwd=folder,
                env=os.environ | {"OMP_NUM_THREADS": "1", "SEED": "0"},
                capture_output=True,
                text=True,
            )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        answers = {line["script"]: line for line in lines}
        nothing = {"told": {}, "broke": {}, "looked": False, "end": "not done in time"}
        self.folder.mkdir(parents=True, exist_ok=True)
        for script in wanted:
            answer = answers.get(str(script.resolve()), nothing)
            self.kept(script).write_text(json.dumps(answer, indent=1))

    def of(self, script: Path) -> Any:
        """The document of a script that was run."""
        return json.loads(self.kept(script).read_text())


def lot(path: Path) -> str:
    """A fixed order, so that what a broken-off run has seen is a fair sample."""
    return hashlib.sha256(path.stem.encode()).hexdigest()


def report(pairs: list[tuple[str, Any, Any]], healthy: list[tuple[str, Any]]) -> str:
    """The tables, as Markdown."""
    head = f"| | of | {' | '.join(TOOLS)} |"
    lines = [head, "|---|---:|" + "---:|" * len(TOOLS)]

    def row(name: str, of: int, counts: list[int]) -> None:
        share = [f"{n} ({n / of:.0%})" if of else "–" for n in counts]
        lines.append(f"| {name} | {of} | {' | '.join(share)} |")

    def told(document: Any, tool: str, level: str = "") -> set[str]:
        return {text for text in document["told"].get(tool, []) if text.startswith(level)}

    def new(bug: Any, twin: Any, tool: str, level: str = "") -> set[str]:
        return told(bug, tool, level) - told(twin, tool)

    seen = [(name, bug, twin) for name, bug, twin in pairs if bug["looked"]]
    row("bugs noticed", len(pairs), [sum(bool(new(b, t, x)) for _, b, t in pairs) for x in TOOLS])
    row(
        "… as an error",
        len(pairs),
        [sum(bool(new(b, t, x, "error")) for _, b, t in pairs) for x in TOOLS],
    )
    twins = [(name, twin) for name, _, twin in pairs]
    for kind, runs in (("twins", twins), ("healthy programs", healthy)):
        for level in ("error", "warning"):
            row(
                f"{kind} with {'an' if level == 'error' else 'a'} {level}",
                len(runs),
                [sum(bool(told(d, x, level)) for _, d in runs) for x in TOOLS],
            )
    every = [d for _, b, t in pairs for d in (b, t)] + [d for _, d in healthy]
    row(
        "programs on which it broke",
        len(every),
        [sum(x in d["broke"] for d in every) for x in TOOLS],
    )
    any_ = sum(any(new(b, t, x) for x in TOOLS) for _, b, t in pairs)
    lines += [
        "",
        f"At least one of the four notices {any_} of {len(pairs)} bugs. The recorder found a network, "
        f"a batch, a loss and an optimizer in {len(seen)} of them.",
        "",
        "| script | " + " | ".join(TOOLS) + " |",
        "|---|" + "---|" * len(TOOLS),
    ]
    for name, bug, twin in sorted(pairs):
        cells = ["yes" if new(bug, twin, x) else "" for x in TOOLS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs what time allows and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python", default=sys.executable, help="of an environment with the four tools"
    )
    parser.add_argument("--gallery", default="gallery", help="folder beside this file")
    parser.add_argument("--minutes", type=float, default=1e9, help="start nothing after this time")
    parser.add_argument("--limit", type=int, default=120, help="seconds for one script")
    folder = Path(tempfile.gettempdir()) / "lamplighter-peers"
    parser.add_argument("--results", type=Path, default=folder)
    given = parser.parse_args()
    gallery, began = HERE / given.gallery, time.monotonic()
    index = tomllib.loads((gallery / "index.toml").read_text())["bug"]
    bugs = [gallery / "bugs" / bug["file"] for bug in index]
    jobs = [("pair", path) for path in bugs]
    jobs += [("healthy", path) for path in (gallery / "healthy").glob("*.py")]
    jobs.sort(key=lambda job: lot(job[1]))
    store = Store(given.results, given.python, given.limit)
    pairs: list[tuple[str, Any, Any]] = []
    healthy: list[tuple[str, Any]] = []
    for start in range(0, len(jobs), AT_ONCE):
        several = jobs[start : start + AT_ONCE]
        twins = [gallery / "twins" / path.name for kind, path in several if kind == "pair"]
        scripts = [*(path for _, path in several), *twins]
        if time.monotonic() - began > 60 * given.minutes:
            several = [job for job in several if all(store.kept(s).exists() for s in scripts)]
        else:
            store.fill(scripts)
        for kind, path in several:
            if kind == "healthy":
                healthy.append((path.stem, store.of(path)))
            else:
                pairs.append((path.stem, store.of(path), store.of(gallery / "twins" / path.name)))
    print(f"Run: {len(pairs)} of {len(bugs)} bugs with their twins, {len(healthy)} healthy.\n")
    print(report(pairs, healthy))


if __name__ == "__main__":
    main()
