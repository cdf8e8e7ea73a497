"""Facts kept between looks, so that a second look reads only what changed.

One SQLite file in the user's cache folder, keyed by path, size and time of change. A store that
cannot be opened or written (read-only home, full disk, damaged file) costs time and nothing else.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from lamplighter.look.facts import Facts
from lamplighter.machine import cache_folder

FILE = "look.sqlite"
# raised whenever `measure` would say something else about an unchanged file
VERSION = 2
# beyond this the oldest rows go: about a million pictures
MOST_ROWS = 1_000_000
ASKED_AT_ONCE = 500


def stamp_of(path: Path) -> tuple[str, int, int] | None:
    """(absolute path, bytes, time of change in ns): the key of a file's facts; None if missing."""
    try:
        state = path.stat()
    except OSError:
        return None
    return (
        os.fsencode(path.absolute()).decode("utf-8", "backslashreplace"),
        state.st_size,
        state.st_mtime_ns,
    )


class Store:
    """Facts and verdicts on disk; every method is silent when the store is out of order.

    Args:
        folder: the cache folder; None for a store that keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._base: sqlite3.Connection | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(folder / FILE, timeout=20)
            self._base.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                "CREATE TABLE IF NOT EXISTS facts (path TEXT PRIMARY KEY, bytes INTEGER,"
                " changed INTEGER, version INTEGER, told TEXT, thumbnails BLOB);"
                "CREATE TABLE IF NOT EXISTS verdicts (fingerprint TEXT PRIMARY KEY, told TEXT);"
            )
        except (sqlite3.Error, OSError):
            self.close()

    def known(self, stamps: Iterable[tuple[str, int, int]]) -> dict[str, Facts]:
        """path → facts, for those files that have not changed since."""
        wanted = {path: (size, changed) for path, size, changed in stamps}
        found: dict[str, Facts] = {}
        if self._base is None:
            return found
        paths = list(wanted)
        for start in range(0, len(paths), ASKED_AT_ONCE):
            part = paths[start : start + ASKED_AT_ONCE]
            marks = ",".join("?" * len(part))
            try:
                rows = self._base.execute(
                    "SELECT path, bytes, changed, told, thumbnails FROM facts"
                    f" WHERE version = {VERSION} AND path IN ({marks})",
                    part,
                )
                for path, size, changed, told, thumbnails in rows:
                    if wanted[path] == (size, changed):
                        found[path] = Facts.unpack(told, thumbnails)
            except (sqlite3.Error, ValueError, TypeError):
                return found
        return found

    def keep(self, rows: Iterable[tuple[tuple[str, int, int], Facts]]) -> None:
        """Remembers facts under their files' stamps."""
        if self._base is None:
            return
        try:
            with self._base:
                self._base.executemany(
                    "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?)",
                    [(*stamp, VERSION, *facts.pack()) for stamp, facts in rows],
                )
                self._base.execute(
                    "DELETE FROM facts WHERE rowid <= (SELECT max(rowid) FROM facts) - ?",
                    (MOST_ROWS,),
                )
        except sqlite3.Error:
            self.close()

    def verdict(self, fingerprint: str) -> str | None:
        """The JSON kept under a data fingerprint, if any."""
        if self._base is None:
            return None
        try:
            row = self._base.execute(
                "SELECT told FROM verdicts WHERE fingerprint = ?", (fingerprint,)
            ).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row else None

    def keep_verdict(self, fingerprint: str, told: str) -> None:
        """Remembers a verdict's JSON under the data's fingerprint."""
        if self._base is None:
            return
        try:
            with self._base:
                self._base.execute(
                    "INSERT OR REPLACE INTO verdicts VALUES (?, ?)", (fingerprint, told)
                )
        except sqlite3.Error:
            self.close()

    def close(self) -> None:
        """Lets go of the file; the store keeps nothing from here on."""
        if self._base is not None:
            self._base.close()
        self._base = None


def forget(folder: Path | None = None) -> int:
    """Removes what looks kept in the cache folder, and nothing else.

    Returns:
        How many bytes were freed.
    """
    freed = 0
    for file in (folder or cache_folder()).glob(f"{FILE}*"):
        freed += file.stat().st_size
        file.unlink(missing_ok=True)
    return freed
