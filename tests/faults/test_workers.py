"""Data workers that are killed, raise, hang, or have too little of something (R9)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.faults.test_kills import figures, weights

import lamplighter
from lamplighter.data import deaths
from lamplighter.data.batches import LoaderBatches
from lamplighter.data.deaths import WorkersLost, is_the_users
from lamplighter.data.loader import bounded, make_loader
from lamplighter.errors import DataError
from lamplighter.listener import Listener
from lamplighter.training.stopping import heeding
from lamplighter.training.waiting import Patience

OWN = """
import os, signal, time, torch
from torch import nn
KIND, MARK = os.environ.get("KIND", ""), os.environ.get("MARK", "")
class Own(torch.utils.data.Dataset):
    def __init__(self):
        self.targets = [i % 3 for i in range(120)]
        self.samples = [(f"photos/{i}.png", i % 3) for i in range(120)]
    def __len__(self): return 120
    def __getitem__(self, index):
        if index == 70: fault(index)
        side = 256 if KIND == "large" else 8
        return torch.rand(1, side, side) + index % 3, index % 3
def fault(index):
    if KIND == "raise": raise ValueError(f"bad sample {index}")
    if torch.utils.data.get_worker_info() is None or not KIND: return
    if MARK:
        try: os.close(os.open(MARK, os.O_CREAT | os.O_EXCL))
        except FileExistsError: return
    if KIND.startswith("SIG"): os.kill(os.getpid(), getattr(signal, KIND))
    if KIND == "exit": os._exit(3)
    if KIND == "hang": time.sleep(6)
data = Own()
def loader(): return torch.utils.data.DataLoader(Own(), batch_size=16, shuffle=True, num_workers=2)
class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 3))
"""
TRAIN = ("train", "mine:data", "--model", "mine:Net", "--epochs", "2", "--batch", "16",
         "--checks", "off", "--no-tensorboard")  # fmt: skip
LAMP = "from lamplighter import cli; cli.main()"


@pytest.fixture
def own(lamp: Any, tmp_path: Path) -> Any:
    """(kind, name, arguments, once) → how a training on the data set above ended."""

    def run(kind: str, name: str, *more: str, once: bool = False, data: str = "mine:data") -> Any:
        text = f"import os\nos.environ.update(KIND={kind!r}, MARK={str(tmp_path / name) if once else ''!r})\n"
        (tmp_path / "mine.py").write_text(text + OWN)
        return lamp.run(tmp_path, *TRAIN[:1], data, *TRAIN[2:], "--name", name, *more)

    return run


def apart(cwd: Path, before: str, kind: str, name: str, *more: str) -> tuple[int, str]:
    """The same in a shell of its own, after a command that limits it."""
    (cwd / "mine.py").write_text(f"import os\nos.environ.update(KIND={kind!r}, MARK='')\n" + OWN)
    source = Path(deaths.__file__).parents[2]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    env["PYTHONPATH"] = f"{source}{os.pathsep}{env.get('PYTHONPATH', '')}"
    command = [sys.executable, "-c", LAMP, *TRAIN, "--name", name, *more]
    script = ["sh", "-c", f'{before}; exec "$@"', "sh", *command]
    done = subprocess.run(script, cwd=cwd, env=env, capture_output=True, text=True, errors="replace", timeout=120, check=False)  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def equal(runs: Path, one: str, other: str) -> None:
    assert figures(runs / one) == figures(runs / other)
    assert weights(runs / one) == weights(runs / other)


def test_a_killed_worker_is_replaced(own: Any, tmp_path: Path, no_orphans: Any) -> None:
    """It is said which example it read, and figures and weights are those of a quiet run."""
    assert own("", "quiet", "--workers", "0").code == 0
    ended = own("SIGKILL", "killed", "--workers", "2", once=True)
    assert ended.code == 0, ended.said
    told = " ".join(ended.said.split())
    assert "a worker was killed (Killed) while it read example 70: new workers go on from the same place" in told  # fmt: skip
    equal(tmp_path / "runs", "quiet", "killed")
    assert no_orphans(tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["SIGSEGV", "SIGTERM", "SIGBUS", "SIGABRT", "exit"])
@pytest.mark.parametrize("workers", ["1", "3"])
def test_more_deaths(kind: str, workers: str, own: Any, tmp_path: Path) -> None:
    """The same for other ends."""
    assert own("", "quiet", "--workers", "0").code == 0
    ended = own(kind, "killed", "--workers", workers, once=True)
    assert ended.code == 0, ended.said
    assert "from the same place" in " ".join(ended.said.split())
    equal(tmp_path / "runs", "quiet", "killed")


def test_a_worker_that_dies_each_time(own: Any, tmp_path: Path, no_orphans: Any) -> None:
    """After three deaths at one place the run ends with code 5, and can be resumed to the same end."""
    ended = own("SIGKILL", "a", "--workers", "2")
    assert ended.code == 5, ended.said
    told = " ".join(ended.said.split())
    assert re.search(r"while it read example 70, after \d others in this epoch", told)
    assert "--workers 0" in told
    assert no_orphans(tmp_path)
    again = own("", "a", "--resume", "runs/a", "--workers", "0")
    assert again.code == 0, again.said
    assert own("", "quiet", "--workers", "0").code == 0
    equal(tmp_path / "runs", "quiet", "a")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_worker_that_raises(workers: str, own: Any) -> None:
    """The message holds the sample, its file, the error and the user's own lines; the code is 3."""
    ended = own("raise", "a", "--workers", workers)
    assert ended.code == 3
    assert (
        "example 70 of Own (photos/70.png) cannot be made: ValueError: bad sample 70" in ended.said
    )
    assert 'mine.py", line' in ended.said
    assert 'raise ValueError(f"bad sample {index}")' in ended.said
    assert "/torch/" not in ended.said
    assert "Traceback" not in ended.said


def test_an_own_loader(own: Any, tmp_path: Path) -> None:
    """A DataLoader of the user's own: its errors are told alike, a killed worker ends with code 5."""
    ended = own("raise", "a", data="mine:loader")
    assert ended.code == 3
    assert "cannot be read from Own: ValueError: bad sample 70" in ended.said
    assert 'raise ValueError(f"bad sample {index}")' in ended.said
    assert "site-packages" not in ended.said
    ended = own("SIGKILL", "b", data="mine:loader")
    assert ended.code == 5
    assert "a worker was killed (Killed) while batch" in ended.said
    assert "--resume" in ended.said


def test_too_few_file_handles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too few files may be open, fewer workers read or none, and that is said."""
    resource = pytest.importorskip("resource")
    for limit, expected in ((64, 0), (200, 2), (1024, 4)):
        heard = Heard()
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        loader, _ = make_loader(Dies(), batch=4, shuffle=False, seed=0, workers=4, listener=heard)
        assert loader.workers == expected
        assert len(heard.said) == (expected < 4)
        if expected < 4:
            assert f"{limit} files open, too few for 4 workers" in heard.said[0]


@pytest.mark.faults
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize("megabytes", [1, 2, 5, 16])
def test_small_shared_memory(megabytes: int, tmp_path: Path) -> None:
    """In a container's small /dev/shm the work goes on with fewer workers, with the same results."""
    code, said = apart(tmp_path, "true", "large", "whole", "--workers", "0")
    assert code == 0, said
    mount = f"mount -t tmpfs -o size={megabytes}m tmpfs /dev/shm || exit 77"
    again = f'unshare -m sh -c \'{mount}; exec "$@"\' sh "$@"; exit'
    code, said = apart(tmp_path, again, "large", "small", "--workers", "4")
    if code == 77:
        pytest.skip("no mount of its own can be made here")
    assert code == 0, said
    told = " ".join(said.split())
    assert megabytes > 5 or "there is too little shared memory for 4 workers" in told
    equal(tmp_path / "runs", "whole", "small")


@pytest.mark.faults
@pytest.mark.parametrize("files", [100, 150, 200, 300])
def test_more_file_handles(files: int, tmp_path: Path) -> None:
    """The same with other limits: the run ends as one without limits does."""
    code, said = apart(tmp_path, f"ulimit -n {files}", "", "a", "--workers", "4")
    assert code == 0, said
    code, said = apart(tmp_path, "true", "", "whole", "--workers", "0")
    equal(tmp_path / "runs", "whole", "a")


SPAWN = """
import lamplighter as lamp, torch
import mine
def go():
    torch.multiprocessing.set_start_method("{method}", force=True)
    torch.manual_seed(0)
    data = mine.data
    if {unsendable}:
        data.function = lambda x: x
    lamp.fit(mine.Net(), data, epochs=2, batch=16, workers=2, checks="off", tensorboard=False,
             out="runs", name="{name}", device="cpu")
{guard}
"""


@pytest.mark.faults
@pytest.mark.parametrize(
    ("name", "unsendable", "guard", "expected"),
    [
        ("sound", False, 'if __name__ == "__main__": go()', ""),
        ("lambda", True, 'if __name__ == "__main__": go()', "cannot be handed to workers"),
        ("guard", False, "go()", 'if __name__ == "__main__":'),
    ],
)
def test_workers_started_afresh(
    name: str, unsendable: bool, guard: str, expected: str, tmp_path: Path
) -> None:
    """Under spawn the results are those of a fork; what cannot be sent, or lacks the guard, is told."""
    (tmp_path / "mine.py").write_text(OWN)
    code, said = script(tmp_path, method="spawn", unsendable=unsendable, name=name, guard=guard)
    assert expected in " ".join(said.split())
    assert (code == 0) == (name != "guard"), said
    if not code:
        guard = 'if __name__ == "__main__": go()'
        code, said = script(tmp_path, method="fork", unsendable=False, name="whole", guard=guard)
        equal(tmp_path / "runs", "whole", name)


def script(place: Path, **values: Any) -> tuple[int, str]:
    """Runs a script of the user's in a process of its own."""
    (place / "script.py").write_text(SPAWN.format(**values))
    source = str(Path(deaths.__file__).parents[2])
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=place, env=env, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


class Heard(Listener):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.any = threading.Event()

    def warn(self, text: str) -> None:
        self.said.append(text)
        self.any.set()


def test_many_workers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 workers on 2 cores become 8, in clear words; a sound number is taken as it is."""
    monkeypatch.setattr("lamplighter.data.loader.cores", lambda: 2)
    heard = Heard()
    assert bounded(200, heard) == 8
    assert "200 workers were asked for and this machine has 2 cores: 8 work" in heard.said[0]
    assert bounded(4, heard) == 4
    assert len(heard.said) == 1


def test_a_reader_that_hangs_is_told() -> None:
    """When no batch comes it is said for how long and where the reader stands; a quick one is not told."""
    heard = Heard()
    patience = Patience(0.2, [], heard)

    def batches() -> Iterator[int]:
        yield 1
        assert heard.any.wait(60)
        yield 2

    with patience.watching():
        assert list(heeding(batches(), lambda: False, patience)) == [1, 2]
    assert "no batch has come for" in heard.said[0]
    assert "a reader that hangs" in heard.said[0]
    assert "in batches" in heard.said[0]


def test_a_folder_called_like_a_package_is_the_users() -> None:
    """Only the packages' own files are left out of what a stack shows."""
    assert is_the_users("/home/me/torch/train.py")
    assert is_the_users("/home/me/lamplighter/train.py")
    assert not is_the_users(str(torch.__file__))
    assert not is_the_users(str(lamplighter.__file__))


def test_a_slow_reader_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that computes, or that was as slow before, is not told."""
    heard = Heard()
    patience = Patience(0.1, [], heard)
    used = iter(range(10_000))
    looks = threading.Event()

    def busy() -> float:
        number = next(used)
        if number >= 8:
            looks.set()
        return number * 100.0

    monkeypatch.setattr(patience, "_busy", busy)
    with patience.watching():
        patience.begin()
        assert looks.wait(60)
        patience.end()
    assert heard.said == []


class Dies(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        if index == 9:
            raise ValueError("no such thing")
        return torch.zeros(2), index


def test_the_error_of_an_example_from_python() -> None:
    """Where the data are read in this process, the error is chained to the user's own."""
    loader, begin = make_loader(Dies(), batch=4, shuffle=False, seed=0, workers=0)
    with pytest.raises(DataError, match="example 9 of Dies cannot be made") as caught:
        list(LoaderBatches(loader, torch.device("cpu"), None, begin).epoch(1))
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_death_in_an_own_loader_is_told() -> None:
    """What torch says of a worker's death becomes an error with the batch that was waited for."""

    def loader() -> Iterator[Any]:
        yield torch.zeros(2), torch.zeros(2)
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    with pytest.raises(WorkersLost, match=r"killed \(Killed\) while batch 2 of the epoch"):
        list(LoaderBatches(loader(), torch.device("cpu")).epoch(1))
