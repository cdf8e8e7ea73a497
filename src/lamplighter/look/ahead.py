"""A look that begins before torch is there, in a process of its own.

`lamp train` needs a second for importing torch, and decodes pictures before it looks at them. This
process does neither, so that it measures files from the start of the command on a core that would
be idle. Both meet in the store of facts: each asks there before it measures a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lamplighter.errors import LamplighterError
from lamplighter.machine import cores

SETTINGS = ("data_root", "path_column", "label_column", "group_column", "split_column", "task")


@contextmanager
def looking_ahead(settings: Mapping[str, Any]) -> Iterator[None]:
    """Within it a process measures the pictures of `settings["data"]` into the store of facts.

    It ends by itself, at the latest with the context or with this process. Where it would not help
    (one core, no files, torch already imported) or cannot be started, there is none.

    Args:
        settings: of a recipe; those of its data section count.
    """
    process = _begin(settings)
    try:
        yield
    finally:
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def _begin(settings: Mapping[str, Any]) -> subprocess.Popen[bytes] | None:
    text = str(settings.get("data") or "")
    paths = [Path(part.strip()).expanduser() for part in text.split(" + ")]
    if not text or not all(path.exists() for path in paths):
        return None
    if cores() < 2 or "torch" in sys.modules:
        return None
    asked = {name: str(settings[name]) for name in SETTINGS if settings.get(name)}
    # -P: nothing of the folder in which the command was given is taken for a module
    command = [sys.executable, "-P", "-m", __name__, json.dumps({"text": text, **asked})]
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError:
        return None


def main() -> None:
    """Measures what the command line names; ends with its standard input."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from lamplighter.data.own import OwnSets
    from lamplighter.data.sources import open_source
    from lamplighter.look.pictures import scan_source
    from lamplighter.look.store import Store
    from lamplighter.look.verdict import MOST_AT_START, by_lot
    from lamplighter.machine import cache_folder

    # whatever is wrong with the data is told by the command itself
    with contextlib.suppress(LamplighterError, OSError):
        source = open_source(**json.loads(sys.argv[1]))
        if not isinstance(source, OwnSets):
            chosen = by_lot(source.examples(), MOST_AT_START)
            files = [example for example in reversed(chosen) if example.path]
            # from the end, since the command begins at the beginning
            scan_source(source, files, store=Store(cache_folder()), workers=1)


def _end_with_parent() -> None:
    """The parent closes its end when it needs no more, and the system does when it died."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
