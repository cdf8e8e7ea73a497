"""`lamp board` starts TensorBoard so that everything is kept."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import torch

from lamplighter.cli import run
from lamplighter.run_folder import RunFolder
from lamplighter.training.journal import RunJournal


def test_every_step_is_shown(tmp_path: Path) -> None:
    """A real TensorBoard, started by the command, answers with all scalars and pictures of a run."""
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    journal = RunJournal(RunFolder(folder))
    journal.steps(1, [0.5] * 1200, [0.1] * 1200)
    for step in range(12):
        journal.pictures("pictures/train", torch.rand(2, 3, 4, 4), (), step)
    journal.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from lamplighter.cli import main; main()"]
    arguments = ["board", str(tmp_path / "runs"), "--port", str(port)]
    board = subprocess.Popen([*command, *arguments], stderr=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}/data/plugin"
        assert len(_asked(f"{base}/scalars/scalars?run=one&tag=step%2Ftrain_loss", 1200)) == 1200
        pictures = f"{base}/images/images?run=one&tag=pictures%2Ftrain&sample=0"
        assert len(_asked(pictures, 12)) == 12
    finally:
        board.terminate()
        board.wait(20)


def _asked(address: str, wanted: int) -> list[object]:
    """The answer, once it holds as much as wanted; at the latest after a minute."""
    found: list[object] = []
    ends = time.monotonic() + 60
    while len(found) < wanted and time.monotonic() < ends:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                found = json.load(answer)
        except (OSError, ValueError):
            pass
        time.sleep(0.5)
    return found


def test_no_such_folder(tmp_path: Path, capsys: object) -> None:
    """A folder that is not there is a usage fault."""
    assert run(["board", str(tmp_path / "none")]) == 2
