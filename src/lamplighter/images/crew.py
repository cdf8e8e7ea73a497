"""Processes that decode files, for many of them at once.

A small picture spends more time in the interpreter than in the decoder, and threads share the
interpreter. Each member is a Python of its own without torch; it is told some files at a time, lays
their pictures into the file behind the cache's entry, and answers with their aspects and faults.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lamplighter.errors import DataError
from lamplighter.images.decode import read_picture
from lamplighter.images.geometry import Geometry

WORTH_IT = 4096  # pictures; below, threads are done before a process has started
MOST = 32  # processes
HANDED_OVER = 64  # pictures that a member is told at once


@dataclass(frozen=True)
class Files:
    """Pictures that a member can decode by itself.

    Args:
        paths: a file for each position.
        geometry: how each becomes a square.
        whole: nothing is cut away, for crops that are drawn later.
        draft: see `read_picture`.
    """

    paths: Sequence[Path]
    geometry: Geometry
    whole: bool
    draft: tuple[int, int]

    def square(self, path: str | Path) -> tuple[np.ndarray, float]:
        """uint8 [H, W, C] of a file, and width / height of its picture as it lay.

        Raises:
            DataError: it cannot be decoded.
        """
        image = read_picture(path, draft=self.draft)
        make = self.geometry.whole if self.whole else self.geometry.square
        return make(image), image.width / image.height

    def how(self) -> dict[str, Any]:
        """All but the paths, as JSON."""
        return {"geometry": asdict(self.geometry), "whole": self.whole, "draft": self.draft}


def files_of(how: Mapping[str, Any]) -> Files:
    """What `Files.how` gave, without paths."""
    return Files((), Geometry(**how["geometry"]), how["whole"], tuple(how["draft"]))


class Crew:
    """Members that wait for work; `decode` may be called from as many threads as there are members."""

    def __init__(self, files: Files, members: Sequence[subprocess.Popen[bytes]]) -> None:
        self.files = files
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        for member in members:
            self._idle.put(member)

    def decode(self, positions: range, aspects: np.ndarray) -> list[tuple[int, str]] | None:
        """Has one member decode the pictures at `positions`.

        Args:
            aspects: float32 [N], written in place.

        Returns:
            Position and reason of each that cannot be decoded; None when no member is left, or when
            this one died of it: then nothing is known of these pictures.
        """
        try:
            member = self._idle.get_nowait()
        except queue.Empty:
            return None
        task = {"first": positions[0], "paths": [str(self.files.paths[p]) for p in positions]}
        assert member.stdin is not None
        assert member.stdout is not None
        try:
            member.stdin.write(json.dumps(task).encode() + b"\n")
            member.stdin.flush()
            answer = json.loads(member.stdout.readline())
        except (OSError, ValueError):  # it is gone, and so is the rest of its last line
            return None
        self._idle.put(member)
        aspects[positions[0] : positions[-1] + 1] = answer["aspects"]
        return [(position, reason) for position, reason in answer["faults"]]


@contextmanager
def crew(
    files: Files | None, target: Path, shape: tuple[int, int, int, int], size: int
) -> Iterator[Crew | None]:
    """Within it there is a crew; None where it would not help or cannot be had.

    Args:
        files: None for pictures that are no files.
        target: a file that holds uint8 `shape` from its start.
        shape: N, H, W, C.
        size: members wanted.
    """
    members: list[subprocess.Popen[bytes]] = []
    if files is not None and len(files.paths) >= WORTH_IT and size > 1:
        order = json.dumps({"target": str(target.absolute()), "shape": shape, **files.how()})
        # -P: nothing of the folder in which the command was given is taken for a module
        command = [sys.executable, "-P", "-m", __name__, order]
        with contextlib.suppress(OSError):
            for _ in range(min(size, MOST)):
                members.append(
                    subprocess.Popen(
                        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL, start_new_session=True,
                    )
                )  # fmt: skip
    try:
        yield Crew(files, members) if files is not None and members else None
    finally:
        for member in members:
            with contextlib.suppress(OSError):
                member.communicate()  # closes its input, which ends it


def main() -> None:
    """A member: answers each line of its standard input with one, until there is no more."""
    order = json.loads(sys.argv[1])
    files = files_of(order)
    pixels = np.memmap(order["target"], np.uint8, "r+", 0, tuple(order["shape"]))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    for line in sys.stdin.buffer:
        task = json.loads(line)
        aspects, faults = [], []
        for position, path in enumerate(task["paths"], task["first"]):
            aspect = 1.0
            try:
                pixels[position], aspect = files.square(path)
            except DataError as error:
                faults.append((position, error.message))
            aspects.append(aspect)
        answers.write(json.dumps({"aspects": aspects, "faults": faults}).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
