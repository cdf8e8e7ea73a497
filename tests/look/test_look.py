"""The look as a whole: what it counts, keeps, says and refuses."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lamplighter.checks.finding import Finding
from lamplighter.data.sources import open_source
from lamplighter.data.split import collect
from lamplighter.errors import DataError, UsageError
from lamplighter.evaluation.intervals import wilson
from lamplighter.listener import Bar, Listener
from lamplighter.look import judge as judge_room
from lamplighter.look import pictures as pictures_room
from lamplighter.look import verdict as verdict_room
from lamplighter.look.content import share_cut
from lamplighter.look.facts import Facts
from lamplighter.look.measure import measure_file, measure_files
from lamplighter.look.page import render_page, write_page
from lamplighter.look.sheets import contact_sheet, write_class_sheets
from lamplighter.look.store import Store, forget, stamp_of
from lamplighter.look.verdict import fingerprint, look, scan

KEYS = {"lamplighter", "layout", "files", "classes", "splits", "sizes", "findings"}


def test_the_json_has_the_promised_keys(clean_set):
    """`as_json` holds every key that DESIGN promises, and survives json.dumps."""
    document = json.loads(json.dumps(look(clean_set, size=128).as_json()))
    assert set(document) >= KEYS
    assert document["files"] == 144
    assert document["classes"]["cats"] == {"train": 40, "val": 32}
    assert document["splits"] == {"train": 80, "val": 64}
    assert document["sizes"]["width"] == {"min": 240, "median": 240.0, "max": 240}


def test_a_second_look_reads_only_what_changed(clean_set, monkeypatch):
    """Facts of unchanged files come from the cache; a changed file is read again."""
    first = look(clean_set, size=128)
    read: list[Path] = []

    def noting(paths: Sequence[Path]) -> list[Facts]:
        read.extend(paths)
        return measure_files(paths)

    monkeypatch.setattr(pictures_room, "measure_files", noting)
    again = look(clean_set, size=128)
    assert read == []
    assert again.as_json()["sizes"] == first.as_json()["sizes"]
    victim = next((clean_set / "train/cats").glob("*.jpg"))
    victim.write_bytes(b"")
    assert [f.code for f in look(clean_set, size=128).findings] == ["D121"]
    assert read == [victim]


def test_a_damaged_cache_costs_time_and_nothing_else(clean_set, own_cache):
    """A cache file that is no database is passed over."""
    (own_cache / "look.sqlite").write_bytes(b"not a database" * 100)
    assert look(clean_set, size=128).findings == []


def test_the_cache_can_be_cleared(clean_set, own_cache):
    """`forget` removes what looks kept and leaves other files alone."""
    (own_cache / "mine.txt").write_text("keep")
    look(clean_set, size=128)
    assert forget(own_cache) > 0
    assert [path.name for path in own_cache.iterdir()] == ["mine.txt"]


def test_nothing_is_written_into_the_data(clean_set):
    """The data folder is the same before and after a look."""
    before = sorted((p, p.stat().st_mtime_ns) for p in clean_set.rglob("*"))
    look(clean_set, size=128, labels=True)
    assert sorted((p, p.stat().st_mtime_ns) for p in clean_set.rglob("*")) == before


class Stopping(Listener):
    """Stops the look after a few pictures, as Ctrl-C does."""

    @contextmanager
    def bar(self, what: str, total: int | None) -> Iterator[Bar]:
        yield StoppingBar()


class StoppingBar(Bar):
    def __init__(self) -> None:
        self.left = 20

    def advance(self, units: int = 1) -> None:
        self.left -= units
        if self.left < 0:
            raise KeyboardInterrupt


def test_ctrl_c_gives_what_is_known_so_far(clean_set):
    """A stopped look tells what it saw, and that this is not all."""
    seen = look(clean_set, size=128, listener=Stopping())
    assert not seen.complete
    assert 0 < seen.files < 144
    assert "not all were looked at" in seen.verdict


def test_ctrl_c_while_comparing_keeps_what_was_read(clean_set, monkeypatch):
    """Stopped after the last file, every file is told, and what was left undone is said."""

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(judge_room, "near_duplicates", stopped)
    seen = look(clean_set, size=128)
    assert (seen.files, seen.complete) == (144, False)
    assert "144 pictures in 2 classes (stopped before all near duplicates were" in seen.verdict


def test_a_limit_is_spread_over_the_classes(clean_set):
    """`limit` looks at that many pictures, of every class, and judges no class sizes by them."""
    seen = look(clean_set, size=128, limit=12)
    assert seen.files == 12
    assert set(seen.classes) == {"cats", "dogs"}
    assert not seen.complete
    assert seen.findings == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"fit": "stretch"}, "fit is one of crop, squash, pad, got 'stretch'"),
        ({"size": 0}, "size is between 1 and 16384 pixels, got 0"),
        ({"limit": 0}, "limit is at least 1, got 0"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings, words, clean_set):
    """Each refusal says what is allowed and what came."""
    with pytest.raises(UsageError, match=words):
        look(clean_set, **settings)


def test_no_pictures_at_all_is_a_data_error(tmp_path):
    """A folder without pictures says what was expected."""
    with pytest.raises(DataError, match="expected pictures"):
        look(tmp_path)


def test_a_folder_without_classes_can_be_looked_at(tmp_path, draw):
    """Loose pictures are looked at, though nothing can be trained on them."""
    for seed in range(3):
        draw(seed).save(tmp_path / f"{seed}.jpg")
    seen = look(tmp_path, size=128)
    assert seen.files == 3
    assert "without classes" in seen.layout


def test_pictures_in_memory_are_looked_at():
    """The built-in digits have counts, and no invented findings above the level of information."""
    seen = look("digits", size=8, near=False)
    assert seen.files == 1797
    assert all(finding.level == "info" for finding in seen.findings)


def test_the_scan_before_training_is_kept(clean_set, monkeypatch):
    """The same files in the same splits are judged once; another split is judged anew."""
    (clean_set / "train/cats/zero.jpg").touch()
    collection = collect(open_source(clean_set), seed=0)
    first = scan(collection, size=128)
    assert [finding.code for finding in first] == ["D121"]
    monkeypatch.setattr(verdict_room, "look", None)
    assert scan(collection, size=128) == first
    assert all(isinstance(finding, Finding) for finding in first)
    with pytest.raises(TypeError):
        scan(collection, size=64)


class Listening(Listener):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_the_scan_of_a_large_set_is_bounded_and_says_so(clean_set):
    """A sample is decoded, identical files are found among all, what was left out is told."""
    for place, file in enumerate(sorted((clean_set / "train/cats").glob("*.jpg"))[:6]):
        shutil.copy(file, clean_set / f"val/cats/leaked{place}.jpg")
    listener = Listening()
    found = scan(
        collect(open_source(clean_set), seed=0), size=128, most=10, most_near=100, listener=listener
    )
    leak = next(finding for finding in found if finding.code == "S101")
    assert leak.level == "error"
    assert len(leak.paths) == 12
    assert listener.said == [
        "data: 10 of 150 pictures were looked at and near duplicates were not searched,"
        " so that training starts soon; lamp look does all"
    ]


def test_the_fingerprint_follows_the_data(clean_set):
    """A changed byte in one file is another fingerprint."""
    before = fingerprint(collect(open_source(clean_set), seed=0))
    assert before == fingerprint(collect(open_source(clean_set), seed=0))
    victim = next((clean_set / "train/cats").glob("*.jpg"))
    victim.write_bytes(victim.read_bytes() + b"\0")
    assert before != fingerprint(collect(open_source(clean_set), seed=0))


def test_facts_survive_the_store(tmp_path, draw):
    """What is packed comes back equal, and under another time of change not at all."""
    file = tmp_path / "a.jpg"
    draw(1).save(file)
    facts, stamp = measure_file(file), stamp_of(file)
    assert stamp is not None
    store = Store(tmp_path / "cache")
    store.keep([(stamp, facts)])
    assert store.known([stamp]) == {stamp[0]: facts}
    os.utime(file, (time.time() - 99, time.time() - 99))
    assert store.known([stamp_of(file)]) == {}
    store.close()


def test_a_turned_file_has_the_size_that_people_see(tmp_path, draw):
    """Width and height are told after EXIF orientation."""
    exif = Image.Exif()
    exif[274] = 6
    draw(1, 240, 100).save(tmp_path / "a.jpg", exif=exif)
    facts = measure_file(tmp_path / "a.jpg")
    assert (facts.width, facts.height, facts.orientation) == (100, 240, 6)


def test_the_share_that_a_crop_cuts():
    """A 2:1 picture loses half; a larger resize loses more; squash and pad lose nothing."""
    facts = Facts(width=400, height=200)
    assert share_cut(facts, size=224, resize=224, fit="crop") == 0.5
    assert share_cut(facts, size=224, resize=256, fit="crop") == pytest.approx(1 - 0.5 * 0.765625)
    assert share_cut(facts, size=224, resize=224, fit="pad") == 0.0


def test_wilson_interval_agrees_with_its_source():
    """9 right of 10 allow anything from 60 % to 98 %."""
    low, high = wilson(9, 10)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)


def test_a_label_on_the_wrong_side_is_suspected(tmp_path):
    """Where colours tell the classes apart, a picture of the other colour is named first."""
    rng = np.random.default_rng(0)
    for place in range(80):
        name = ("reds", "blues")[place % 2]
        shown = "blues" if place == 6 else name
        pixels = rng.integers(0, 90, (64, 64, 3))
        pixels[..., 0 if shown == "reds" else 2] += 150
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(
            tmp_path / name / f"{'abcdefgh'[place % 8]}{place}.png"
        )
    found = [f for f in look(tmp_path, size=64, labels=True).findings if f.code == "Y111"]
    assert len(found) == 1
    assert found[0].level == "info"
    assert Path(found[0].paths[0]).name == "g6.png"


def test_the_page_stands_alone_and_escapes(clean_set, tmp_path, draw):
    """The page needs no network, shows the pictures, and a file name cannot inject markup."""
    draw(500).save(clean_set / "train/cats/<img src=x onerror=alert(1)>.jpg")
    seen = look(clean_set, size=128)
    text = render_page(seen)
    assert seen.verdict in text
    assert "data:image/jpeg;base64," in text
    assert "<img src=x" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert write_page(seen, tmp_path / "new" / "page.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_says_so(clean_set, tmp_path):
    """The message names the file and the flag."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="the page cannot be written") as caught:
        write_page(look(clean_set, size=128, limit=4), tmp_path / "file" / "page.html")
    assert "--html" in caught.value.fix


def test_a_contact_sheet_has_a_cell_per_picture():
    """Five pictures in rows of two make three rows; colours and greys fit alike."""
    some = [
        np.zeros((40, 60, 3), np.uint8),
        np.zeros((9, 9), np.uint8),
        np.zeros((8, 8, 1), np.uint8),
    ]
    sheet = contact_sheet([*some, *some[:2]], columns=2, cell=50)
    assert sheet.shape == (3 * 54 + 4, 2 * 54 + 4, 3)
    assert sheet.dtype == np.uint8


def test_sheets_are_written_per_class_and_per_use(clean_set, tmp_path):
    """A sheet per class, one of training pictures and one of validation pictures."""
    files = write_class_sheets(look(clean_set, size=128, limit=20), tmp_path / "sheets", size=64)
    assert [f.name for f in files] == [
        "class-cats.png", "class-dogs.png", "training.png", "validation.png",
    ]  # fmt: skip
    for file in files:
        with Image.open(file) as sheet:
            assert sheet.width > 200


@pytest.mark.parametrize("name", ["messy", "exif_orientation"])
def test_every_file_of_an_odd_folder_is_accounted_for(name):
    """Each file is named in a finding or was read well; one that was not read is always named."""
    root = Path(os.environ.get("LAMPLIGHTER_TEST_DATA", "/nowhere")) / name
    if not root.is_dir():
        pytest.skip("LAMPLIGHTER_TEST_DATA does not name a folder with it")
    seen = look(root, cache=False)
    named = {(root / path) for finding in seen.findings for path in finding.paths}
    read = {picture.example.path for picture in seen.pictures if picture.facts.seen}
    assert {path for path in root.rglob("*") if path.is_file()} <= named | read
    assert {p.example.path for p in seen.pictures if not p.facts.seen} <= named
