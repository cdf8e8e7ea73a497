"""A look ahead: another process measures into the same store, and no file twice for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lamplighter.data.example import Example
from lamplighter.data.sources import open_source
from lamplighter.look import ahead
from lamplighter.look import pictures as pictures_room
from lamplighter.look.ahead import looking_ahead
from lamplighter.look.facts import Facts
from lamplighter.look.measure import measure_file, measure_files
from lamplighter.look.pictures import scan_source
from lamplighter.look.store import Store, stamp_of
from lamplighter.look.verdict import by_lot, look

PATIENCE = 60  # seconds for a process to do what takes it one


@pytest.fixture
def before_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process looks as one does at the beginning of a command, on two cores."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(ahead, "cores", lambda: 2)


def _paths(folder: Path) -> list[Path]:
    return [example.path for example in open_source(folder).examples() if example.path]


def _known(paths: list[Path], cache: Path) -> dict[str, Facts]:
    store = Store(cache)
    try:
        return store.known([stamp for path in paths if (stamp := stamp_of(path))])
    finally:
        store.close()


@pytest.mark.usefixtures("before_torch")
def test_it_measures_every_file_into_the_store(clean_set, own_cache):
    """The other process leaves the same facts that this one would have found."""
    paths = _paths(clean_set)
    found: dict[str, Facts] = {}
    with looking_ahead({"data": clean_set}):
        end = time.monotonic() + PATIENCE
        while len(found) < len(paths) and time.monotonic() < end:
            time.sleep(0.05)
            found = _known(paths, own_cache)
    assert len(found) == len(paths) == 144
    assert found[str(paths[5])] == measure_file(paths[5])


@pytest.mark.usefixtures("before_torch")
def test_it_ends_with_its_context(clean_set, monkeypatch):
    """Leaving the context ends the process, whatever it had still to do."""
    begun: list[subprocess.Popen[bytes]] = []
    begin = ahead._begin

    def noted(settings: dict[str, object]) -> subprocess.Popen[bytes] | None:
        process = begin(settings)
        assert process is not None
        begun.append(process)
        return process

    monkeypatch.setattr(ahead, "_begin", noted)
    with looking_ahead({"data": clean_set}):
        assert begun[0].poll() is None
    assert begun[0].poll() == 0


@pytest.mark.usefixtures("before_torch")
def test_nothing_begins_without_files_or_a_second_core(clean_set, monkeypatch):
    """No data, a known set by name, data that are not there, one core: no process."""
    for data in (None, "digits", "no/such/folder", f"{clean_set} + digits"):
        assert ahead._begin({"data": data}) is None
    monkeypatch.setattr(ahead, "cores", lambda: 1)
    assert ahead._begin({"data": clean_set}) is None


def test_nothing_begins_once_torch_is_there(clean_set, monkeypatch):
    """In a program that has imported torch there is nothing to win."""
    monkeypatch.setattr(ahead, "cores", lambda: 2)
    assert "torch" in sys.modules
    assert ahead._begin({"data": clean_set}) is None


def test_the_other_process_says_nothing_of_bad_data(tmp_path):
    """An empty folder is the command's to tell: the other process ends in silence."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", ahead.__name__, f'{{"text": "{tmp_path}"}}'],
        stdin=subprocess.PIPE, capture_output=True, timeout=PATIENCE, check=False,
        env=os.environ,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_another_measured_meanwhile_is_not_measured_again(clean_set, own_cache, monkeypatch):
    """Each block asks the store once more: facts that came since the beginning are taken."""
    source = open_source(clean_set)
    examples = source.examples()
    paths = [example.path for example in examples]
    measured: list[Path] = []

    def measure_and_meet(some: list[Path]) -> list[Facts]:
        if not measured:  # as the first block is read, the last ones are done elsewhere
            other = Store(own_cache)
            other.keep(zip(map(stamp_of, paths[100:]), measure_files(paths[100:]), strict=True))
            other.close()
        measured.extend(some)
        return measure_files(some)

    monkeypatch.setattr(pictures_room, "measure_files", measure_and_meet)
    store = Store(own_cache)
    scan = scan_source(source, examples, store=store, workers=1)
    store.close()
    assert [picture.facts for picture in scan.pictures] == measure_files(paths)
    assert set(measured) == set(paths[:100])


def test_the_lot_is_the_same_in_any_order():
    """Whatever order the examples come in, the same are drawn; fewer are taken as they are."""
    examples = [Example(key=f"train/cats/{n}.jpg", label="cats") for n in range(1000)]
    drawn = by_lot(examples, 100)
    backwards = by_lot(examples[::-1], 100)
    assert len(drawn) == 100
    assert backwards == drawn[::-1]
    assert by_lot(examples[:50], 100) == examples[:50]


def test_a_look_at_files_needs_no_torch(clean_set):
    """`lamp look` of a folder imports neither torch nor torchvision."""
    code = (
        "import sys; from lamplighter.look.loose import open_for_look;"
        "from lamplighter.look.verdict import look; look(open_for_look(sys.argv[1]), size=128);"
        "sys.exit(' '.join(sorted({'torch', 'torchvision'} & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(clean_set)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_lot_of_a_limit_is_looked_at(clean_set):
    """With `lot` the pictures of a limit are those that the lot chooses."""
    seen = look(clean_set, size=128, limit=12, lot=True)
    examples = open_source(clean_set).examples()
    assert [p.key for p in seen.pictures] == [one.key for one in by_lot(examples, 12)]
