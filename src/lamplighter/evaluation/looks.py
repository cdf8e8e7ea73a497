"""How often a split has been looked at: a ledger of one line per evaluation."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

LEDGER = "looks.jsonl"


def record_look(folder: Path, *, split: str, fingerprint: str, run: str) -> int:
    """Writes down that a split was evaluated on, and says how often that makes.

    A split is known by its content, so that the looks of all runs on the same pictures add up. A
    ledger that cannot be written is no reason to lose an evaluation: the count is then of what it
    holds, this look added.

    Args:
        folder: where the ledger lies, usually the folder of all runs.
        split: its name.
        fingerprint: of the split's pictures and labels.
        run: which run looked.

    Returns:
        How often this content has been evaluated on, this time included.
    """
    ledger = folder / LEDGER
    before = count_looks(folder, fingerprint=fingerprint)
    line = {"split": split, "fingerprint": fingerprint, "run": run, "time": round(time.time())}
    try:
        # one write of one line with O_APPEND: two runs that end together cannot mix their lines
        handle = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, (json.dumps(line) + "\n").encode())
        finally:
            os.close(handle)
    except OSError:
        pass
    return before + 1


def count_looks(folder: Path, *, fingerprint: str) -> int:
    """How often the content with this fingerprint has been evaluated on so far."""
    try:
        text = (folder / LEDGER).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return sum(_is_of(line, fingerprint) for line in text.splitlines())


def _is_of(line: str, fingerprint: str) -> bool:
    try:
        return bool(json.loads(line).get("fingerprint") == fingerprint)
    except (ValueError, AttributeError):
        return False
