"""Saving to resume: a checkpoint is a folder that is whole or not there.

Order of work: a new folder, its files synced, a manifest with sizes and CRC-32 synced, the folder
renamed into place, the parent synced. The latest is the valid one with the highest step; clocks
are never asked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from lamplighter.errors import RunFailed
from lamplighter.run_folder import sync_folder
from lamplighter.training import state_file
from lamplighter.training.state_file import Snapshot, pack, unpack

MANIFEST = "manifest.json"
STATE = "state.safetensors"
KEPT = 2


def save(folder: Path, step: int, state: Any, *, label: str = "step") -> Path:
    """Writes a checkpoint and forgets older ones beyond the last two.

    Args:
        folder: the run's checkpoints folder; made if missing.
        step: optimizer steps taken so far.
        state: anything that `state_file.pack` takes, or a snapshot of it.
        label: "step" for the series to resume from, "best" for the best so far.

    Raises:
        RunFailed: it could not be written, or holds what cannot be; the earlier ones are untouched.
    """
    name = f"{label}-{step:09d}"
    building = folder / f".{name}.part-{os.getpid()}"
    content = b""
    try:
        content = pack(state)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        _write_synced(building / STATE, content)
        manifest = {"step": step, "files": {STATE: [len(content), zlib.crc32(content)]}}
        _write_synced(building / MANIFEST, json.dumps(manifest).encode())
        sync_folder(building)
        target = _free_name(folder, label, step)
        building.rename(target)
        sync_folder(folder)
    except (TypeError, SafetensorError) as error:
        raise _unsuitable(folder / name, error) from error
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        raise RunFailed(
            f"the checkpoint of {len(content) / 1e6:,.1f} MB cannot be written: "
            f"{error.strerror or error}; {free_megabytes(folder):,.1f} MB are free",
            where=folder / name,
            fix="free some space, then: lamp train --resume " + str(folder.parent),
        ) from error
    _forget_old(folder, label, step)
    return target


def snapshot(where: Path, state: Any) -> Snapshot:
    """A state as it is now, to be written while the training goes on.

    Args:
        where: for the error.
        state: anything that `state_file.pack` takes.

    Raises:
        RunFailed: it holds what cannot be saved.
    """
    try:
        return state_file.snapshot(state)
    except TypeError as error:
        raise _unsuitable(where, error) from error


def _unsuitable(where: Path, error: Exception) -> RunFailed:
    return RunFailed(
        f"the training's state cannot be saved: {error}",
        where=where,
        fix="keep tensors, numbers and texts in the states of network, optimizer and scheduler",
    )


def _free_name(folder: Path, label: str, step: int) -> Path:
    """Where a step goes: one that is there already is never touched before the new one is whole."""
    name = f"{label}-{step:09d}"
    taken = [_rank(p, label) for p in folder.iterdir() if p.name.startswith(name)]
    times = [rank[1] for rank in taken if rank is not None and rank[0] == step]
    return folder / (f"{name}.{max(times) + 1}" if times else name)


def _forget_old(folder: Path, label: str, step: int) -> None:
    """Keeps the last two steps; of a step saved twice the later one."""
    kept: list[int] = []
    for path in saved(folder, label):
        number = step_of(path)
        if number in kept or number > step or len(kept) == KEPT:
            shutil.rmtree(path, ignore_errors=True)
        else:
            kept.append(number)


def forget_after(folder: Path, step: int) -> None:
    """Removes what was saved after `step`: the training goes another way from there."""
    for label in ("step", "best"):
        for path in saved(folder, label):
            if step_of(path) > step:
                shutil.rmtree(path, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what saves that were killed have left; the run's lock is held by the caller."""
    if folder.is_dir():
        for path in folder.glob(".*.part-*"):
            shutil.rmtree(path, ignore_errors=True)


def free_megabytes(folder: Path) -> float:
    """Free space on the disk of a folder that may not be there."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    return shutil.disk_usage(there).free / 1e6


def load_latest(
    folder: Path,
    *,
    label: str = "step",
    most: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[int, Any] | None:
    """The newest checkpoint that is whole: (step, state), or None when there is none.

    Damaged ones are passed over, and that is said.

    Args:
        most: the highest step to look at.
    """
    for path in saved(folder, label):
        if most is not None and step_of(path) > most:
            continue
        try:
            return _load(path)
        except RunFailed as fault:
            say(f"{path.name} is damaged ({fault.message}); it is passed over")
    return None


def saved(folder: Path, label: str = "step") -> list[Path]:
    """The checkpoints of a series, highest step first."""
    if not folder.is_dir():
        return []
    found = [(rank, p) for p in folder.iterdir() if (rank := _rank(p, label)) and p.is_dir()]
    return [path for _, path in sorted(found, reverse=True)]


def step_of(path: Path) -> int:
    """The step in a checkpoint's name."""
    return int(path.name.split("-", 1)[1].split(".")[0])


def _rank(path: Path, label: str) -> tuple[int, int] | None:
    """(step, how often it was saved before) by the name; None if it is no checkpoint's."""
    match = re.fullmatch(rf"{label}-([0-9]{{9,18}})(?:\.([0-9]{{1,9}}))?", path.name)
    return (int(match[1]), int(match[2] or 0)) if match else None


def _load(path: Path) -> tuple[int, Any]:
    try:
        text = (path / MANIFEST).read_text()
        manifest = json.loads(text)
        if json.dumps(manifest) != text or manifest["step"] != step_of(path):
            raise ValueError("it was changed after saving")
        size, checksum = manifest["files"][STATE]
        content = (path / STATE).read_bytes()
        step = int(manifest["step"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise RunFailed(f"no valid manifest: {error}", where=path) from error
    if len(content) != size or zlib.crc32(content) != checksum:
        raise RunFailed("its content does not match its checksum", where=path)
    return step, unpack(content, path)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
