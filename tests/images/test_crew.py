"""Processes that decode: the same bytes as threads, and nothing is lost when one of them dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lamplighter.images import cache
from lamplighter.images import crew as crews
from lamplighter.images.crew import Crew, Files, crew
from lamplighter.images.decode import read_picture
from lamplighter.images.pixels import HeldPixels
from lamplighter.images.preprocess import Preprocess

COUNT, SIDE = 40, 8
LYING = (COUNT, SIDE, SIDE, 3)
GEOMETRY = Preprocess(SIDE).geometry


@pytest.fixture(autouse=True)
def small_sets_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Few pictures are enough for a crew; the cache is the test's own."""
    monkeypatch.setattr(crews, "WORTH_IT", 10)
    monkeypatch.setenv("LAMPLIGHTER_CACHE", str(tmp_path / "cache"))


def pictures(folder: Path, *, spoilt: Sequence[int] = (), odd: str = "") -> list[Path]:
    """PNG files of many sizes; those in `spoilt` hold no picture."""
    rng = np.random.default_rng(0)
    found = []
    for position in range(COUNT):
        path = folder / f"{odd}{position:03}.png"
        values = rng.integers(0, 256, (20, 10 + position, 3), dtype=np.uint8)
        Image.fromarray(values).save(path)
        if position in spoilt:
            path.write_bytes(b"nothing that anybody could see")
        found.append(path)
    return found


def plan(paths: Sequence[Path], *, whole: bool = False) -> Files:
    return Files(paths, GEOMETRY, whole, (SIDE, SIDE))


def decoded(files: Files, *, with_crew: bool, key: str) -> tuple[HeldPixels, list[tuple[int, str]]]:
    render = files.geometry.whole if files.whole else files.geometry.square
    pixels, faults = cache.open_or_decode(
        key, (COUNT, 3, SIDE, SIDE), lambda place: read_picture(files.paths[place], draft=files.draft),
        render, workers=2, files=files if with_crew else None,
    )  # fmt: skip
    assert isinstance(pixels, HeldPixels)
    return pixels, [(fault.position, fault.reason) for fault in faults]


@pytest.mark.parametrize("whole", [False, True])
def test_same_bytes_as_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Pixels and aspects do not tell who decoded them; the threads decoded none of the crew's."""
    files = plan(pictures(tmp_path), whole=whole)
    by_threads, _ = decoded(files, with_crew=False, key="threads")
    monkeypatch.setattr(sys.modules[__name__], "read_picture", None)
    by_crew, faults = decoded(files, with_crew=True, key="crew")
    assert faults == []
    assert torch.equal(by_crew.pixels, by_threads.pixels)
    assert torch.equal(by_crew.aspects, by_threads.aspects)
    assert by_crew.pixels.float().std() > 10


def test_faults_come_back_with_their_place(tmp_path: Path) -> None:
    """A file that cannot be decoded is told as threads tell it, and nothing is kept."""
    files = plan(pictures(tmp_path, spoilt=[7, 31]))
    _, by_threads = decoded(files, with_crew=False, key="threads")
    _, by_crew = decoded(files, with_crew=True, key="crew")
    assert [position for position, _ in by_crew] == [7, 31]
    assert by_crew == by_threads
    assert "not a picture" in by_crew[0][1]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems want names in Unicode")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A file name of bytes that are no UTF-8 reaches a member as it is."""
    odd = os.fsdecode(b"caf\xe9 ")
    by_crew, faults = decoded(plan(pictures(tmp_path, odd=odd)), with_crew=True, key="crew")
    assert faults == []
    assert by_crew.pixels.float().std() > 10


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_death_of_a_member_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members that are killed in the midst of it: what they had is decoded here, the same."""
    files = plan(pictures(tmp_path))
    expected, _ = decoded(files, with_crew=False, key="threads")
    asked: list[int] = []
    ask = Crew.decode

    def killed_at_the_third(self: Crew, positions: range, aspects: np.ndarray):
        asked.append(positions[0])
        if len(asked) == 3:
            for member in running:
                os.kill(member.pid, signal.SIGKILL)
        return ask(self, positions, aspects)

    running: list = []
    start = crews.subprocess.Popen

    def noted(*args: object, **settings: object):
        running.append(start(*args, **settings))  # type: ignore[call-overload]
        return running[-1]

    monkeypatch.setattr(crews.subprocess, "Popen", noted)
    monkeypatch.setattr(Crew, "decode", killed_at_the_third)
    pixels, faults = decoded(files, with_crew=True, key="crew")
    assert faults == []
    assert len(asked) > 3
    assert torch.equal(pixels.pixels, expected.pixels)
    assert torch.equal(pixels.aspects, expected.aspects)


def test_nobody_is_left(tmp_path: Path) -> None:
    """Members end with the context, also when it ends by an error."""
    paths = pictures(tmp_path)
    target = tmp_path / "pixels"
    target.write_bytes(bytes(int(np.prod(LYING))))
    members: list = []

    def broken_off() -> None:
        with crew(plan(paths), target, LYING, 2) as found:
            assert found is not None
            while not found._idle.empty():
                members.append(found._idle.get())
            raise RuntimeError("an error in the midst of it")

    with pytest.raises(RuntimeError, match="midst"):
        broken_off()
    assert len(members) == 2
    assert all(member.poll() == 0 for member in members)


def test_few_pictures_or_one_core_have_none(tmp_path: Path) -> None:
    """Where a crew would not help there is none."""
    paths = pictures(tmp_path)
    target = tmp_path / "pixels"
    with crew(plan(paths[:9]), target, (9, SIDE, SIDE, 3), 2) as found:
        assert found is None
    with crew(plan(paths), target, LYING, 1) as found:
        assert found is None
    with crew(None, target, LYING, 2) as found:
        assert found is None


def test_a_member_needs_no_torch() -> None:
    """Its start is a third of a second because it imports neither torch nor what imports it."""
    import subprocess

    code = "import sys, lamplighter.images.crew; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
