"""Going on with a run: which one is meant, what may differ this time, and whether the data are the same."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamplighter import run_folder
from lamplighter.checks.finding import Finding
from lamplighter.data.recorded import collect_as_recorded
from lamplighter.data.split_file import read_split
from lamplighter.errors import DataError, LamplighterError, UsageError
from lamplighter.listener import Listener
from lamplighter.ownership import recipe_of
from lamplighter.recipe import Recipe, make_recipe, read_recipe, write_toml
from lamplighter.run_folder import TIME_LIMIT, RunFolder, safe_name

# another value would make another split, another network or another optimizer state
FIXED = (
    "data", "data_root", "task", "path_column", "label_column", "group_column", "split_column",
    "split_seed", "val_share", "test_share", "size", "fit", "channels", "normalise", "model", "weights", "init",
    "activation", "views", "optimizer", "seed",
)  # fmt: skip
UNFINISHED = ("interrupted", "running", "failed", None)


def resumed(
    text: str | None, changes: Mapping[str, Any], listener: Listener
) -> tuple[RunFolder, Recipe]:
    """The run to go on with, and its recipe with what was asked differently this time.

    Args:
        text: a run's name or folder; None takes the newest unfinished one below `out` that nobody
            works on.
        changes: settings given now; those that differ are said aloud.

    Raises:
        UsageError: there is no such run, nothing is left to do, or a setting cannot change.
    """
    out = Path(str(changes.get("out", "runs")))
    folder = run_folder.find(text, out) if text else _newest_unfinished(out, changes.get("data"))
    where = folder / run_folder.RECIPE
    before = recipe_of(where, [str(value) for value in changes.values()])
    if not before.data:
        raise UsageError(
            "this run was trained from Python on objects that only your program can make again",
            where=folder,
            fix=f'the same lamp.fit(…) again, with resume="{folder}"',
        )
    given = {k: v for k, v in changes.items() if k not in ("out", "name") and v is not None}
    recipe = before.with_changes(**given)
    differ = [key for key in given if getattr(before, key) != getattr(recipe, key)]
    fixed = [key for key in differ if key in FIXED]
    if fixed:
        told = "; ".join(
            f"{k} is {getattr(before, k)!r}, not {getattr(recipe, k)!r}" for k in fixed
        )
        raise UsageError(
            f"this cannot change within a run: {told}",
            where=folder,
            fix="leave it out, or begin a new run: lamp train without --resume",
        )
    _refuse_nothing_to_do(folder, recipe, before.time_limit)
    for key in differ:
        listener.say(f"changed on resume: {key} {getattr(before, key)} → {getattr(recipe, key)}")
    if "epochs" in differ and recipe.schedule not in ("constant", "plateau"):
        listener.say(
            f"the schedule ({recipe.schedule}) is a curve over the whole training: it now stretches "
            f"over {recipe.epochs} epochs, and the learning rate goes on from where that puts it"
        )
    return folder, recipe


def _newest_unfinished(out: Path, data: Any) -> RunFolder:
    waiting = [
        run
        for run in run_folder.all_runs(out)
        if is_unfinished(run) and not run.is_locked() and data in (None, "", _data_of(run))
    ]
    if not waiting:
        of = f" of {data}" if data else ""
        raise UsageError(f"there is no interrupted run{of} to resume", where=out, fix="lamp runs")
    return waiting[-1]


def _data_of(run: RunFolder) -> Any:
    try:
        return read_asked(run / run_folder.RECIPE).get("data")
    except LamplighterError:
        return None


def _refuse_nothing_to_do(folder: RunFolder, recipe: Recipe, limit: float) -> None:
    """Also where no time is left: each attempt would train a single step and call it an epoch."""
    status = folder.read_json(run_folder.STATUS) or {}
    if status.get("state") != "finished":
        return
    reason = str(status.get("reason") or "")
    if reason.startswith(TIME_LIMIT) and 0 < recipe.time_limit <= limit:
        raise UsageError(
            f"the run is finished: {reason} is used up, over all sittings",
            where=folder,
            fix=f"to go further: lamp train --resume {folder} --time-limit {2 * limit:g}",
        )
    if reason:
        return
    done = int(status.get("epoch") or 0)
    if isinstance(recipe.epochs, int) and done >= recipe.epochs:
        raise UsageError(
            f"the run is finished: it has trained {done} epochs of {recipe.epochs}",
            where=folder,
            fix=f"to go further: lamp train --resume {folder} --epochs {2 * max(done, 1)}",
        )


def is_unfinished(run: RunFolder) -> bool:
    """Whether something is left to do, going by status.json; one that cannot be read says nothing."""
    try:
        status = run.read_json(run_folder.STATUS) or {}
    except LamplighterError:
        return False
    return isinstance(status, dict) and status.get("state") in UNFINISHED


def own_unfinished(recipe: Recipe) -> RunFolder | None:
    """The newest unfinished run of exactly this recipe that no process works on, if there is one."""
    for run in reversed(run_folder.all_runs(Path(recipe.out))):
        if recipe.name is not None and run.name != safe_name(recipe.name):
            continue
        try:
            same = is_unfinished(run) and _is_same(
                recipe, make_recipe(read_asked(run / run_folder.RECIPE))
            )
        except LamplighterError:
            continue
        if same and not run.is_locked():
            return run
    return None


def _is_same(left: Recipe, right: Recipe) -> bool:
    return dataclasses.replace(left, out="", name=None) == dataclasses.replace(
        right, out="", name=None
    )


def collect_again(folder: RunFolder, source: Any, recipe: Recipe, listener: Listener) -> Any:
    """The data of the run, split as split.csv says; None if the run died before it was written.

    Raises:
        DataError: files are gone or have changed since.
    """
    path = folder / run_folder.SPLIT
    if not path.is_file():
        return None
    return collect_as_recorded(source, read_split(path), task=recipe.task, listener=listener)


def findings_of(folder: RunFolder) -> list[Finding]:
    """What the checks found when the run began; suspected labels (Y111) are looked for anew."""
    names = {field.name for field in dataclasses.fields(Finding)}
    found = folder.read_json(run_folder.FINDINGS)
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    kept = [{k: v for k, v in r.items() if k in names} for r in rows if r.get("code") != "Y111"]
    return [Finding(**{**row, "paths": tuple(row.get("paths") or ())}) for row in kept]


def write_again(
    folder: RunFolder, recipe: Recipe, resolved: Recipe, facts: Mapping[str, Any]
) -> None:
    """Checks that the data are those of the run, and writes down what was asked this time.

    Raises:
        DataError: pictures or labels are others.
    """
    before = read_asked(folder / run_folder.RECIPE, table="facts")
    was, now = before.get("fingerprint"), facts.get("fingerprint")
    if was and now and was != now:
        raise DataError(
            "the data have changed since this run began (V103): the same pictures no longer carry "
            "the same labels",
            where=folder,
            fix="put them back as they were, or begin a new run: lamp train without --resume",
        )
    asked = make_recipe(read_asked(folder / run_folder.RECIPE), where=folder / run_folder.RECIPE)
    # what was asked stays as it was, unless it was asked differently this time
    chosen = read_asked(folder / run_folder.RECIPE, table="resolved")
    new = {
        key: value
        for key, value in vars(recipe).items()
        if key not in ("out", "name") and value != chosen.get(key, getattr(asked, key))
    }
    if not new:
        return
    changed = asked.with_changes(**new)
    kept = {
        key: value
        for key, value in vars(resolved).items()
        if getattr(changed, key) == "auto" and value != "auto"
    }
    folder.write_text(run_folder.RECIPE, write_toml(changed, kept, {**before, **facts}))


def read_asked(path: Path, table: str = "") -> dict[str, Any]:
    """What a run's recipe.toml holds outside its tables, or in one of them.

    Raises:
        RecipeError: see `read_recipe`.
    """
    read_recipe(path)  # its faults are told as everywhere
    document = tomllib.loads(path.read_bytes().decode("utf-8", "surrogateescape"))
    tables = {key: value for key, value in document.items() if isinstance(value, dict)}
    if table:
        return dict(tables.get(table, {}))
    return {key: value for key, value in document.items() if key not in tables}
