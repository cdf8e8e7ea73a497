"""`lamp runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lamplighter.cli.options import output_options


@click.command(epilog="Example: lamp runs")
@click.argument("out", default="runs", type=Path)
@output_options
def command(out: Path, as_json: bool) -> int:
    """The runs within OUT (by default runs/), oldest first, with what came of each."""
    from lamplighter.cli.screen import print_json, print_table
    from lamplighter.errors import UsageError
    from lamplighter.run_folder import all_runs

    runs = [_described(run) for run in all_runs(out)]
    if as_json:
        print_json({"runs": runs})
        return 0
    if not runs:
        raise UsageError("there are no runs here", where=out, fix="lamp train digits")
    heads = ("run", "state", "epochs", "best", "val", "test", "model")
    rows = [
        [run["name"], run["state"], run["epochs"], *_figures(run), run["model"]] for run in runs
    ]
    print_table(heads, rows, right=("epochs", "best", "val", "test"))
    return 0


def _described(run: Any) -> dict[str, Any]:
    from lamplighter import run_folder
    from lamplighter.errors import LamplighterError

    document: dict[str, Any] = {"name": run.name, "run": str(run.path)}
    try:
        status, report = (_read(run, name) for name in (run_folder.STATUS, run_folder.REPORT))
    except LamplighterError as error:
        return document | {
            "state": f"unreadable: {error.message}",
            "epochs": None,
            "best": None,
            "test": None,
            "model": None,
        }
    state = status.get("state", "unknown")
    if state == "running" and not _is_held(run):
        state = "interrupted"  # killed before it could say so
    recipe = report.get("recipe") or {}
    is_test = report.get("split") == "test"
    return document | {
        "state": state,
        "epochs": status.get("epoch"),
        "best": status.get("best"),
        "test": {k: report.get(k) for k in ("n", "accuracy", "interval")} if is_test else None,
        "model": recipe.get("model"),
    }


def _read(run: Any, name: str) -> dict[str, Any]:
    from lamplighter.errors import RunFailed

    document = run.read_json(name) or {}
    if not isinstance(document, dict):
        raise RunFailed(f"{name} holds a {type(document).__name__}", where=run.path / name)
    return document


def _is_held(run: Any) -> bool:
    from lamplighter.errors import UsageError

    try:
        with run.locked():
            return False
    except UsageError:
        return True


def _figures(run: dict[str, Any]) -> list[Any]:
    best = run["best"] or {}
    value = next((v for k, v in best.items() if k.startswith("val_") and k != "val_loss"), None)
    test = (run["test"] or {}).get("accuracy")
    shown = [f"{v:.4f}" if isinstance(v, float) else None for v in (value, test)]
    return [best.get("epoch"), *shown]
