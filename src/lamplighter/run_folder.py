"""The names of everything that a run leaves behind, and how they are written: whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lamplighter.errors import RunFailed, UsageError, did_you_mean

RECIPE = "recipe.toml"
ENVIRONMENT = "environment.json"
SPLIT = "split.csv"
FINDINGS = "findings.json"
METRICS = "metrics.jsonl"
STATUS = "status.json"
CHECKPOINTS = "checkpoints"
ARTIFACT = "model.safetensors"
PREDICTIONS = "predictions.csv"
REPORT_PAGE = "report.html"
REPORT = "report.json"
LOCK = ".lock"
TIME_LIMIT = "the time limit"  # how the `reason` in status.json begins where that ended a training


class RunFolder:
    """One run's folder, by its path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """The run's name: the folder's."""
        return self.path.name

    def write_json(self, name: str, document: Any) -> None:
        """Replaces a JSON file atomically; figures that JSON cannot hold become null."""
        write_atomically(self / name, json_text(document).encode())

    def write_text(self, name: str, text: str) -> None:
        """Replaces a text file atomically; paths that are not UTF-8 keep their bytes."""
        write_atomically(self / name, _bytes(text))

    def read_json(self, name: str) -> Any:
        """A JSON file of the run, or None if it is not there."""
        try:
            return json.loads((self / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RunFailed(
                f"cannot be read: {error}",
                where=self / name,
                fix=f"put it back from a copy, or repeat the run: lamp train --recipe {self / RECIPE}",
            ) from error

    def write_status(self, state: str, **facts: Any) -> None:
        """status.json: `state` is running, finished, interrupted or failed."""
        self.write_json(STATUS, {"state": state, **facts})

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """One more line of metrics.jsonl."""
        try:
            with (self / METRICS).open("a", encoding="utf-8") as file:
                file.write(json_text(row, indent=None) + "\n")
        except OSError as error:
            raise RunFailed(
                f"the epoch's figures cannot be written: {error.strerror or error}",
                where=self / METRICS,
                fix=f"free some space, then: lamp train --resume {self}",
            ) from error

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line cut off by a kill is left out."""
        rows: list[dict[str, Any]] = []
        with contextlib.suppress(FileNotFoundError):
            content = (self / METRICS).read_bytes().decode("utf-8", "replace")
            for line in content.split("\n"):
                try:
                    row = json.loads(line)
                except ValueError:
                    break
                if isinstance(row, dict):
                    rows.append(row)
        return rows

    def remove_leftovers(self) -> None:
        """Removes what a killed process was writing; the lock is held by the caller."""
        for path in self.path.glob(".*.part"):
            path.unlink(missing_ok=True)

    def is_locked(self) -> bool:
        """Whether a process is working on the run now."""
        try:
            with self.locked():
                return False
        except UsageError:
            return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run for this process; the system lets go if the process dies.

        Raises:
            UsageError: another process holds it.
        """
        try:
            import fcntl
        except ImportError:  # Windows has no flock; folders are still created by one process only
            yield
            return
        try:
            file = (self / LOCK).open("w")
        except OSError as error:
            raise UsageError(
                f"the run cannot be locked: {error.strerror or error}",
                where=self.path,
                fix="choose a folder you may write to with --out",
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    "another process is working on this run",
                    where=self.path,
                    fix="wait for it, or give this one another --name",
                ) from None
            yield


def create(out: Path, name: str, *, exact: bool) -> RunFolder:
    """Makes a new run folder that no other run shares.

    Args:
        out: folder of runs; made if missing.
        name: wished name; unsafe characters become "-".
        exact: the person chose the name: it must be free. Otherwise -2, -3, … is added. A folder
            that a kill left before its recipe was written counts as free; its lock decides
            between two commands.

    Raises:
        UsageError: the name is taken, or nothing may be written there.
    """
    safe = safe_name(name)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for count in range(1, 100_000):
            path = out / (safe if count == 1 else f"{safe}-{count}")
            try:
                path.mkdir()  # one atomic step: of two processes only one succeeds
                return RunFolder(path)
            except FileExistsError:
                if exact and _never_began(path):
                    return RunFolder(path)
                if exact:
                    raise _taken(path) from None
    except OSError as error:
        raise UsageError(
            f"the run's folder cannot be made: {error.strerror or error}",
            where=out,
            fix="choose a folder you may write to with --out",
        ) from error
    raise UsageError(f"{out} holds 100,000 runs called {safe}", fix="choose another --name")


def refuse_early(out: Path, name: str | None) -> None:
    """Says what `create` would say, before hours are spent on the data.

    Raises:
        UsageError: nothing may be written there, or the name is taken.
    """
    place = out.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise UsageError(
            "the run's folder cannot be made: "
            + (f"{place} may not be written" if place.is_dir() else f"{place} is no folder"),
            where=out,
            fix="choose a folder you may write to with --out",
        )
    path = out / safe_name(name or "")
    if name is not None and path.exists() and not _never_began(path):
        raise _taken(path)


def _taken(path: Path) -> UsageError:
    return UsageError(
        "there is a run of this name already",
        where=path,
        fix=f"choose another --name, or remove {path}",
    )


def _never_began(path: Path) -> bool:
    """Whether a folder holds nothing but what a run leaves before its recipe."""
    if not path.is_dir() or path.is_symlink():
        return False
    names = [one.name for one in path.iterdir()]
    return all(name in (LOCK, SPLIT) or name.endswith(".part") for name in names)


def safe_name(name: str) -> str:
    """A name that every file system takes: letters, digits, dot, dash, underscore; 80 bytes."""
    safe = re.sub(r"[^\w.\-]+", "-", name).strip("-. ") or "run"
    return safe.encode()[:80].decode(errors="ignore")


def find(text: str | Path, out: Path = Path("runs")) -> RunFolder:
    """The run that a person means: its path, or its name within `out`.

    Raises:
        UsageError: there is no such run; names the nearest ones.
    """
    with contextlib.suppress(OSError, ValueError):  # a text too long or too odd for a path
        for path in (Path(text), out / text):
            if path.is_dir() and any((path / name).exists() for name in (STATUS, ARTIFACT, RECIPE)):
                return RunFolder(path)
    names = [run.name for run in all_runs(out)]
    raise UsageError(
        f"there is no run there; expected a run folder or a name within {out}.{did_you_mean(str(text), names)}",
        where=text,
        fix="lamp runs",
    )


def all_runs(out: Path) -> list[RunFolder]:
    """The runs within a folder, oldest first."""
    if not out.is_dir():
        return []
    found = [p for p in out.iterdir() if (p / STATUS).is_file() or (p / RECIPE).is_file()]
    return [RunFolder(p) for p in sorted(found, key=lambda p: (p.stat().st_ctime, p.name))]


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file so that a kill or a full disk leaves the old one or the new one.

    Raises:
        RunFailed: the disk is full or the place cannot be written; the old file is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunFailed(
            f"cannot be written: {error.strerror or error}; {len(content) / 1e6:,.2f} MB are needed, "
            f"{_free(path):,.2f} MB are free",
            where=path,
            fix="free some space or choose another --out; what was there is untouched",
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _free(path: Path) -> float:
    """Megabytes free where a file was to be written; 0 where that cannot be told."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free / 1e6
    return 0.0


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_text(document: Any, indent: int | None = 1) -> str:
    """JSON in UTF-8 with null for NaN and infinities and replaced undecodable path bytes."""
    text = json.dumps(_plain(document), ensure_ascii=False, indent=indent, allow_nan=False)
    return _LONE.sub("\ufffd", text)


_LONE = re.compile("[\ud800-\udfff]")  # half a character: a byte of a path, or a stranger's text


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return _LONE.sub("\ufffd", text).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # NumPy's and torch's numbers
        return _plain(value.item())
    return value
