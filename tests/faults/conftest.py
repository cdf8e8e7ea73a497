"""Trainings to be killed: `lamp` commands in processes of their own, with faults put into them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SMALL = (
    "digits", "--model", "tutorial_cnn", "--size", "8", "--batch", "64", "--checks", "off",
    "--no-tensorboard", "--device", "cpu", "--augment", "light", "--out", "runs",
)  # fmt: skip


@dataclass
class Ended:
    """How a command ended."""

    code: int
    said: str
    pid: int


class Lamp:
    """Starts `lamp` commands by forking a process that has imported everything already."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def _ask(self, request: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self._answer())

    def start(self, cwd: Path, *arguments: str, plan: Any = (), log: str = "log") -> int:
        """Starts a command and gives its process id."""
        return self._ask(
            {
                "start": list(arguments), "cwd": str(cwd), "plan": list(plan),
                "log": str(cwd / log),
            }
        )  # fmt: skip

    def wait(self, cwd: Path, pid: int, log: str = "log") -> Ended:
        """Waits for a command's end."""
        code = self._ask({"wait": pid})
        return Ended(code, (cwd / log).read_text(errors="replace"), pid)

    def run(self, cwd: Path, *arguments: str, plan: Any = (), log: str = "log") -> Ended:
        """Runs a command to its end."""
        return self.wait(cwd, self.start(cwd, *arguments, plan=plan, log=log), log)

    def train(self, cwd: Path, *more: str, plan: Any = (), log: str = "log") -> Ended:
        """A training of two seconds on digits."""
        return self.run(cwd, "train", *SMALL, *more, plan=plan, log=log)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="session")
def lamp() -> Iterator[Lamp]:
    """Starts commands."""
    served = Lamp()
    yield served
    served.close()


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """The arguments of the small training."""
    return SMALL


@pytest.fixture(scope="session")
def whole(lamp: Lamp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the small training of three epochs that nothing happened to."""
    cwd = tmp_path_factory.mktemp("whole")
    ended = lamp.train(cwd, "--epochs", "3", "--name", "a")
    assert ended.code == 0, ended.said
    return cwd / "runs" / "a"


@pytest.fixture
def no_orphans() -> Any:
    """folder → whether every process that works in it ends within a few seconds."""

    def working_in(folder: Path) -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink() == folder.resolve():
                    found.append(int(process.name))
        return found

    def check(folder: Path) -> bool:
        for _ in range(80):
            if not working_in(folder):
                return True
            time.sleep(0.1)
        return False

    return check
