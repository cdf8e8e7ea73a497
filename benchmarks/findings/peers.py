"""What four other tools tell about the programs of the gallery: the same bugs, twins and healthy ones.

    python -m venv peers && peers/bin/pip install torch torchvision numpy scikit-learn rich toml
    peers/bin/pip install torchtest2 torch-audit tinytorchtest && peers/bin/pip install --no-deps torcheck
    python benchmarks/findings/peers.py --python peers/bin/python

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
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TOOLS = ("torchtest2", "torch-audit", "torcheck", "tinytorchtest")


def told_of(script: Path, python: str, store: Path, limit: float) -> dict[str, Any]:
    """The tools' document for one script, from the store if it was run before."""
    source = (HERE / "peer_tools.py").read_bytes() + script.read_bytes()
    kept = (
        store / f"{script.parent.name}-{script.stem}-{hashlib.sha256(source).hexdigest()[:12]}.json"
    )
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SEED": "0"}
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(HERE / "peer_tools.py"), str(script)]
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=limit
            )
            answer = json.loads(done.stdout.splitlines()[-1])
        except (subprocess.TimeoutExpired, IndexError, json.JSONDecodeError) as error:
            answer = {"told": {}, "broke": {}, "looked": False, "end": type(error).__name__}
    store.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(answer, indent=1))
    return dict(answer)


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
    parser.add_argument("--python", required=True, help="of an environment with the four tools")
    parser.add_argument("--gallery", default="gallery", help="folder beside this file")
    parser.add_argument("--minutes", type=float, default=1e9, help="start nothing after this time")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one script")
    folder = Path(tempfile.gettempdir()) / "lamplighter-peers"
    parser.add_argument("--results", type=Path, default=folder)
    given = parser.parse_args()
    gallery, began = HERE / given.gallery, time.monotonic()
    index = tomllib.loads((gallery / "index.toml").read_text())["bug"]
    bugs = [gallery / "bugs" / bug["file"] for bug in index]
    jobs = [("pair", path) for path in bugs]
    jobs += [("healthy", path) for path in (gallery / "healthy").glob("*.py")]
    pairs, healthy = [], []
    for kind, path in sorted(jobs, key=lambda job: lot(job[1])):
        if time.monotonic() - began > 60 * given.minutes:
            break
        first = told_of(path, given.python, given.results, given.limit)
        if kind == "healthy":
            healthy.append((path.stem, first))
            continue
        twin = gallery / "twins" / path.name
        second = told_of(twin, given.python, given.results, given.limit)
        pairs.append((path.stem, first, second))
    print(f"Run: {len(pairs)} of {len(bugs)} bugs with their twins, {len(healthy)} healthy.\n")
    print(report(pairs, healthy))


if __name__ == "__main__":
    main()
