"""Saving to resume: a checkpoint is a folder that is whole or not there.

Order of work: a new folder, its files synced, a manifest with sizes and CRC-32 synced, the folder
renamed into place, the parent synced. The latest is the valid one with the highest step; clocks
are never asked.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from lamplighter.errors import RunFailed
from lamplighter.run_folder import sync_folder
from lamplighter.training.state_file import pack, unpack

MANIFEST = "manifest.json"
STATE = "state.safetensors"
KEPT = 2


def save(folder: Path, step: int, state: Any, *, label: str = "step") -> Path:
    """Writes a checkpoint and forgets older ones beyond the last two.

    Args:
        folder: the run's checkpoints folder; made if missing.
        step: optimizer steps taken so far.
        state: anything that `state_file.pack` takes.
        label: "step" for the series to resume from, "best" for the best so far.

    Raises:
        RunFailed: it could not be written, or holds what cannot be; the earlier ones are untouched.
    """
    name = f"{label}-{step:09d}"
    building = folder / f".{name}.part-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        content = pack(state)
        _write_synced(building / STATE, content)
        manifest = {"step": step, "files": {STATE: [len(content), zlib.crc32(content)]}}
        _write_synced(building / MANIFEST, json.dumps(manifest).encode())
        sync_folder(building)
        target = folder / name
        if target.exists():  # the same step saved again, after a resume
            shutil.rmtree(target)
        building.rename(target)
        sync_folder(folder)
    except (TypeError, SafetensorError) as error:
        shutil.rmtree(building, ignore_errors=True)
        raise RunFailed(
            f"the training's state cannot be saved: {error}",
            where=folder / name,
            fix="keep tensors, numbers and texts in the states of network, optimizer and scheduler",
        ) from error
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
        raise RunFailed(
            f"the checkpoint cannot be written: {error.strerror or error}; {free / 1e6:,.0f} MB are free",
            where=folder / name,
            fix="free some space, then: lamp train --resume " + str(folder.parent),
        ) from error
    for old in saved(folder, label)[1 if label == "best" else KEPT :]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def load_latest(
    folder: Path, *, label: str = "step", say: Callable[[str], None] = lambda _: None
) -> tuple[int, Any] | None:
    """The newest checkpoint that is whole: (step, state), or None when there is none.

    Damaged ones are passed over, and that is said.
    """
    for path in saved(folder, label):
        try:
            return _load(path)
        except RunFailed as fault:
            say(f"{path.name} is damaged ({fault.message}); it is passed over")
    return None


def saved(folder: Path, label: str = "step") -> list[Path]:
    """The checkpoints of a series, highest step first."""
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if p.is_dir() and p.name.startswith(f"{label}-")]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _load(path: Path) -> tuple[int, Any]:
    try:
        manifest = json.loads((path / MANIFEST).read_text())
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
