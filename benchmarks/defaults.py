"""Which settings suit which sets: short trainings over a modest grid, as a Markdown table.

    python benchmarks/defaults.py scratch --set digits --set mnist=FOLDER --set cifar=FOLDER
    python benchmarks/defaults.py tune --set ants=FOLDER --weights mobilenet_v2=FILE

Each row changes one thing against the defaults. Figures are validation accuracies in percent, mean
and range over seeds; all seeds share one split. `--budget` bounds each training by pictures seen, so
that every row of a set costs about the same. Results are kept by set, row and seed (`--results`), so a
broken-off run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESNET: dict[str, Any] = {"model": "small_resnet"}
SPEED: dict[str, Any] = {"model": "speed_net"}
SCRATCH: dict[str, dict[str, Any]] = {
    "defaults": {},
    "small_resnet": RESNET,
    "small_resnet, lr 0.001": {**RESNET, "lr": 0.001},
    "small_resnet, lr 0.01": {**RESNET, "lr": 0.01},
    "small_resnet, cosine": {**RESNET, "schedule": "cosine"},
    "small_resnet, SGD, lr 0.1": {**RESNET, "optimizer": "SGD", "lr": 0.1},
    "small_resnet, SGD, lr 0.03": {**RESNET, "optimizer": "SGD", "lr": 0.03},
    "small_resnet, Muon, lr 0.02": {**RESNET, "optimizer": "Muon", "lr": 0.02},
    "speed_net": SPEED,
    "speed_net, AdamW": {**SPEED, "optimizer": "AdamW"},
    "augment none": {"augment": "none"},
    "half the epochs": {"epochs": 0.5},
    "batch 32": {"batch": 32},
    "--recipe speed": {"recipe": "speed"},
    "--recipe speed, smoothing 0.1": {"recipe": "speed", "smoothing": 0.1},
}
TUNE: dict[str, dict[str, Any]] = {
    "defaults": {},
    "lr 0.0003": {"lr": 0.0003},
    "lr 0.001": {"lr": 0.001},
    "lr 0.01": {"lr": 0.01},
    "SGD, lr 0.01": {"optimizer": "SGD", "lr": 0.01},
    "freeze none": {"freeze": "none"},
    "freeze backbone": {"freeze": "backbone"},
    "backbone as fast as the head": {"backbone_lr": 1.0},
    "2 epochs": {"epochs": 2},
    "10 epochs": {"epochs": 10},
    "augment none": {"augment": "none"},
}


def main() -> None:
    """Trains what is not there yet and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("grid", choices=["scratch", "tune"])
    parser.add_argument("--set", action="append", required=True, metavar="NAME[=DATA]")
    parser.add_argument("--weights", action="append", default=[], metavar="NETWORK=FILE")
    parser.add_argument("--size", type=int, help="side of the pictures")
    parser.add_argument("--budget", type=int, default=30_000, help="pictures seen, from scratch")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", action="append", help="rows to train; all by default")
    parser.add_argument("--results", type=Path, default=Path("defaults.json"))
    given = parser.parse_args()
    sets = {name: data or name for name, _, data in (text.partition("=") for text in given.set)}
    networks = [tuple(text.split("=", 1)) for text in given.weights] or [("auto", "none")]
    columns = [(name, data, *network) for name, data in sets.items() for network in networks]
    kept: dict[str, float] = (
        json.loads(given.results.read_text()) if given.results.is_file() else {}
    )
    rows = SCRATCH if given.grid == "scratch" else TUNE
    for seed in range(given.seeds):
        for row, settings in rows.items():
            if given.only and row not in given.only:
                continue
            for name, data, network, weights in columns:
                key = f"{given.grid} | {name} {network} {given.size or ''} | {row} | {seed}"
                if key in kept:
                    continue
                started = time.perf_counter()
                asked: dict[str, Any] = {"size": given.size} if given.size else {}
                if weights != "none":
                    asked |= {"model": network, "weights": weights}
                kept[key] = accuracy(data, {**asked, **settings, "seed": seed}, given.budget)
                given.results.write_text(json.dumps(kept, indent=1))
                print(f"{key}: {kept[key]:.2%} ({time.perf_counter() - started:.0f} s)", flush=True)
    print("\n".join(table(given.grid, rows, kept)))


def accuracy(data: str, settings: Mapping[str, Any], budget: int) -> float:
    """The best validation accuracy of one training."""
    import lamplighter
    from lamplighter.listener import Listener
    from lamplighter.recipe import Recipe
    from lamplighter.stages import open_data

    asked = dict(settings)
    if asked.get("weights", "none") == "none" and asked.get("epochs", 0.5) == 0.5:
        examples = open_data(Recipe(data=data)).examples()
        count = sum(1 for example in examples if example.split in (None, "train"))
        whole = max(2, round(budget / count))
        asked["epochs"] = max(1, whole // 2) if "epochs" in asked else whole
    with tempfile.TemporaryDirectory() as out:
        run = lamplighter.train(
            data, out=out, checks="off", tensorboard=False, precision="fp32", device="cpu",
            listener=Listener(), **asked,
        )  # fmt: skip
        return float(run.best["val_accuracy"])


def table(grid: str, rows: Mapping[str, Any], kept: Mapping[str, float]) -> list[str]:
    """Rows of settings, columns of sets: mean accuracy and its range over seeds, in percent."""
    parts = [key.split(" | ") for key in kept if key.startswith(f"{grid} | ")]
    columns = sorted({column for _, column, _, _ in parts})
    lines = ["| settings | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        cells = []
        for column in columns:
            start = f"{grid} | {column} | {row} | "
            found = [100 * value for key, value in kept.items() if key.startswith(start)]
            spread = f" ({min(found):.1f}–{max(found):.1f})" if len(found) > 1 else ""
            cells.append(f"{statistics.mean(found):.1f}{spread}" if found else "–")
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
