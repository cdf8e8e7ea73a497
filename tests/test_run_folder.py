"""A run's folder is its own, and what is written there is whole or the old one."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamplighter import run_folder
from lamplighter.errors import RunFailed, UsageError
from lamplighter.run_folder import (
    RunFolder,
    create,
    find,
    refuse_early,
    safe_name,
    write_atomically,
)


def _make_many(out: str, count: int) -> list[str]:
    return [create(Path(out), "run", exact=False).name for _ in range(count)]


def test_create_by_threads_and_processes(tmp_path: Path) -> None:
    """Threads and processes that ask for the same name at once each get a folder of their own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool, ThreadPoolExecutor(8) as threads:
        others = pool.starmap_async(_make_many, [(str(tmp_path), 20)] * 2)
        here = list(threads.map(lambda _: _make_many(str(tmp_path), 5), range(8)))
        names = [n for part in (*here, *others.get(timeout=120)) for n in part]
    assert len(names) == len(set(names)) == 80
    assert set(names) == {p.name for p in tmp_path.iterdir()}
    assert "run" in names
    assert "run-80" in names


def test_exact_name_taken(tmp_path: Path) -> None:
    """A name that the person chose is never shared and never changed."""
    created = create(tmp_path, "mine", exact=True)
    created.write_text("recipe.toml", "")
    with pytest.raises(UsageError, match="a run of this name already"):
        create(tmp_path, "mine", exact=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("a person's own")
    with pytest.raises(UsageError, match="a run of this name already"):
        create(tmp_path, "notes", exact=True)


def test_a_folder_that_never_began_is_free(tmp_path: Path) -> None:
    """What a kill leaves before the recipe does not block the name; of two commands the lock decides."""
    for left in ((), (".lock",), (".lock", "split.csv", ".recipe.toml.7-8.part")):
        created = create(tmp_path, f"mine{len(left)}", exact=True)
        for name in left:
            (created / name).write_text("")
        again = create(tmp_path, created.name, exact=True)
        assert again.path == created.path
        with again.locked(), pytest.raises(UsageError, match="another process"), created.locked():
            pytest.fail("two commands hold one run")


def test_what_cannot_be_made_is_told_early(tmp_path: Path) -> None:
    """A name that is taken and a place that is no folder are told before the data are read."""
    refuse_early(tmp_path / "a" / "b", "new")
    created = create(tmp_path, "mine", exact=True)
    refuse_early(tmp_path, "mine")
    created.write_text("recipe.toml", "")
    with pytest.raises(UsageError, match="a run of this name already"):
        refuse_early(tmp_path, "mine")
    with pytest.raises(UsageError, match=r"recipe\.toml is no folder"):
        refuse_early(created / "recipe.toml" / "runs", None)


@given(st.text(max_size=300))
def test_names_are_safe(name: str) -> None:
    """Any text becomes a folder name of at most 80 bytes that stays within its folder."""
    safe = safe_name(name)
    assert 1 <= len(safe.encode()) <= 80
    assert "/" not in safe
    assert "\\" not in safe
    assert safe not in (".", "..")
    assert not safe.startswith((".", "-"))
    assert safe.isprintable()


def test_odd_names(tmp_path: Path) -> None:
    """Spaces, slashes, Unicode and undecodable bytes give a folder below `out`."""
    for name in ("../../etc", "a b", "猫 犬", "x" * 300, "..", "\x1b[31m", "caf\udce9", "\u202e"):
        made = create(tmp_path / "runs", name, exact=False)
        assert made.path.is_dir()
        assert made.path.parent == tmp_path / "runs"


def test_out_is_a_file(tmp_path: Path) -> None:
    """A file where the folder of runs should be is told, with what to do."""
    (tmp_path / "runs").write_text("")
    with pytest.raises(UsageError, match="cannot be made") as caught:
        create(tmp_path / "runs", "a", exact=False)
    assert "--out" in caught.value.fix


def test_lock(tmp_path: Path) -> None:
    """A second holder of the same run is turned away; after the first it may."""
    folder = RunFolder(tmp_path)
    with (
        folder.locked(),
        pytest.raises(UsageError, match="another process is working"),
        RunFolder(tmp_path).locked(),
    ):
        pass
    with folder.locked():
        pass


def test_lock_where_nothing_may_be_written(tmp_path: Path) -> None:
    """A lock that cannot be made is an error of ours."""
    with pytest.raises(UsageError, match="cannot be locked"), RunFolder(tmp_path / "no").locked():
        pass


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failed_write_keeps_the_old(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full or the rename fails, the old file is there and nothing else."""
    path = tmp_path / "status.json"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if call == "fsync" else Path, call, fail)
    with pytest.raises(RunFailed, match="No space left"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]


def test_stopped_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a write leaves the old file and no half of the new one."""
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_written_by_threads(tmp_path: Path) -> None:
    """Threads that replace one file at once leave one of their contents, whole."""
    path = tmp_path / "a"
    contents = [bytes([65 + i]) * 10_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda c: [write_atomically(path, c) for _ in range(10)], contents))
    assert path.read_bytes() in contents
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_metrics_with_a_cut_last_line(tmp_path: Path) -> None:
    """A last line that a kill cut off, even within a character, is left out; the others stay."""
    folder = RunFolder(tmp_path)
    folder.append_metrics({"epoch": 1, "odd\u2028name": 0.5})
    folder.append_metrics({"epoch": 2, "val_loss": math.nan})
    with (tmp_path / run_folder.METRICS).open("ab") as file:
        file.write('{"epoch": 3, "n\u00e4'.encode()[:-1])
    assert folder.metrics() == [{"epoch": 1, "odd\u2028name": 0.5}, {"epoch": 2, "val_loss": None}]


def test_metrics_on_a_full_disk(tmp_path: Path) -> None:
    """A line that cannot be written is a failed run that says so, not a stranger's traceback."""
    (tmp_path / run_folder.METRICS).mkdir()
    with pytest.raises(RunFailed, match="figures cannot be written"):
        RunFolder(tmp_path).append_metrics({"epoch": 1})


def test_json_holds_anything(tmp_path: Path) -> None:
    """NaN, infinities, NumPy's numbers, half characters and paths become JSON that all can read."""
    folder = RunFolder(tmp_path)
    folder.write_json(
        "a.json",
        {"n": math.nan, "i": -math.inf, "f": np.float32(0.5), "s": "x\udce9\ud800", 3: tmp_path},
    )

    def refuse(_: str) -> None:
        raise AssertionError("not JSON")

    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert document == {"n": None, "i": None, "f": 0.5, "s": "x\ufffd\ufffd", "3": str(tmp_path)}


def test_damaged_json(tmp_path: Path) -> None:
    """A damaged file of the run is named; one that is not there is None."""
    folder = RunFolder(tmp_path)
    assert folder.read_json("status.json") is None
    for content in (b"{", b"\xff", b"[" * 100_000):
        (tmp_path / "status.json").write_bytes(content)
        with pytest.raises(RunFailed, match="cannot be read"):
            folder.read_json("status.json")


def test_find(tmp_path: Path) -> None:
    """A run is found by name or path; a wrong, endless or odd name gets the nearest ones."""
    made = create(tmp_path, "photos-resnet18", exact=True)
    made.write_status("running")
    assert find("photos-resnet18", tmp_path).path == made.path
    assert find(made.path, Path("nowhere")).path == made.path
    with pytest.raises(UsageError, match="Did you mean photos-resnet18"):
        find("fotos-resnet18", tmp_path)
    for odd in ("x" * 5000, "a\0b"):
        with pytest.raises(UsageError, match="no run there"):
            find(odd, tmp_path)
